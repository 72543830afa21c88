/*
 * routes - the list "passthrough.routes" of the file: paths of a provider.
 */
#ifndef CONFIG_ROUTES_H
#define CONFIG_ROUTES_H

#include "config/load.h"

enum {
	ROUTES_MAX = 1000
};

/* Fill the configuration's routes; the providers must be known. */
void routes_load(struct load *l, const struct tree_node *passthrough);

/* The first route that serves a path, or NULL. */
const struct config_route *routes_find(const struct config *c, struct str path);

#endif
