/*
 * env_files - values of variables that stand in files of their own.
 *
 *	OPENAI_API_KEY_FILE=/run/secrets/openai
 *
 * gives OPENAI_API_KEY what is in the file, when that variable is not set and
 * is one that a setting reads; a variable that is a setting's own name
 * (AWS_WEB_IDENTITY_TOKEN_FILE) keeps its meaning.  Files of
 * $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=) whose names are of
 * A-Z, 0-9 and _ become variables of these names, if not set; last comes a
 * variable's file.  Newlines at the end of a file are not part of the value.
 */
#ifndef CONFIG_ENV_FILES_H
#define CONFIG_ENV_FILES_H

#include "config/load.h"

enum {
	ENV_FILE_MAX = 64 * 1024, /* bytes of one */
	ENV_FILES_MAX = 256,      /* credentials; more are not looked at */
};

/*
 * Let l->env be the variables of environment (NULL: none) and of files; it
 * lives as long as the configuration.  A file that cannot be read, is empty,
 * too long or has a NUL in it is a problem.
 */
void env_files(struct load *l, char **environment);

#endif
