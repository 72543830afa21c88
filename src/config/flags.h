/*
 * flags - the command line as a source of values.
 *
 * "--port 8321", "--port=8321", "--log-access", "--no-log-access".
 */
#ifndef CONFIG_FLAGS_H
#define CONFIG_FLAGS_H

#include "config/layer.h"

/* Set what the flags say; unknown ones and other words are errors. */
void flags_apply(struct load *l, const struct layer *layer, char **flags);

/* The value of the last flag of that name, or "". */
struct str flags_find(char **flags, struct str name);

#endif
