#include "recording/exact_form.h"

#include "base/utf8.h"
#include "json/json.h"

enum {
	SPAN_NODES_MAX = 1 << 20
};

/* The body's form without the head: the value's braces belong to it. */
static size_t object_pieces(const struct exact_layout *l, struct str text,
			    struct str *out)
{
	if (l->head.len == 0) {
		out[0] = text;
		return 1;
	}
	out[0] = l->head;
	out[1] = str_drop(text, 1);
	return 2;
}

static size_t value_pieces(const struct exact_layout *l,
			   const struct exact_event *e, struct str *out)
{
	if (e->kind == EXACT_OBJECT)
		return object_pieces(l, e->text, out);
	out[0] = e->text;
	return 1;
}

static size_t sse_pieces(const struct exact_layout *l,
			 const struct exact_event *e, struct str *out)
{
	size_t n = 0;

	if (e->kind == EXACT_NAMED) {
		out[n++] = STR("event: ");
		out[n++] = e->name;
		out[n++] = l->eol;
	}
	out[n++] = e->kind == EXACT_COMMENT ? STR(":") : STR("data: ");
	n += value_pieces(l, e, out + n);
	out[n++] = l->eol;
	out[n++] = l->eol;
	return n;
}

size_t exact_pieces(const struct exact_layout *l, const struct exact_event *e,
		    bool first, struct str out[EXACT_PIECES_MAX])
{
	size_t n = 0;

	if (e->kind == EXACT_RAW || e->kind == EXACT_B64) {
		out[0] = e->text;
		return 1;
	}
	if (l->framing == RECORDING_SSE)
		return sse_pieces(l, e, out);
	if (l->framing == RECORDING_ARRAY)
		out[n++] = first ? STR("[") : l->eol;
	n += value_pieces(l, e, out + n);
	if (l->framing == RECORDING_NDJSON)
		out[n++] = l->eol;
	return n;
}

bool exact_is_utf8(struct str s)
{
	const uint8_t *at = (const uint8_t *)s.ptr;
	const uint8_t *end = s.len > 0 ? at + s.len : at;

	while (at < end) {
		size_t n = utf8_len(at, end);

		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool exact_is_span(struct str s, bool many_lines)
{
	struct json_limits limits = { .depth = EXACT_SPAN_DEPTH,
				      .nodes = SPAN_NODES_MAX };
	struct json_error error;
	struct json doc;

	if (s.len == 0 || is_space(s.ptr[0]) || is_space(s.ptr[s.len - 1]) ||
	    memchr(s.ptr, '\r', s.len) != NULL ||
	    (!many_lines && memchr(s.ptr, '\n', s.len) != NULL))
		return false;
	if (json_parse(s, &limits, &doc, &error) != 0)
		return false;
	json_fini(&doc);
	return true;
}

/* Is raw before, something and after?  Then that is *inner. */
static bool strip(struct str raw, struct str before, struct str after,
		  struct str *inner)
{
	if (raw.len < before.len + after.len || !str_starts(raw, before) ||
	    !str_ends(raw, after))
		return false;
	*inner = (struct str){ raw.ptr + before.len,
			       raw.len - before.len - after.len };
	return true;
}

static bool classify_value(struct str s, bool many_lines,
			   struct exact_event *out)
{
	if (!exact_is_span(s, many_lines))
		return false;
	out->kind = s.ptr[0] == '{' ? EXACT_OBJECT : EXACT_FULL;
	out->text = s;
	return true;
}

static bool classify_named(struct str inner, struct str eol,
			   struct exact_event *out)
{
	size_t at = str_find(inner, eol);
	struct str value, rest = str_drop(inner, at + eol.len);

	if (at == inner.len || !strip(rest, STR("data: "), STR_NULL, &value) ||
	    !exact_is_utf8(str_take(inner, at)) || !exact_is_span(value, false))
		return false;
	*out = (struct exact_event){ .kind = EXACT_NAMED,
				     .name = str_take(inner, at),
				     .text = value };
	return true;
}

static bool classify_sse(struct str eol, struct str raw,
			 struct exact_event *out)
{
	struct str inner;

	/* The event's own line end, and that of the blank line. */
	if (!str_ends(raw, eol) || !strip(raw, STR_NULL, eol, &inner) ||
	    !strip(inner, STR_NULL, eol, &inner))
		return false;
	if (strip(inner, STR("event: "), STR_NULL, &out->text))
		return classify_named(out->text, eol, out);
	if (strip(inner, STR(":"), STR_NULL, &out->text)) {
		out->kind = EXACT_COMMENT;
	} else if (strip(inner, STR("data: "), STR_NULL, &out->text)) {
		if (classify_value(out->text, false, out))
			return true;
		out->kind = EXACT_TEXT;
	} else {
		return false;
	}
	/* Several lines would read as one. */
	return exact_is_utf8(out->text) &&
	       memchr(out->text.ptr, '\n', out->text.len) == NULL &&
	       memchr(out->text.ptr, '\r', out->text.len) == NULL;
}

static bool classify_value_of(const struct exact_layout *l, struct str raw,
			      bool first, struct exact_event *out)
{
	struct str inner;

	if (l->framing == RECORDING_NDJSON)
		return strip(raw, STR_NULL, l->eol, &inner) &&
		       classify_value(inner, false, out);
	return l->framing == RECORDING_ARRAY &&
	       strip(raw, first ? STR("[") : l->eol, STR_NULL, &inner) &&
	       classify_value(inner, true, out);
}

struct exact_event exact_classify(const struct exact_layout *l, struct str raw,
				  bool first)
{
	struct exact_event e = { .kind = EXACT_RAW };
	bool known = l->framing == RECORDING_SSE
			     ? classify_sse(l->eol, raw, &e)
			     : classify_value_of(l, raw, first, &e);

	if (known)
		return e;
	return (struct exact_event){
		.kind = exact_is_utf8(raw) ? EXACT_RAW : EXACT_B64,
		.text = raw,
	};
}
