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
/* There is no such provider; path is the key's, v where it stands. */
void models_note_provider(struct load *l, struct str path, struct str id,
			  const struct config_value *v);

void models_load(struct load *l, const struct tree_node *map);

#endif
