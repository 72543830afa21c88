/*
 * print - text for a terminal, made of what others wrote.
 *
 *	print_init(&p, color);
 *	print_color(&p, PRINT_BOLD);
 *	print_fmt(&p, STR_FMT "\n", STR_ARG(name));
 *	print_color(&p, PRINT_PLAIN);
 *	print_flush(&p);
 *
 * Control characters, which could give orders to a terminal, come out as "\x1b";
 * newlines and tabs stay.  Only print_color() writes any, and only when colour is
 * wanted.  Text goes to standard output.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include "base/buf.h"

enum {
	PRINT_MAX = 512 << 20 /* between two flushes; more is left out */
};

enum print_style {
	PRINT_PLAIN,
	PRINT_BOLD,
	PRINT_DIM,
	PRINT_RED,
	PRINT_GREEN,
	PRINT_YELLOW,
	PRINT_BLUE,
};

struct print {
	struct buf out;
	bool color;
};

void print_init(struct print *p, bool color);
void print_fini(struct print *p);

void print_add(struct print *p, struct str s);
void print_fmt(struct print *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Each line of s behind prefix, with a newline at the end. */
void print_lines(struct print *p, const char *prefix, struct str s);

/* Until the next one. */
void print_color(struct print *p, enum print_style style);

/* s in that style. */
void print_styled(struct print *p, enum print_style style, struct str s);

/* Write all out and begin anew. */
void print_flush(struct print *p);

/* Is standard output a terminal, and does nobody ask for no colours? */
bool print_wants_color(void);

#endif
