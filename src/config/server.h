/*
 * server - what must hold between the values of the section "server".
 */
#ifndef CONFIG_SERVER_H
#define CONFIG_SERVER_H

#include "config/layer.h"

/* root is the file's mapping, or NULL. */
void server_check(struct load *l, const struct layer *layer,
		  const struct tree_node *root);

#endif
