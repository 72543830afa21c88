/*
 * providers - the mapping "providers" of the file: the upstreams.
 */
#ifndef CONFIG_PROVIDERS_H
#define CONFIG_PROVIDERS_H

#include "config/load.h"

enum {
	PROVIDERS_MAX = 256
};

/*
 * Fill the configuration's providers and the loader's map of their ids, from
 * the file's mapping or, when there is one, from a list that stands in for its
 * inference.  Either may be NULL.
 */
void providers_load(struct load *l, const struct tree_node *map,
		    const struct tree_node *instead);

/* One of the type, from defaults and variables. */
void providers_make(struct load *l, const struct config_provider_type *type,
		    struct str id, struct config_provider *out);

#endif
