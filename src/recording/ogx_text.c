#include <stdio.h>
#include <stdlib.h>

#include "recording/ogx_key.h"

enum {
	UUID_LEN = 36,
	DECIMALS_MIN = 4,
	NUMBER_MAX = 400,
};

/* After the first error nothing more is written. */
struct out {
	struct buf *buf;
	int error;
};

static void put(struct out *o, struct str s)
{
	if (o->error == 0)
		o->error = buf_add(o->buf, s);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Python's \s, as far as ASCII goes. */
static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

static size_t span(struct str s, size_t at, bool (*is)(char))
{
	size_t n = at;

	while (n < s.len && is(s.ptr[n]))
		n++;
	return n - at;
}

static char char_at(struct str s, size_t at)
{
	return at < s.len ? s.ptr[at] : '\0';
}

/* [+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? at at: its length, or 0. */
static size_t number_len(struct str s, size_t from)
{
	size_t at = from, whole, part = 0, exponent;

	if (char_at(s, at) == '+' || char_at(s, at) == '-')
		at++;
	whole = span(s, at, is_digit);
	at += whole;
	if (char_at(s, at) == '.') {
		part = span(s, at + 1, is_digit);
		if (whole + part > 0)
			at += 1 + part;
	}
	if (whole + part == 0)
		return 0;
	if (str_lower(char_at(s, at)) == 'e') {
		size_t sign =
			char_at(s, at + 1) == '+' || char_at(s, at + 1) == '-';

		exponent = span(s, at + 1 + sign, is_digit);
		at += exponent > 0 ? 1 + sign + exponent : 0;
	}
	return at - from;
}

static size_t uuid_len(struct str s, size_t from)
{
	for (size_t i = 0; i < UUID_LEN; i++) {
		char c = char_at(s, from + i);
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? c != '-' : !is_digit(c) && (c < 'a' || c > 'f'))
			return 0;
	}
	return UUID_LEN;
}

/*
 * A rule replaces what it finds by a text of its own.  find looks at the place
 * behind the words, and returns where the match ends, or 0.
 */
struct rule {
	struct str words;
	size_t (*find)(struct str s, size_t behind);
	struct str with;
	bool takes_comma; /* and space in front of the words */
	char rare;        /* of the words */
};

static size_t find_score(struct str s, size_t behind)
{
	size_t at = behind + span(s, behind, is_space);
	size_t n = number_len(s, at);

	return n > 0 ? at + n : 0;
}

static size_t find_attributes(struct str s, size_t behind)
{
	size_t at = behind + span(s, behind, is_space);
	const char *close;

	if (char_at(s, at) != '{')
		return 0;
	close = memchr(s.ptr + at, '}', s.len - at);
	return close != NULL ? (size_t)(close - s.ptr) + 1 : 0;
}

static size_t find_document(struct str s, size_t behind)
{
	size_t at = behind + span(s, behind, is_space);

	return uuid_len(s, at) > 0 ? at + UUID_LEN : 0;
}

static size_t find_marker(struct str s, size_t behind)
{
	size_t at = behind + uuid_len(s, behind);

	return at > behind && char_at(s, at) == '|' && char_at(s, at + 1) == '>'
		       ? at + 2
		       : 0;
}

static const struct rule rules[] = {
	{ STR_INIT("score:"), find_score, STR_INIT("score: __NORMALIZED__"),
	  false, ':' },
	{ STR_INIT("attributes:"), find_attributes, STR_INIT(""), true, ':' },
	{ STR_INIT("document_id:"), find_document,
	  STR_INIT("document_id: __NORMALIZED__"), false, ':' },
	{ STR_INIT("<|"), find_marker, STR_INIT("<|__NORMALIZED__|>"), false,
	  '|' },
};

/* ",?\s*" in front of at, but not in front of from. */
static size_t before_words(struct str s, size_t from, size_t at)
{
	while (at > from && is_space(s.ptr[at - 1]))
		at--;
	return at > from && s.ptr[at - 1] == ',' ? at - 1 : at;
}

/* Append s with the rule applied; false when there was nothing to do. */
static bool apply(const struct rule *rule, struct str s, struct out *out)
{
	size_t from = 0, at;
	bool found = false;

	/* Most texts lack the one byte, which is found faster than words. */
	if (s.len == 0 || memchr(s.ptr, rule->rare, s.len) == NULL)
		return false;
	at = str_find(s, rule->words);
	while (at < s.len) {
		size_t end = rule->find(s, at + rule->words.len);
		size_t start = at;

		if (end > 0) {
			if (rule->takes_comma)
				start = before_words(s, from, at);
			put(out, (struct str){ s.ptr + from, start - from });
			put(out, rule->with);
			from = end;
			found = true;
		}
		at = end > 0 ? end : at + 1;
		at += str_find(str_drop(s, at), rule->words);
	}
	if (found)
		put(out, str_drop(s, from));
	return found;
}

/*
 * The literal around the point at at, if it has four or more decimals: where it
 * begins, not before from, and its end.
 */
static bool find_decimal(struct str s, size_t from, size_t at,
			 size_t out_range[2])
{
	size_t decimals = span(s, at + 1, is_digit), start = at;

	while (start > from && is_digit(s.ptr[start - 1]))
		start--;
	if (decimals < DECIMALS_MIN || start == at)
		return false;
	if (start > from && s.ptr[start - 1] == '-')
		start--;
	out_range[0] = start;
	out_range[1] = at + 1 + decimals;
	return true;
}

static void put_rounded(struct out *out, struct str number)
{
	char *text = xmalloc(number.len + 1);
	char rounded[NUMBER_MAX];

	memcpy(text, number.ptr, number.len);
	text[number.len] = '\0';
	(void)snprintf(rounded, sizeof(rounded), "%.5f", strtod(text, NULL));
	put(out, str_of(rounded));
	free(text);
}

static bool round_decimals(struct str s, struct out *out)
{
	size_t from = 0, at = str_find(s, STR("."));

	while (at < s.len) {
		size_t range[2];

		if (find_decimal(s, from, at, range)) {
			put(out, (struct str){ s.ptr + from, range[0] - from });
			put_rounded(out, (struct str){ s.ptr + range[0],
						       range[1] - range[0] });
			from = range[1];
			at = from - 1;
		}
		at++;
		at += str_find(str_drop(s, at), STR("."));
	}
	if (from > 0)
		put(out, str_drop(s, from));
	return from > 0;
}

/* Let a step read *s and write aside; what it wrote is the next one's *s. */
static void swap(struct str *s, struct buf *now, struct buf *aside)
{
	struct buf spare = *now;

	*now = *aside;
	*aside = spare;
	buf_clear(aside);
	*s = buf_str(now);
}

bool ogx_normalise(struct str s, struct buf *out, void *unused)
{
	struct buf now, aside;
	struct out step = { .buf = &aside };
	bool changed = false;

	(void)unused;
	buf_init(&now, out->max);
	buf_init(&aside, out->max);
	for (size_t i = 0; i <= countof(rules) && step.error == 0; i++) {
		bool found = i < countof(rules) ? apply(&rules[i], s, &step)
						: round_decimals(s, &step);

		if (found) {
			swap(&s, &now, &aside);
			changed = true;
		}
	}
	if (changed && step.error == 0)
		step.error = buf_add(out, s);
	buf_fini(&now);
	buf_fini(&aside);
	return changed && step.error == 0;
}
