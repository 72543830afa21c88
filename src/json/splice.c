#include "json/splice.h"

#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "base/utf8.h"
#include "json/scan.h"

static size_t value_end(const struct json *doc, uint32_t v)
{
	return json_offset(doc, v) + json_raw(doc, v).len;
}

static size_t key_start(const struct json *doc, uint32_t member)
{
	return json_offset(doc, json_key(doc, member));
}

static bool covers(const struct splice_edit *e, size_t start, size_t end)
{
	return e->start <= start && end <= e->end && e->start < e->end;
}

static bool is_gone(const struct splice *s, size_t start, size_t end)
{
	for (size_t i = 0; i < s->edit_count; i++) {
		if (covers(&s->edits[i], start, end))
			return true;
	}
	return false;
}

/* Only a change of more than the value itself covers the key too. */
static bool is_member_gone(const struct splice *s, const struct json *doc,
			   uint32_t member)
{
	return is_gone(s, key_start(doc, member), value_end(doc, member));
}

static void forget(struct splice *s, size_t i)
{
	s->edit_count--;
	memmove(&s->edits[i], &s->edits[i + 1],
		(s->edit_count - i) * sizeof(s->edits[0]));
}

/* Put e in its place; the edits inside it are done with. */
static int put(struct splice *s, struct splice_edit e)
{
	size_t at = 0;

	for (size_t i = s->edit_count; i-- > 0;) {
		if (s->edits[i].start < e.end &&
		    covers(&e, s->edits[i].start, s->edits[i].end))
			forget(s, i);
	}
	if (s->edit_count == SPLICE_EDITS_MAX) {
		return err_new(-E2BIG, "splice: over %d changes to one text",
			       SPLICE_EDITS_MAX);
	}
	while (at < s->edit_count && s->edits[at].start <= e.start)
		at++;
	memmove(&s->edits[at + 1], &s->edits[at],
		(s->edit_count - at) * sizeof(s->edits[0]));
	s->edits[at] = e;
	s->edit_count++;
	return 0;
}

static bool has_members_left(const struct splice *s, const struct json *doc,
			     uint32_t object)
{
	for (uint32_t v = json_first(doc, object); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (!is_member_gone(s, doc, v))
			return true;
	}
	return false;
}

/* New members stand before the closing brace, as edits that remove nothing. */
static bool is_new_member(const struct splice_edit *e, const struct json *doc,
			  uint32_t object)
{
	return e->start == e->end && e->start == value_end(doc, object) - 1;
}

/* Whether a new member needs a comma depends on what is left before it. */
static void set_commas(struct splice *s, const struct json *doc,
		       uint32_t object)
{
	bool comma = has_members_left(s, doc, object);

	for (size_t i = 0; i < s->edit_count; i++) {
		if (!is_new_member(&s->edits[i], doc, object))
			continue;
		s->edits[i].before = comma ? STR(",\"") : STR("\"");
		comma = true;
	}
}

static struct splice_edit *find_new(struct splice *s, const struct json *doc,
				    uint32_t object, struct str key)
{
	for (size_t i = 0; i < s->edit_count; i++) {
		if (is_new_member(&s->edits[i], doc, object) &&
		    str_eq(s->edits[i].key, key))
			return &s->edits[i];
	}
	return NULL;
}

static bool is_plain_key(struct str key)
{
	const uint8_t *at = (const uint8_t *)key.ptr, *end = at + key.len;

	while (at < end) {
		size_t n = scan_is_plain(*at) || *at >= 0x80 ? utf8_len(at, end)
							     : 0;

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

static int add_member(struct splice *s, const struct json *doc, uint32_t object,
		      struct str key, struct str raw)
{
	struct splice_edit *e = find_new(s, doc, object, key);
	size_t at = value_end(doc, object) - 1;
	int r;

	if (e != NULL) {
		e->value = raw;
		return 0;
	}
	if (!is_plain_key(key))
		return err_new(-EINVAL, "splice: a key that needs escapes");
	r = put(s, (struct splice_edit){ .start = at,
					 .end = at,
					 .key = key,
					 .colon = STR("\":"),
					 .value = raw });
	if (r == 0)
		set_commas(s, doc, object);
	return r;
}

int splice_replace(struct splice *s, const struct json *doc, uint32_t v,
		   struct str raw)
{
	size_t start = json_offset(doc, v), end = value_end(doc, v);

	assert(v != JSON_NONE && raw.len > 0);
	assert(s->text.ptr == doc->text.ptr);

	for (size_t i = 0; i < s->edit_count; i++) {
		const struct splice_edit *e = &s->edits[i];

		if (covers(e, start, end) && e->end - e->start > end - start)
			return 0;
	}
	return put(s, (struct splice_edit){
			      .start = start, .end = end, .value = raw });
}

int splice_set(struct splice *s, const struct json *doc, uint32_t object,
	       struct str key, struct str raw)
{
	bool found = false;

	assert(json_type(doc, object) == JSON_OBJECT);
	assert(s->text.ptr == doc->text.ptr && raw.len > 0);

	if (is_gone(s, json_offset(doc, object), value_end(doc, object)))
		return 0;
	for (uint32_t v = json_first(doc, object); v != JSON_NONE;
	     v = json_next(doc, v)) {
		int r;

		if (!json_is(doc, json_key(doc, v), key) ||
		    is_member_gone(s, doc, v))
			continue;
		r = splice_replace(s, doc, v, raw);
		if (r < 0)
			return err_up(r);
		found = true;
	}
	return found ? 0 : add_member(s, doc, object, key, raw);
}

/*
 * With a neighbour left behind it, a member goes up to that one's key; else
 * from the end of the last one left before it, all that follows being gone.
 */
static int drop_member(struct splice *s, const struct json *doc,
		       uint32_t object, uint32_t member)
{
	uint32_t before = JSON_NONE, after = JSON_NONE, last = member;
	struct splice_edit e = { .start = key_start(doc, member) };

	for (uint32_t v = json_first(doc, object); v != JSON_NONE;
	     v = json_next(doc, v)) {
		last = v;
		if (v == member || is_member_gone(s, doc, v))
			continue;
		if (v < member) {
			before = v;
		} else if (after == JSON_NONE) {
			after = v;
		}
	}
	if (after == JSON_NONE && before != JSON_NONE)
		e.start = value_end(doc, before);
	e.end = after == JSON_NONE ? value_end(doc, last)
				   : key_start(doc, after);
	return put(s, e);
}

int splice_drop(struct splice *s, const struct json *doc, uint32_t object,
		struct str key)
{
	struct splice_edit *e;

	assert(json_type(doc, object) == JSON_OBJECT);
	assert(s->text.ptr == doc->text.ptr);

	if (is_gone(s, json_offset(doc, object), value_end(doc, object)))
		return 0;
	for (uint32_t v = json_first(doc, object); v != JSON_NONE;
	     v = json_next(doc, v)) {
		int r = 0;

		if (json_is(doc, json_key(doc, v), key) &&
		    !is_member_gone(s, doc, v))
			r = drop_member(s, doc, object, v);
		if (r < 0)
			return err_up(r);
	}
	e = find_new(s, doc, object, key);
	if (e != NULL)
		forget(s, (size_t)(e - s->edits));
	set_commas(s, doc, object);
	return 0;
}

size_t splice_pieces(const struct splice *s,
		     struct str pieces[SPLICE_PIECES_MAX])
{
	size_t n = 0, at = 0;

	for (size_t i = 0; i <= s->edit_count; i++) {
		const struct splice_edit *e =
			i < s->edit_count ? &s->edits[i] : NULL;
		size_t gap = (e != NULL ? e->start : s->text.len) - at;
		struct str parts[5] = { str_take(str_drop(s->text, at), gap) };

		if (e != NULL) {
			parts[1] = e->before;
			parts[2] = e->key;
			parts[3] = e->colon;
			parts[4] = e->value;
			at = e->end;
		}
		for (size_t k = 0; k < countof(parts); k++) {
			if (parts[k].len > 0)
				pieces[n++] = parts[k];
		}
	}
	assert(n <= SPLICE_PIECES_MAX);
	return n;
}

int splice_write(const struct splice *s, struct buf *out)
{
	struct str pieces[SPLICE_PIECES_MAX];
	size_t n = splice_pieces(s, pieces), len = out->len;

	for (size_t i = 0; i < n; i++) {
		int r = buf_add(out, pieces[i]);

		if (r < 0) {
			out->len = len;
			return err_up(r);
		}
	}
	return 0;
}
