#include "cli/run_verdict.h"

#include <errno.h>
#include <stdio.h>

enum {
	LINES_MAX = 64 << 10,
	JUNIT_MAX = 256 << 20,
	EACH_MAX = 20, /* lines of one part of a session */
};

/* What a line is printed for, unless it is well. */
static const bool is_told[VERDICT_PARTS] = {
	[VERDICT_MISSED] = true, [VERDICT_EXHAUSTED] = true,
	[VERDICT_EDITED] = true, [VERDICT_STALE] = true,
	[VERDICT_LOST] = true,   [VERDICT_DIFFERS] = true,
	[VERDICT_UNUSED] = true, [VERDICT_REMOVED] = true,
};

void run_verdict_init(struct run_verdict *r)
{
	*r = (struct run_verdict){ 0 };
	buf_init(&r->lines, LINES_MAX);
	buf_init(&r->junit, JUNIT_MAX);
}

void run_verdict_fini(struct run_verdict *r)
{
	buf_fini(&r->lines);
	buf_fini(&r->junit);
}

static void add_line(struct run_verdict *r, const struct verdict *v,
		     size_t part, struct str text)
{
	struct str line, rest;

	(void)str_cut(text, '\n', &line, &rest);
	if (buf_printf(&r->lines, "  %-10.*s" STR_FMT "%s" STR_FMT "\n",
		       STR_ARG(verdict_part_name(part)),
		       STR_ARG(str_take(v->session, 100)),
		       v->session.len > 0 ? ": " : "",
		       STR_ARG(str_take(line, 300))) < 0)
		r->is_full = true;
}

static void add_part(struct run_verdict *r, const struct verdict *v, size_t i)
{
	const struct verdict_part *part = &v->parts[i];
	size_t n = part->count < EACH_MAX ? part->count : EACH_MAX;

	r->totals[i] += part->total;
	if (!is_told[i])
		return;
	for (size_t j = 0; j < n; j++)
		add_line(r, v, i, part->texts[j]);
	if (part->total > n)
		add_line(r, v, i, STR("..."));
}

void run_verdict_add(void *run_verdict, const struct verdict *v)
{
	struct run_verdict *r = run_verdict;
	int code = verdict_code(v);

	if (code != 0 && (r->code == 0 || code < r->code))
		r->code = code;
	for (size_t i = 0; i < VERDICT_PARTS; i++)
		add_part(r, v, i);
	if (verdict_junit(v, &r->junit) < 0)
		r->is_full = true;
}

static void print_totals(const struct run_verdict *r)
{
	bool any = false;

	for (size_t i = 0; i < VERDICT_PARTS; i++) {
		if (r->totals[i] == 0)
			continue;
		(void)fprintf(stderr, "%s%llu " STR_FMT, any ? ", " : "",
			      (unsigned long long)r->totals[i],
			      STR_ARG(verdict_part_name(i)));
		any = true;
	}
	if (!any) {
		(void)fputs("no request came; does the command use "
			    "OPENAI_BASE_URL?",
			    stderr);
	}
	(void)fputc('\n', stderr);
}

void run_verdict_print(const struct run_verdict *r, const char *mode,
		       bool colour)
{
	const char *paint = r->code == 0 ? "\033[32m" : "\033[31m";

	(void)fprintf(stderr, "%squipu %s: %s%s: ", colour ? paint : "", mode,
		      verdict_word(r->code), colour ? "\033[0m" : "");
	print_totals(r);
	(void)fprintf(stderr, STR_FMT "%s", STR_ARG(buf_str(&r->lines)),
		      r->is_full ? "  ... and more\n" : "");
}

int run_verdict_save(const struct run_verdict *r, const char *path)
{
	const struct str parts[] = { VERDICT_JUNIT_HEAD, buf_str(&r->junit),
				     VERDICT_JUNIT_TAIL };
	FILE *f = fopen(path, "we");
	bool ok = f != NULL;

	for (size_t i = 0; i < countof(parts) && ok; i++)
		ok = parts[i].len == 0 ||
		     fwrite(parts[i].ptr, 1, parts[i].len, f) == parts[i].len;
	if (f != NULL && fclose(f) != 0)
		ok = false;
	return ok ? 0 : -errno;
}
