/*
 * config - the command "quipu config".
 */
#ifndef CLI_CONFIG_H
#define CLI_CONFIG_H

#include "config/config.h"

/*
 *	quipu config check [FILE] [flags]	is it right?
 *	quipu config show [FILE] [--json] [flags]	every value, its origin
 *
 * argv begins with "check" or "show" and ends with NULL.  Returns the exit
 * code: 0, 1 when the configuration is bad, 2 when the command is.
 */
must_check int cli_config(int argc, char **argv, char **environment,
			  const struct config_provider_type *types);

#endif
