/*
 * network - how to reach an upstream, from the values of its table.
 */
#ifndef CONFIG_NETWORK_H
#define CONFIG_NETWORK_H

#include "config/layer.h"

/*
 * Fill out from block b of the layer, a block of schema_network.  Values that
 * are inherited were checked already; inherited may be NULL.
 */
void network_store(struct load *l, const struct layer *layer,
		   const struct layer_block *b,
		   const struct config_value *inherited,
		   struct config_network *out);

#endif
