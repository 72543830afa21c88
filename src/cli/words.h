/*
 * words - commands that have commands: "quipu recordings ls", "quipu store info".
 *
 *	return words_run(&(struct words){ .command = "store", .list = list,
 *					  .notes = "..." }, argc, argv);
 *
 * Options may stand anywhere, as "--name value" or "--name=value"; all behind "--"
 * are arguments.  Every command knows --json and --help.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "base/str.h"

enum {
	WORDS_OPTIONS_MAX = 12,
	WORDS_GIVEN_MAX = 64, /* options in one command */
	WORDS_USAGE = 64,     /* exit code: the command is not right */
};

struct word_option {
	const char *name; /* "--dir"; NULL ends */
	bool has_value;
};

struct word_cmd {
	const struct words *words;
	const struct word *word;
	char **args; /* without the options */
	size_t count;
	struct {
		const char *name, *value; /* "" for a flag */
	} given[WORDS_GIVEN_MAX];
	size_t given_count;
	bool json, color;
};

struct word {
	const char *name;
	const char *arguments; /* "FILE..." */
	const char *summary;
	const char *help;
	size_t min, max; /* arguments */
	struct word_option options[WORDS_OPTIONS_MAX];
	int (*run)(const struct word_cmd *c); /* the exit code */
};

struct words {
	const char *command;     /* "recordings" */
	const struct word *list; /* a NULL name ends */
	const char *notes;       /* behind the list: exit codes */
};

/*
 * argv begins with the word behind the command and ends with NULL.  Returns the
 * exit code: that of the word, or WORDS_USAGE.
 */
must_check int words_run(const struct words *w, int argc, char **argv);

/* An option's last value, "" for a flag that was given, NULL when it was not. */
const char *words_option(const struct word_cmd *c, const char *name);

/* Its values one by one: *at starts at 0; NULL ends. */
const char *words_next(const struct word_cmd *c, const char *name, size_t *at);

/* "quipu: ..." to standard error.  Returns code. */
int words_fail(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
