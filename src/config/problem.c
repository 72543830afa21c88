#include "config/problem.h"

#include <stdarg.h>
#include <stdio.h>

void problem_init(struct problems *p, struct buf *out)
{
	*p = (struct problems){ .out = out };
}

/* A full buffer loses the line: the count still makes the load fail. */
static void add(struct problems *p, struct str s)
{
	(void)!buf_add(p->out, s);
}

static void add_place(struct problems *p, struct place at)
{
	char text[64];
	int n = 0;

	add(p, at.name);
	if (at.line > 0)
		n = snprintf(text, sizeof(text), ":%zu", at.line);
	add(p, (struct str){ text, (size_t)n });
	n = 0;
	if (at.column > 0)
		n = snprintf(text, sizeof(text), ":%zu", at.column);
	add(p, (struct str){ text, (size_t)n });
	if (at.name.len > 0)
		add(p, STR(": "));
}

/* text has len bytes, or what fits of them. */
static void add_line(struct problems *p, struct place at, struct str kind,
		     const char text[PROBLEM_LINE_MAX], int len)
{
	struct str line = { text, len > 0 ? (size_t)len : 0 };

	add_place(p, at);
	add(p, kind);
	if (line.len >= PROBLEM_LINE_MAX) {
		add(p, str_take(line, PROBLEM_LINE_MAX - 1));
		add(p, STR("..."));
	} else {
		add(p, line);
	}
	add(p, STR("\n"));
}

void problem_error(struct problems *p, struct place at, const char *fmt, ...)
{
	char text[PROBLEM_LINE_MAX];
	va_list args;
	int n;

	if (p->errors++ >= PROBLEM_ERRORS_MAX)
		return;
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_line(p, at, STR("error: "), text, n);
}

void problem_warning(struct problems *p, struct place at, const char *fmt, ...)
{
	char text[PROBLEM_LINE_MAX];
	va_list args;
	int n;

	if (p->warnings++ >= PROBLEM_WARNINGS_MAX)
		return;
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_line(p, at, STR("warning: "), text, n);
}

void problem_done(struct problems *p)
{
	if (p->errors > PROBLEM_ERRORS_MAX) {
		(void)!buf_printf(p->out, "and %u more errors\n",
				  p->errors - PROBLEM_ERRORS_MAX);
	}
	if (p->warnings > PROBLEM_WARNINGS_MAX) {
		(void)!buf_printf(p->out, "and %u more warnings\n",
				  p->warnings - PROBLEM_WARNINGS_MAX);
	}
}

/* At most max bytes of s, without a part of a UTF-8 character at the end. */
static struct str cut_at(struct str s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
		max--;
	return str_take(s, max);
}

struct str problem_printable(struct arena *a, struct str s)
{
	struct str cut = cut_at(s, PROBLEM_QUOTE_MAX);
	char *text = arena_alloc(a, cut.len);

	for (size_t i = 0; i < cut.len; i++) {
		unsigned char c = (unsigned char)cut.ptr[i];

		/* Terminal escapes stay out of the operator's terminal. */
		text[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	return arena_printf(a, STR_FMT "%s", (int)cut.len, text,
			    cut.len < s.len ? "..." : "");
}

struct str problem_quote(struct arena *a, struct str s)
{
	s = problem_printable(a, s);
	return arena_printf(a, "\"" STR_FMT "\"", STR_ARG(s));
}
