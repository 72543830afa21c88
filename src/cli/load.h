/*
 * load - the configuration of quipu serve, and what follows from it at once.
 */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include "base/log.h"
#include "config/config.h"

enum {
	LOAD_MESSAGES_MAX = 256 * 1024
};

/*
 * argv is what follows "serve": maybe a file or the name of one first, then
 * flags.  Returns 0 with *out, or -1; messages gets lines either way.
 */
must_check int load_config(char **argv, char **environment, struct config **out,
			   struct buf *messages);

enum log_level load_log_level(const struct config *config);

/* Logs hide its secrets from now on. */
void load_secrets(const struct config *config);

#endif
