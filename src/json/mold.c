#include "json/mold.h"

#include "base/utf8.h"
#include "json/node.h"
#include "json/scan.h"

static const uint8_t *skip_integer(const uint8_t *at, const uint8_t *end)
{
	if (at < end && *at == '0')
		return at + 1;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* To the closing quote, or to what only the parser can judge. */
static const uint8_t *skip_body(const uint8_t *at, const uint8_t *end)
{
	for (;;) {
		size_t n = 0;

		at = scan_plain(at, end);
		if (at == end)
			return at;
		if (*at >= 0x80)
			n = utf8_len(at, end);
		else if (*at == '\\' && end - at >= 2 &&
			 memchr("\"\\/bfnrt", at[1], 8) != NULL)
			n = 2;
		if (n == 0)
			return at;
		at += n;
	}
}

static bool is_integer(struct str raw)
{
	const uint8_t *at = (const uint8_t *)raw.ptr, *end = at + raw.len;

	return raw.len > 0 && *at >= '0' && *at <= '9' &&
	       skip_integer(at, end) == end;
}

/* A key is part of the structure, and not a hole. */
static bool is_key(const struct json *doc, uint32_t v)
{
	return v + 1 < doc->node_count &&
	       node_is(node_at(doc, v + 1), NODE_MEMBER);
}

static bool keep(struct mold *m, struct str bytes)
{
	if (bytes.len > (size_t)(MOLD_BYTES_MAX - m->len))
		return false;
	if (bytes.len > 0)
		memcpy(m->bytes + m->len, bytes.ptr, bytes.len);
	m->len = (uint16_t)(m->len + bytes.len);
	return true;
}

/* Keep the text from *at up to the hole, and step over it. */
static bool add_hole(struct mold *m, const struct json *doc, uint32_t v,
		     size_t *at)
{
	bool is_string = json_type(doc, v) == JSON_STRING;
	struct str hole = is_string ? node_body(doc, v) : json_raw(doc, v);
	size_t start = (size_t)(hole.ptr - doc->text.ptr);

	if (m->hole_count == MOLD_HOLES_MAX ||
	    !keep(m, str_take(str_drop(doc->text, *at), start - *at)))
		return false;
	m->holes[m->hole_count++] =
		(struct mold_hole){ .at = m->len, .is_string = is_string };
	*at = start + hole.len;
	return true;
}

void mold_make(struct mold *m, const struct json *doc, uint32_t v)
{
	size_t at = 0;
	bool ok = true;

	assert(json_type(doc, v) == JSON_STRING && !is_key(doc, v));

	m->len = 0;
	m->hole_count = 0;
	for (uint32_t i = 0; i < doc->node_count && ok; i++) {
		enum json_type type = json_type(doc, i);

		if (i == v)
			m->wanted = m->hole_count;
		if ((type == JSON_STRING && !is_key(doc, i)) ||
		    (type == JSON_NUMBER && is_integer(json_raw(doc, i))))
			ok = add_hole(m, doc, i, &at);
	}
	if (!ok || !keep(m, str_drop(doc->text, at)))
		m->hole_count = 0;
}

/* Step over the mold's bytes up to to. */
static bool skip_same(const struct mold *m, size_t from, size_t to,
		      const uint8_t **at, const uint8_t *end)
{
	size_t n = to - from;

	if ((size_t)(end - *at) < n || memcmp(*at, m->bytes + from, n) != 0)
		return false;
	*at += n;
	return true;
}

bool mold_fits(const struct mold *m, struct str text, struct str *raw)
{
	const uint8_t *at = (const uint8_t *)text.ptr, *end;
	size_t from = 0;

	if (m->hole_count == 0 || text.len < m->len)
		return false;
	end = at + text.len;
	for (size_t i = 0; i < m->hole_count; i++) {
		const struct mold_hole *h = &m->holes[i];
		const uint8_t *start;

		if (!skip_same(m, from, h->at, &at, end))
			return false;
		start = at;
		at = h->is_string ? skip_body(at, end) : skip_integer(at, end);
		if (!h->is_string && at == start)
			return false;
		if (i == m->wanted)
			*raw = (struct str){ (const char *)start - 1,
					     (size_t)(at - start) + 2 };
		from = h->at;
	}
	/* What follows a string's hole is its closing quote. */
	return skip_same(m, from, m->len, &at, end) && at == end;
}
