#include "recording/pyjson.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"

enum {
	TEXT_MAX = 64 << 20,
	DIGITS_MAX = 17,
	EXPONENT_MAX = 1 << 30
};

/* A member on its way to be printed. */
struct member {
	struct str key;
	uint32_t value;
	uint32_t order; /* of equal keys the last counts */
};

/* What a dump carries down with it. */
struct dump {
	const struct json *doc;
	const struct pyjson_filter *filter;
	struct buf *out;
	struct arena arena; /* of keys and decoded strings */
};

static unsigned hex4(const char *at)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)at[i];

		n = n * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return n;
}

/* s begins with \uXXXX.  Returns how many bytes of it one character took. */
static size_t take_unicode(struct str s, unsigned *out)
{
	unsigned c = hex4(s.ptr + 2), low;

	*out = c;
	if (c < 0xd800 || c > 0xdbff || s.len < 12 || s.ptr[6] != '\\' ||
	    s.ptr[7] != 'u')
		return 6;
	low = hex4(s.ptr + 8);
	if (low < 0xdc00 || low > 0xdfff)
		return 6;
	*out = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	return 12;
}

/* s begins with a backslash; the parser has checked what follows. */
static size_t take_escape(struct str s, unsigned *out)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *found;

	if (s.ptr[1] == 'u')
		return take_unicode(s, out);
	found = strchr(from, s.ptr[1]);
	*out = (unsigned char)(found ? to[found - from] : s.ptr[1]);
	return 2;
}

struct str pyjson_string(const struct json *doc, uint32_t v, struct arena *a)
{
	struct str raw = json_raw(doc, v), body;
	size_t len = 0, at = 0;
	char *out;

	if (json_type(doc, v) != JSON_STRING)
		return STR_NULL;
	body = (struct str){ raw.ptr + 1, raw.len - 2 };
	if (body.len == 0 || memchr(body.ptr, '\\', body.len) == NULL)
		return body;
	out = arena_alloc(a, body.len);
	while (at < body.len) {
		unsigned c;

		if (body.ptr[at] != '\\') {
			out[len++] = body.ptr[at++];
			continue;
		}
		at += take_escape(str_drop(body, at), &c);
		len += utf8_put(out + len, c);
	}
	return (struct str){ out, len };
}

/* WTF-8 as pyjson_string() makes it: a lead byte tells the length. */
static unsigned next_char(struct str s, size_t *len)
{
	uint8_t c = (uint8_t)s.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	*len = n <= s.len ? n : s.len;
	return *len < n ? c : utf8_char((const uint8_t *)s.ptr, n);
}

static int quote_char(struct buf *out, unsigned c)
{
	static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
	const char *found = c > 0 && c < 0x80 ? strchr(from, (int)c) : NULL;
	char text[2] = { '\\', 0 };

	if (found != NULL) {
		text[1] = to[found - from];
		return buf_add(out, (struct str){ text, 2 });
	}
	if (c < 0x10000)
		return buf_printf(out, "\\u%04x", c);
	c -= 0x10000;
	return buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (c >> 10),
			  0xdc00 + (c & 0x3ff));
}

static bool is_plain(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

int pyjson_quote(struct buf *out, struct str s)
{
	int r = buf_add(out, STR("\""));

	while (s.len > 0 && r == 0) {
		size_t n = 0;

		while (n < s.len && is_plain(s.ptr[n]))
			n++;
		r = buf_add(out, str_take(s, n));
		s = str_drop(s, n);
		if (s.len > 0 && r == 0) {
			unsigned c = next_char(s, &n);

			r = quote_char(out, c);
			s = str_drop(s, n);
		}
	}
	return r == 0 ? buf_add(out, STR("\"")) : r;
}

/* The digits of a "%.*e" text in fixed notation, as repr() does below 1e16. */
static void put_fixed(const char *digits, int count, int exponent, char *out)
{
	int at = 0;

	if (exponent < 0) {
		out[at++] = '0';
		out[at++] = '.';
		for (int i = exponent + 1; i < 0; i++)
			out[at++] = '0';
		memcpy(out + at, digits, (size_t)count);
		out[at + count] = '\0';
		return;
	}
	for (int i = 0; i <= exponent; i++)
		out[at++] = i < count ? digits[i] : '0';
	out[at++] = '.';
	if (count <= exponent + 1)
		out[at++] = '0';
	for (int i = exponent + 1; i < count; i++)
		out[at++] = digits[i];
	out[at] = '\0';
}

/* The fewest digits that read back, and the exponent of the first. */
static int shortest(double d, char digits[DIGITS_MAX + 1], int *out_exponent)
{
	char text[40];
	int precision = 0, count = 0;

	do {
		(void)snprintf(text, sizeof(text), "%.*e", precision, d);
	} while (strtod(text, NULL) != d && ++precision < DIGITS_MAX);
	for (const char *c = text; *c != 'e'; c++) {
		if (*c != '.')
			digits[count++] = *c;
	}
	*out_exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
	while (count > 1 && digits[count - 1] == '0')
		count--;
	return count;
}

struct str pyjson_float(double d, char out[PYJSON_FLOAT_MAX])
{
	char digits[DIGITS_MAX + 1] = "";
	int exponent, count;
	char *at = out;

	if (!isfinite(d)) {
		(void)snprintf(out, PYJSON_FLOAT_MAX, "%s",
			       isnan(d) ? "NaN"
			       : d > 0  ? "Infinity"
					: "-Infinity");
		return str_of(out);
	}
	if (signbit(d))
		*at++ = '-';
	count = shortest(fabs(d), digits, &exponent);
	if (exponent >= -4 && exponent < 16) {
		put_fixed(digits, count, exponent, at);
	} else {
		(void)snprintf(at, PYJSON_FLOAT_MAX - 1, "%c%s%.*se%c%02d",
			       digits[0], count > 1 ? "." : "", count - 1,
			       digits + 1, exponent < 0 ? '-' : '+',
			       abs(exponent));
	}
	return str_of(out);
}

static double round_to(double d, int digits)
{
	char text[PYJSON_FLOAT_MAX];

	if (digits < 0 || !isfinite(d))
		return d;
	/* Exact, and half to even where it is exactly half, as round() is. */
	(void)snprintf(text, sizeof(text), "%.*f", digits, d);
	return strtod(text, NULL);
}

static double to_double(struct str raw, struct arena *a)
{
	return strtod(arena_cz(a, raw), NULL);
}

/* Clamped, where more digits cannot make two numbers equal. */
static int64_t exponent_of(struct str s)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	int64_t n = 0;

	if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))
		s = str_drop(s, 1);
	for (size_t i = 0; i < s.len && n < EXPONENT_MAX; i++)
		n = n * 10 + (s.ptr[i] - '0');
	return negative ? -n : n;
}

/*
 * All digits from the first to the last that is not zero, and the exponent of
 * the last: equal numbers are equal texts, however they were written.
 */
static int dump_decimal(struct dump *d, struct str raw)
{
	bool negative = raw.ptr[0] == '-', point = false;
	char *digits = arena_alloc(&d->arena, raw.len);
	int64_t exponent = 0;
	size_t n = 0, i = negative, count = 0;

	for (; i < raw.len && (raw.ptr[i] | 0x20) != 'e'; i++) {
		if (raw.ptr[i] == '.') {
			point = true;
			continue;
		}
		exponent -= point;
		if (n > 0 || raw.ptr[i] != '0')
			digits[n++] = raw.ptr[i];
		count = raw.ptr[i] == '0' && n > 0 ? count + 1 : 0;
	}
	if (n == 0)
		return buf_add(d->out, STR("0"));
	if (i < raw.len)
		exponent += exponent_of(str_drop(raw, i + 1));
	return buf_printf(d->out, "%s%.*se%lld", negative ? "-" : "",
			  (int)(n - count), digits,
			  (long long)(exponent + (int64_t)count));
}

static int dump_number(struct dump *d, uint32_t v)
{
	struct str raw = json_raw(d->doc, v);
	char text[PYJSON_FLOAT_MAX];
	double n;

	if (d->filter->decimals)
		return dump_decimal(d, raw);
	if (memchr(raw.ptr, '.', raw.len) == NULL &&
	    memchr(raw.ptr, 'e', raw.len) == NULL &&
	    memchr(raw.ptr, 'E', raw.len) == NULL) {
		bool zero = str_eq(raw, STR("-0"));

		return buf_add(d->out, zero ? STR("0") : raw);
	}
	n = to_double(raw, &d->arena);
	return buf_add(d->out,
		       pyjson_float(round_to(n, d->filter->round_digits),
				    text));
}

static int dump_string(struct dump *d, uint32_t v)
{
	struct str s = pyjson_string(d->doc, v, &d->arena);
	struct buf changed;
	int r;

	if (d->filter->text == NULL)
		return pyjson_quote(d->out, s);
	buf_init(&changed, TEXT_MAX);
	r = pyjson_quote(d->out,
			 d->filter->text(s, &changed, d->filter->text_arg)
				 ? buf_str(&changed)
				 : s);
	buf_fini(&changed);
	return r;
}

static int by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int r = str_cmp(x->key, y->key);

	return r != 0 ? r : (x->order > y->order) - (x->order < y->order);
}

static bool is_skipped(const struct dump *d, uint32_t member)
{
	for (size_t i = 0; i < d->filter->skip_count; i++) {
		if (d->filter->skip[i] == member)
			return true;
	}
	return false;
}

static size_t collect(struct dump *d, uint32_t v, struct member **out)
{
	size_t count = 0;
	struct member *list =
		xmalloc((json_count(d->doc, v) + 1) * sizeof(*list));

	for (uint32_t i = json_first(d->doc, v); i != JSON_NONE;
	     i = json_next(d->doc, i)) {
		if (is_skipped(d, i))
			continue;
		list[count] = (struct member){
			.key = pyjson_string(d->doc, json_key(d->doc, i),
					     &d->arena),
			.value = i,
			.order = (uint32_t)count,
		};
		count++;
	}
	qsort(list, count, sizeof(*list), by_key);
	*out = list;
	return count;
}

static int dump_value(struct dump *d, uint32_t v);

static int dump_object(struct dump *d, uint32_t v)
{
	struct member *list;
	size_t count = collect(d, v, &list);
	bool begun = false;
	int r = buf_add(d->out, STR("{"));

	for (size_t i = 0; i < count && r == 0; i++) {
		if (i + 1 < count && str_eq(list[i].key, list[i + 1].key))
			continue;
		r = buf_add(d->out, begun ? STR(", ") : STR_NULL);
		begun = true;
		if (r == 0)
			r = pyjson_quote(d->out, list[i].key);
		if (r == 0)
			r = buf_add(d->out, STR(": "));
		if (r == 0)
			r = dump_value(d, list[i].value);
	}
	free(list);
	return r == 0 ? buf_add(d->out, STR("}")) : r;
}

static int dump_array(struct dump *d, uint32_t v)
{
	int r = buf_add(d->out, STR("["));
	bool begun = false;

	for (uint32_t i = json_first(d->doc, v); i != JSON_NONE && r == 0;
	     i = json_next(d->doc, i)) {
		r = buf_add(d->out, begun ? STR(", ") : STR_NULL);
		begun = true;
		if (r == 0)
			r = dump_value(d, i);
	}
	return r == 0 ? buf_add(d->out, STR("]")) : r;
}

static int dump_value(struct dump *d, uint32_t v)
{
	switch (json_type(d->doc, v)) {
	case JSON_OBJECT:
		return dump_object(d, v);
	case JSON_ARRAY:
		return dump_array(d, v);
	case JSON_STRING:
		return dump_string(d, v);
	case JSON_NUMBER:
		return dump_number(d, v);
	case JSON_NULL:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NONE_TYPE:
		break;
	}
	return buf_add(d->out,
		       v == JSON_NONE ? STR("null") : json_raw(d->doc, v));
}

int pyjson_dump(const struct json *doc, uint32_t v,
		const struct pyjson_filter *filter, struct buf *out)
{
	static const struct pyjson_filter none = { .round_digits = -1 };
	struct dump d = { .doc = doc,
			  .filter = filter != NULL ? filter : &none,
			  .out = out };
	int r;

	arena_init(&d.arena, SIZE_MAX / 2);
	r = dump_value(&d, v);
	arena_fini(&d.arena);
	return r;
}
