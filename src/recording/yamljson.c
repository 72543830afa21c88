#include "recording/yamljson.h"

#include <stdlib.h>
#include <yaml.h>

#include "json/json.h"

/* What an anchor names: a part of what was written. */
struct anchor {
	struct str name; /* owned */
	size_t from, len;
};

struct level {
	bool is_map;
	bool value; /* of a map: the key was written */
	size_t count;
	size_t from;   /* where it began */
	size_t anchor; /* its number, from 1; 0: none */
};

struct writer {
	struct buf *out;
	struct recording_problem *problem;
	struct level levels[YAMLJSON_DEPTH];
	size_t depth;
	struct anchor *anchors; /* owned */
	size_t anchor_count;
	bool failed, done;
};

static void fail(struct writer *w, const char *why)
{
	if (!w->failed)
		(void)recording_bad(w->problem, "YAML: %s", why);
	w->failed = true;
}

static void put(struct writer *w, struct str s)
{
	if (buf_add(w->out, s) < 0)
		fail(w, "too large");
}

static void put_quoted(struct writer *w, struct str s)
{
	if (json_quote(w->out, s) < 0)
		fail(w, "too large");
}

static struct level *top(struct writer *w)
{
	return w->depth > 0 ? &w->levels[w->depth - 1] : NULL;
}

/* The comma before a value.  Returns whether it is the key of a map. */
static bool begin_value(struct writer *w)
{
	struct level *l = top(w);

	if (l == NULL)
		return false;
	if (l->is_map && l->value) {
		l->value = false;
		put(w, STR(":"));
		return false;
	}
	if (l->count++ > 0)
		put(w, STR(","));
	l->value = l->is_map;
	return l->is_map;
}

/* The number of a new anchor, 0 for none. */
static size_t add_anchor(struct writer *w, const yaml_char_t *name)
{
	struct str s = str_of((const char *)name);
	char *copy;

	if (s.len == 0)
		return 0;
	if (w->anchor_count == YAMLJSON_ANCHORS_MAX) {
		fail(w, "too many anchors");
		return 0;
	}
	if (w->anchors == NULL)
		w->anchors = xcalloc(YAMLJSON_ANCHORS_MAX, sizeof(*w->anchors));
	copy = xmalloc(s.len);
	memcpy(copy, s.ptr, s.len);
	w->anchors[w->anchor_count++].name = (struct str){ copy, s.len };
	return w->anchor_count;
}

static void end_anchor(struct writer *w, size_t anchor, size_t from)
{
	if (anchor == 0)
		return;
	w->anchors[anchor - 1].from = from;
	w->anchors[anchor - 1].len = w->out->len - from;
}

static void on_alias(struct writer *w, const yaml_char_t *name)
{
	struct str s = str_of((const char *)name);

	if (begin_value(w)) {
		fail(w, "an alias as a key");
		return;
	}
	/* The newest of a name counts; one that is open has no length yet. */
	for (size_t i = w->anchor_count; i-- > 0;) {
		struct anchor *a = &w->anchors[i];

		if (!str_eq(a->name, s) || a->len == 0)
			continue;
		if (buf_reserve(w->out, a->len) < 0) {
			fail(w, "too large");
			return;
		}
		memcpy(w->out->ptr + w->out->len, w->out->ptr + a->from,
		       a->len);
		w->out->len += a->len;
		return;
	}
	fail(w, "an alias of nothing");
}

static bool is_plain_json(struct str s)
{
	int64_t n;

	return str_eq(s, STR("true")) || str_eq(s, STR("false")) ||
	       str_eq(s, STR("null")) ||
	       (str_to_i64(s, INT64_MIN, INT64_MAX, &n) &&
		(s.len == 1 || s.ptr[0] != '0') && !str_starts(s, STR("-0")));
}

/* Base64 without its line ends. */
static void put_binary(struct writer *w, struct str s)
{
	put(w, STR("{\"base64_string\":\""));
	for (size_t i = 0; i < s.len; i++) {
		struct str c = { s.ptr + i, 1 };

		if (strchr(" \t\r\n\"\\", c.ptr[0]) == NULL)
			put(w, c);
	}
	put(w, STR("\"}"));
}

static void on_scalar(struct writer *w, const yaml_event_t *e)
{
	struct str s = { (const char *)e->data.scalar.value,
			 e->data.scalar.length };
	struct str tag = str_of((const char *)e->data.scalar.tag);
	size_t anchor = add_anchor(w, e->data.scalar.anchor);
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	bool is_key = begin_value(w);
	size_t from = w->out->len;

	if (is_key) {
		put_quoted(w, s);
	} else if (str_ends(tag, STR("binary"))) {
		put_binary(w, s);
	} else if (plain && (s.len == 0 || str_eq(s, STR("~")))) {
		put(w, STR("null"));
	} else if (plain && is_plain_json(s)) {
		put(w, s);
	} else {
		put_quoted(w, s);
	}
	end_anchor(w, anchor, from);
}

static void on_start(struct writer *w, bool is_map, const yaml_char_t *anchor)
{
	struct level *l;

	if (begin_value(w)) {
		fail(w, "a list or a map as a key");
		return;
	}
	if (w->depth == YAMLJSON_DEPTH) {
		fail(w, "too deep");
		return;
	}
	l = &w->levels[w->depth++];
	*l = (struct level){ .is_map = is_map, .from = w->out->len };
	l->anchor = add_anchor(w, anchor);
	put(w, is_map ? STR("{") : STR("["));
}

static void on_end(struct writer *w)
{
	struct level *l = &w->levels[w->depth - 1];

	put(w, l->is_map ? STR("}") : STR("]"));
	end_anchor(w, l->anchor, l->from);
	w->depth--;
}

static void on_event(struct writer *w, const yaml_event_t *e)
{
	switch ((int)e->type) {
	case YAML_SCALAR_EVENT:
		on_scalar(w, e);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(w, e->data.alias.anchor);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_start(w, false, e->data.sequence_start.anchor);
		break;
	case YAML_MAPPING_START_EVENT:
		on_start(w, true, e->data.mapping_start.anchor);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(w);
		break;
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		w->done = true;
		break;
	default:
		break;
	}
}

int yamljson_write(struct str text, struct buf *out,
		   struct recording_problem *problem)
{
	struct writer w = { .out = out, .problem = problem };
	yaml_parser_t parser;
	yaml_event_t e;

	if (yaml_parser_initialize(&parser) == 0)
		return recording_bad(problem, "YAML: no memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.ptr,
				     text.len);
	while (!w.failed && !w.done) {
		if (yaml_parser_parse(&parser, &e) == 0) {
			w.failed = true;
			(void)recording_bad(problem, "YAML: line %zu: %s",
					    parser.problem_mark.line + 1,
					    parser.problem != NULL
						    ? parser.problem
						    : "?");
			break;
		}
		on_event(&w, &e);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	for (size_t i = 0; i < w.anchor_count; i++)
		free((void *)(uintptr_t)w.anchors[i].name.ptr);
	free(w.anchors);
	return w.failed ? RECORDING_BAD : 0;
}
