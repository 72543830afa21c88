#include "cli/print.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void print_init(struct print *p, bool color)
{
	*p = (struct print){ .color = color };
	buf_init(&p->out, PRINT_MAX);
}

void print_fini(struct print *p)
{
	buf_fini(&p->out);
}

static void append(struct print *p, struct str s)
{
	if (buf_add(&p->out, s) < 0)
		return;
}

/* C0 but newline and tab, DEL, C1, and what is no UTF-8. */
static bool is_harmless(const char *at, size_t n)
{
	unsigned char c = (unsigned char)at[0];

	if (n == 2 && c == 0xc2)
		return (unsigned char)at[1] >= 0xa0;
	return n > 1 ||
	       (n == 1 && ((c >= ' ' && c != 0x7f) || c == '\n' || c == '\t'));
}

void print_add(struct print *p, struct str s)
{
	const char *end = s.ptr + s.len, *at = s.ptr, *begun = s.ptr;
	char escaped[8];

	while (at < end) {
		size_t n = utf8_len((const uint8_t *)at, (const uint8_t *)end);

		if (is_harmless(at, n)) {
			at += n;
			continue;
		}
		append(p, (struct str){ begun, (size_t)(at - begun) });
		(void)snprintf(escaped, sizeof(escaped), "\\x%02x",
			       (unsigned char)*at);
		append(p, str_of(escaped));
		begun = ++at;
	}
	if (at > begun)
		append(p, (struct str){ begun, (size_t)(at - begun) });
}

void print_fmt(struct print *p, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	print_add(p, (struct str){ text, (size_t)n });
	free(text);
}

void print_lines(struct print *p, const char *prefix, struct str s)
{
	struct str line;

	do {
		(void)str_cut(s, '\n', &line, &s);
		if (line.len > 0) {
			append(p, str_of(prefix));
			print_add(p, line);
		}
		append(p, STR("\n"));
	} while (s.len > 0);
}

void print_color(struct print *p, enum print_style style)
{
	static const char *const codes[] = {
		[PRINT_PLAIN] = "\033[0m",   [PRINT_BOLD] = "\033[1m",
		[PRINT_DIM] = "\033[2m",     [PRINT_RED] = "\033[31m",
		[PRINT_GREEN] = "\033[32m",  [PRINT_YELLOW] = "\033[33m",
		[PRINT_BLUE] = "\033[1;34m",
	};

	if (p->color)
		append(p, str_of(codes[style]));
}

void print_styled(struct print *p, enum print_style style, struct str s)
{
	print_color(p, style);
	print_add(p, s);
	print_color(p, PRINT_PLAIN);
}

void print_flush(struct print *p)
{
	if (p->out.len > 0)
		(void)fwrite(p->out.ptr, 1, p->out.len, stdout);
	buf_clear(&p->out);
}

bool print_wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	       term != NULL && !str_eq(str_of(term), STR("dumb"));
}
