/*
 * env - environment variables, and their names inside of values.
 *
 *	"${env.NAME}"		the value; an error when unset or empty
 *	"${env.NAME:=text}"	the value, or text when unset or empty
 *	"${env.NAME:+text}"	text when NAME is set and not empty, or nothing
 *
 * NAME is of A-Z, 0-9 and _; a text cannot hold a "}".  Several may stand in
 * one value.  What a variable holds is not looked at again, but "~" or "~/" at
 * the start of what one of them comes to is the home directory.
 */
#ifndef CONFIG_ENV_H
#define CONFIG_ENV_H

#include "base/buf.h"

/* The value, or "" when unset; env is as environ, or NULL. */
struct str env_get(char **env, struct str name);

/* Of "A|B" the first that is set and not empty; *out_name says which. */
struct str env_get_first(char **env, struct str names, struct str *out_name);

/* Is there anything to expand? */
bool env_has_names(struct str text);

enum env_outcome {
	ENV_UNSET = 1, /* *out_name is the variable */
	ENV_BAD_NAME,  /* *out_name is what stands there */
};

/* Append the expanded text to out.  Returns 0, > 0, or -EMSGSIZE. */
must_check int env_expand(char **env, struct str text, struct buf *out,
			  struct str *out_name);

#endif
