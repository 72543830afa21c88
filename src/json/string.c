#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/utf8.h"
#include "json/node.h"
#include "json/scan.h"

enum {
	REPLACEMENT = 0xfffd
};

/* A string's text, character by character, escapes undone. */
struct chars {
	const char *at, *end;
	char bytes[4]; /* the character at hand */
	size_t len;    /* 0: the end */
};

static struct chars chars_of(struct str body)
{
	return (struct chars){ .at = body.ptr, .end = body.ptr + body.len };
}

static unsigned hex4(const char *at)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++) {
		unsigned c = (unsigned char)at[i];

		n = n * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return n;
}

/* at is behind \u.  Half a surrogate pair alone is no character. */
static unsigned take_unicode(struct chars *s)
{
	unsigned c = hex4(s->at), low;

	s->at += 4;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || s->end - s->at < 6 || s->at[0] != '\\' ||
	    s->at[1] != 'u')
		return REPLACEMENT;
	low = hex4(s->at + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return REPLACEMENT;
	s->at += 6;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* The parser has checked the escape: it is whole and known. */
static unsigned take_escape(struct chars *s)
{
	char c = s->at[1];

	s->at += 2;
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'u':
		return take_unicode(s);
	default:
		return (unsigned char)c;
	}
}

static bool chars_next(struct chars *s)
{
	s->len = 0;
	if (s->at == s->end)
		return false;
	if (*s->at == '\\') {
		s->len = utf8_put(s->bytes, take_escape(s));
	} else {
		s->bytes[0] = *s->at++;
		s->len = 1;
	}
	return true;
}

size_t json_unescape(const struct json *doc, uint32_t v, char *out)
{
	struct str body = node_body(doc, v);
	struct chars s = chars_of(body);
	size_t len = 0;

	while (s.at < s.end) {
		const char *escape = memchr(s.at, '\\', (size_t)(s.end - s.at));
		size_t plain = (size_t)((escape ? escape : s.end) - s.at);

		memcpy(out + len, s.at, plain);
		len += plain;
		s.at += plain;
		if (escape != NULL)
			len += utf8_put(out + len, take_escape(&s));
	}
	return len;
}

struct str json_string(const struct json *doc, uint32_t v, struct arena *a)
{
	struct str body;
	char *out;

	if (json_type(doc, v) != JSON_STRING)
		return STR_NULL;
	body = node_body(doc, v);
	if (!node_is(node_at(doc, v), NODE_ESCAPED))
		return body;
	out = arena_alloc(a, body.len);
	return (struct str){ out, json_unescape(doc, v, out) };
}

static bool escaped_is(struct str body, struct str text)
{
	struct chars s = chars_of(body);

	while (chars_next(&s)) {
		if (!str_starts(text, (struct str){ s.bytes, s.len }))
			return false;
		text = str_drop(text, s.len);
	}
	return text.len == 0;
}

bool json_is(const struct json *doc, uint32_t v, struct str text)
{
	if (json_type(doc, v) != JSON_STRING)
		return false;
	if (!node_is(node_at(doc, v), NODE_ESCAPED))
		return str_eq(node_body(doc, v), text);
	return escaped_is(node_body(doc, v), text);
}

/* Any total order of the texts that the keys stand for will do. */
static int compare_keys(const void *a, const void *b, void *arg)
{
	const struct json *doc = arg;
	struct chars x = chars_of(node_body(doc, *(const uint32_t *)a));
	struct chars y = chars_of(node_body(doc, *(const uint32_t *)b));
	int r = 0;

	/* Raw characters come in bytes and escapes whole: UTF-8 in steps. */
	struct str left = STR_NULL, right = STR_NULL;

	while (r == 0) {
		size_t n;

		if (left.len == 0 && chars_next(&x))
			left = (struct str){ x.bytes, x.len };
		if (right.len == 0 && chars_next(&y))
			right = (struct str){ y.bytes, y.len };
		if (left.len == 0 || right.len == 0)
			return (left.len > 0) - (right.len > 0);
		n = left.len < right.len ? left.len : right.len;
		r = memcmp(left.ptr, right.ptr, n);
		left = str_drop(left, n);
		right = str_drop(right, n);
	}
	return r;
}

bool json_has_duplicates(const struct json *doc, uint32_t object)
{
	uint32_t count = json_count(doc, object), *keys, n = 0;
	struct json copy = *doc;
	bool found = false;

	if (json_type(doc, object) != JSON_OBJECT || count < 2)
		return false;
	keys = xmalloc(count * sizeof(*keys));
	for (uint32_t v = json_first(doc, object); v != JSON_NONE;
	     v = json_next(doc, v))
		keys[n++] = v - 1;

	/* Sorted, since the peer chooses how many keys there are. */
	qsort_r(keys, n, sizeof(*keys), compare_keys, &copy);
	for (uint32_t i = 1; i < n && !found; i++)
		found = compare_keys(&keys[i - 1], &keys[i], &copy) == 0;
	free(keys);
	return found;
}

static int quote_byte(struct buf *out, uint8_t c)
{
	static const char escapes[][2] = {
		{ '"', '"' },  { '\\', '\\' }, { '\n', 'n' }, { '\r', 'r' },
		{ '\t', 't' }, { '\b', 'b' },  { '\f', 'f' },
	};

	for (size_t i = 0; i < countof(escapes); i++) {
		char text[2] = { '\\', escapes[i][1] };

		if (c == (uint8_t)escapes[i][0])
			return buf_add(out, (struct str){ text, 2 });
	}
	return buf_printf(out, "\\u%04x", c);
}

/* What is not UTF-8 becomes U+FFFD, byte for byte: JSON could not hold it. */
static int quote_special(struct buf *out, const uint8_t **at,
			 const uint8_t *end)
{
	struct str raw = { (const char *)*at, utf8_len(*at, end) };

	if (**at < 0x80) {
		*at += 1;
		return quote_byte(out, (uint8_t)raw.ptr[0]);
	}
	*at += raw.len > 0 ? raw.len : 1;
	return buf_add(out, raw.len > 0 ? raw : STR("\xef\xbf\xbd"));
}

static int quote_body(struct buf *out, struct str s)
{
	const uint8_t *at = (const uint8_t *)s.ptr, *end = at + s.len;

	while (at < end) {
		const uint8_t *plain = at;
		int r;

		at = scan_plain(at, end);
		r = buf_add(out, (struct str){ (const char *)plain,
					       (size_t)(at - plain) });
		if (r == 0 && at < end)
			r = quote_special(out, &at, end);
		if (r < 0)
			return r;
	}
	return 0;
}

int json_quote(struct buf *out, struct str s)
{
	size_t len = out->len;
	int r = buf_reserve(out, s.len + 2);

	if (r == 0 && scan_all_plain(s.ptr, s.len)) {
		out->ptr[len] = '"';
		if (s.len > 0)
			memcpy(out->ptr + len + 1, s.ptr, s.len);
		out->ptr[len + 1 + s.len] = '"';
		out->len += s.len + 2;
		return 0;
	}
	if (r == 0)
		r = buf_add(out, STR("\""));
	if (r == 0)
		r = quote_body(out, s);
	if (r == 0)
		r = buf_add(out, STR("\""));
	if (r < 0)
		out->len = len;
	return r;
}

struct str json_quoted(struct arena *a, struct str s)
{
	struct buf b;
	struct str out;
	int r;

	/* At worst every byte is a control: \u0000. */
	buf_init(&b, 6 * s.len + 2);
	r = json_quote(&b, s);
	assert(r == 0);
	out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}
