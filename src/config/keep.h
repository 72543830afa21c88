/*
 * keep - where the store is: "store.uri", else OGX's section "storage", else
 * the user's own state directory.
 */
#ifndef CONFIG_KEEP_H
#define CONFIG_KEEP_H

#include "config/layer.h"

/*
 * Settle l->cfg->store_uri, once the settings and the storage are known, and
 * let "config show" see it.  A URI of no kind that quipu knows is an error.
 */
void keep_load(struct load *l, const struct layer *layer);

#endif
