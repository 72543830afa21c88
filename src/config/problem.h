/*
 * problem - errors and warnings of the configuration, one line each.
 *
 *	problem_error(&problems, place, "server.port: %s", why);
 *
 * All are collected so that one run shows all of them; past PROBLEM_ERRORS_MAX
 * errors or PROBLEM_WARNINGS_MAX warnings they are only counted.
 */
#ifndef CONFIG_PROBLEM_H
#define CONFIG_PROBLEM_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	PROBLEM_ERRORS_MAX = 20,
	PROBLEM_WARNINGS_MAX = 40,
	PROBLEM_LINE_MAX = 1024, /* longer ones are cut */
	PROBLEM_QUOTE_MAX = 60,
};

/* Where a value stands: in a file, or "--port", "QUIPU_PORT" (line 0). */
struct place {
	struct str name;
	size_t line;   /* from 1; 0: the name says it all */
	size_t column; /* from 1; 0: unknown */
};

struct problems {
	struct buf *out;
	unsigned errors, warnings;
};

void problem_init(struct problems *p, struct buf *out);

void problem_error(struct problems *p, struct place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void problem_warning(struct problems *p, struct place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Say how many were not shown. */
void problem_done(struct problems *p);

/* s in double quotes, cut and made printable. */
struct str problem_quote(struct arena *a, struct str s);

/* The same without quotes. */
struct str problem_printable(struct arena *a, struct str s);

#endif
