#include "core/verdict.h"

#include "base/utf8.h"

/* What a part is to a test run. */
enum kind {
	PASSED,
	FAILED,
	FAILED_IF_STRICT, /* else skipped */
	UNTOLD,
};

static const enum kind kinds[] = {
	[VERDICT_SERVED] = PASSED,
	[VERDICT_MISSED] = FAILED,
	[VERDICT_EXHAUSTED] = FAILED,
	[VERDICT_EDITED] = FAILED_IF_STRICT,
	[VERDICT_STALE] = FAILED_IF_STRICT,
	[VERDICT_RECORDED] = PASSED,
	[VERDICT_LOST] = FAILED,
	[VERDICT_VERIFIED] = PASSED,
	[VERDICT_DIFFERS] = FAILED,
	[VERDICT_LIVE] = PASSED,
	[VERDICT_UNUSED] = FAILED_IF_STRICT,
	[VERDICT_REMOVED] = UNTOLD,
};

static bool fails(const struct verdict *v, size_t part)
{
	return kinds[part] == FAILED ||
	       (kinds[part] == FAILED_IF_STRICT && v->strict);
}

/* In place of a character; "" for one that stays. */
static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\n':
		return "&#10;";
	case '\t':
		return "&#9;";
	default:
		return (unsigned char)c < 0x20 ? "?" : "";
	}
}

/* XML 1.0 section 2.2: neither control characters nor what is not UTF-8. */
static int add_text(struct buf *out, struct str s)
{
	const uint8_t *at = (const uint8_t *)s.ptr, *end = at + s.len;
	int r = 0;

	while (at < end && r == 0) {
		size_t n = utf8_len(at, end);
		struct str one = { (const char *)at, n };
		struct str instead = STR("?");

		if (n > 0)
			instead = str_of(entity_of((char)*at));
		r = buf_add(out, instead.len > 0 ? instead : one);
		at += n > 0 ? n : 1;
	}
	return r;
}

static int add_parts(struct buf *out, const struct str *parts, size_t count)
{
	int r = 0;

	/* Markup and texts, in turn. */
	for (size_t i = 0; i < count && r == 0; i++)
		r = i % 2 == 0 ? buf_add(out, parts[i])
			       : add_text(out, parts[i]);
	return r;
}

static struct str first_line(struct str text)
{
	struct str line, rest;

	(void)str_cut(text, '\n', &line, &rest);
	return line;
}

static int add_case(const struct verdict *v, size_t part, struct str text,
		    struct buf *out)
{
	struct str name = verdict_part_name(part), line = first_line(text);
	const struct str begin[] = {
		STR("<testcase classname=\"quipu."),
		v->session.len > 0 ? v->session : STR("default"),
		STR("\" name=\""),
		name,
		STR(": "),
		line,
		STR("\""),
	};
	const struct str failed[] = {
		STR("><failure type=\""),
		name,
		STR("\" message=\""),
		line,
		STR("\">"),
		text,
		STR("</failure></testcase>\n"),
	};
	const struct str skipped[] = {
		STR("><skipped message=\""),
		name,
		STR("\"/></testcase>\n"),
	};
	int r = add_parts(out, begin, countof(begin));

	if (r < 0)
		return r;
	if (fails(v, part))
		return add_parts(out, failed, countof(failed));
	if (kinds[part] == FAILED_IF_STRICT)
		return add_parts(out, skipped, countof(skipped));
	return buf_add(out, STR("/>\n"));
}

static int add_suite(const struct verdict *v, struct buf *out)
{
	size_t tests = 0, failures = 0, skips = 0;
	int r;

	for (size_t i = 0; i < VERDICT_PARTS; i++) {
		size_t n = kinds[i] == UNTOLD ? 0 : v->parts[i].count;

		tests += n;
		if (fails(v, i))
			failures += n;
		else if (kinds[i] == FAILED_IF_STRICT)
			skips += n;
	}
	r = add_parts(out,
		      (const struct str[]){ STR("<testsuite name=\"quipu."),
					    v->session.len > 0
						    ? v->session
						    : STR("default") },
		      2);
	if (r == 0) {
		r = buf_printf(out,
			       "\" tests=\"%zu\" failures=\"%zu\" "
			       "errors=\"0\" skipped=\"%zu\">\n",
			       tests, failures, skips);
	}
	return r;
}

int verdict_junit(const struct verdict *v, struct buf *out)
{
	int r = add_suite(v, out);

	for (size_t i = 0; i < VERDICT_PARTS; i++) {
		const struct verdict_part *part = &v->parts[i];

		if (kinds[i] == UNTOLD)
			continue;
		for (size_t j = 0; j < part->count && r == 0; j++)
			r = add_case(v, i, part->texts[j], out);
	}
	return r == 0 ? buf_add(out, STR("</testsuite>\n")) : r;
}
