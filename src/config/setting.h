/*
 * setting - one row of a table of settings.
 *
 *	static const struct setting settings[] = {
 *		{ .key = "api_key", .secret = true, .env = "GROQ_API_KEY",
 *		  .help = "key of the Groq account" },
 *		{ .key = "timeout", .kind = SETTING_DURATION, .def = "30s",
 *		  .help = "..." },
 *		{ 0 },
 *	};
 *
 * quipu's own table is config/schema.c; a kind of provider brings its own.  A
 * key may have dots: "retry.max" is max in the mapping retry.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "base/str.h"

enum setting_kind {
	SETTING_STR,
	SETTING_BOOL,
	SETTING_INT,      /* "100", within min and max */
	SETTING_SIZE,     /* "64KB", "100MB"; bytes, KB is 1024 */
	SETTING_DURATION, /* "250ms", "15s", "10m", or a number of seconds */
	SETTING_ENUM,     /* one of choices */
	SETTING_LIST,     /* of strings; in a variable or flag "a,b" */
	SETTING_MAP,      /* of strings to strings: headers; see any_names */
	SETTING_PATH,     /* a file, ~ expanded; it need not exist */
};

/* One row of a schema. */
struct setting {
	const char *key; /* "server.port"; in a provider's table "api_key" */
	enum setting_kind kind;
	bool required;
	bool secret;         /* never shown */
	bool any_names;      /* MAP: not of headers */
	const char *def;     /* as it would be written; NULL: unset */
	const char *env;     /* variable, or "A|B": the first set; or NULL */
	const char *flag;    /* "port" for --port, or NULL */
	const char *choices; /* "debug|info|warn|error" */
	int64_t min, max;    /* INT, SIZE (bytes), DURATION (ns); both 0: any */
	const char *help;
	/* the rest is private to config/ */
	size_t offset;     /* of the member in the owner's struct */
	bool stored;       /* there is such a member */
	bool outside;      /* of the file: variable and flag only */
	bool env_yields;   /* the file wins over the variable */
	const char *truth; /* ENUM kept as a bool: the choices that are true */
	const char *sets;  /* "a|b": a shorthand for these keys */
	const char *path;  /* BOOL: text with a slash goes to this key */
	bool joined;       /* STR: a list of the file becomes "a,b" */
	bool fixed;        /* a running server keeps its first value */
};

#endif
