/*
 * logging - OGX's ways to say how much is logged.
 *
 * OGX has a level for each of many categories, in "logging.category_levels" of
 * the file (or "logging_config", which its server reads) and in the variable
 * OGX_LOGGING, "all=debug,server=info".  quipu has one level for everything:
 * that of the category "all".
 */
#ifndef CONFIG_LOGGING_H
#define CONFIG_LOGGING_H

#include "config/layer.h"

/* Set log.level from root, the file's mapping.  Before layer_walk(). */
void logging_load(struct load *l, const struct layer *layer,
		  const struct tree_node *root);

/* Set log.level from OGX_LOGGING. */
void logging_environment(struct load *l, const struct layer *layer);

#endif
