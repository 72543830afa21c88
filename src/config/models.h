/*
 * models - the mapping "registered_resources" of the file: named models.
 */
#ifndef CONFIG_MODELS_H
#define CONFIG_MODELS_H

#include "config/load.h"

enum {
	MODELS_MAX = 10000
};

/* Fill the configuration's models; the providers must be known. */
void models_load(struct load *l, const struct tree_node *map);

#endif
