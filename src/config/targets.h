/*
 * targets - the list "targets" of a registered model: who serves it, in turn.
 */
#ifndef CONFIG_TARGETS_H
#define CONFIG_TARGETS_H

#include "config/load.h"

enum {
	TARGETS_MAX = 64 /* of one model */
};

/*
 * Fill model's targets from the entry of the model; the providers must be
 * known.  A target whose provider is switched off is left out.  Returns false
 * when there is no such list.
 */
bool targets_load(struct load *l, const struct tree_node *entry,
		  struct str path, struct config_model *model);

#endif
