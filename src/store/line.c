#include "store/line.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "base/utf8.h"
#include "json/json.h"
#include "json/writer.h"

enum {
	DEPTH = 512
};

enum kind {
	TEXT,
	NUMBER,
	SPARSE, /* a number that is mostly 0 */
	FLAG,
	ARRAY,
	OBJECT,
	ANY, /* bytes, as a rule of JSON */
};

struct member {
	struct str name;
	enum kind kind;
	size_t offset;
	bool must;
};

/* The members of a completion, in the order of the line. */
static const struct member of_completion[] = {
#define MEMBER(m, kind, must)                                                  \
	{                                                                      \
		STR_INIT(#m), kind, offsetof(struct store_completion, m), must \
	}
	MEMBER(id, TEXT, true),           MEMBER(owner, TEXT, false),
	MEMBER(created, NUMBER, true),    MEMBER(stored_at, NUMBER, false),
	MEMBER(model_asked, TEXT, false), MEMBER(model_served, TEXT, false),
	MEMBER(provider, TEXT, false),    MEMBER(first_byte_us, NUMBER, false),
	MEMBER(total_us, NUMBER, false),  MEMBER(user, TEXT, false),
	MEMBER(metadata, OBJECT, false),  MEMBER(usage, OBJECT, false),
	MEMBER(extra, OBJECT, false),     MEMBER(params, OBJECT, false),
	MEMBER(choices, ARRAY, false),    MEMBER(request, ARRAY, false),
#undef MEMBER
};

static const struct member of_object[] = {
#define MEMBER(m, kind, must)                                              \
	{                                                                  \
		STR_INIT(#m), kind, offsetof(struct store_object, m), must \
	}
	MEMBER(id, TEXT, true),           MEMBER(owner, TEXT, false),
	MEMBER(parent, TEXT, false),      MEMBER(label, TEXT, false),
	MEMBER(state, TEXT, false),       MEMBER(created, NUMBER, true),
	MEMBER(stored_at, NUMBER, false), MEMBER(due_ms, SPARSE, false),
	MEMBER(is_root, FLAG, false),     MEMBER(body, ANY, false),
	MEMBER(input, ANY, false),        MEMBER(aux, ANY, false),
#undef MEMBER
};

/* What a line is of: the name and the values of its first member. */
static const struct shape {
	struct str first;
	const struct str *values; /* of a number, by it; "" is none */
	size_t value_count;
	const struct member *members;
	size_t count;
	const char *wrong; /* of the first member */
} completions = {
	STR_INIT("status"),
	(const struct str[]){ STR_INIT("completed"), STR_INIT("cancelled"),
			      STR_INIT("failed") },
	STORE_STATUSES,
	of_completion,
	countof(of_completion),
	"is not completed, cancelled or failed",
}, objects = {
	STR_INIT("kind"),
	(const struct str[]){ [STORE_RESPONSE] = STR_INIT("response"),
			      [STORE_EVENTS] = STR_INIT("events"),
			      [STORE_CONVERSATION] = STR_INIT("conversation"),
			      [STORE_ITEM] = STR_INIT("item"),
			      [STORE_MESSAGES] = STR_INIT("messages"),
			      [STORE_PROMPT] = STR_INIT("prompt"),
			      [STORE_PROMPT_VERSION] =
				      STR_INIT("prompt_version") },
	STORE_PROMPT_VERSION + 1,
	of_object,
	countof(of_object),
	"is no kind of object",
};

struct str line_status(enum store_status status)
{
	return status < STORE_STATUSES ? completions.values[status] : STR("");
}

static bool is_type(enum json_type type, enum kind kind)
{
	return (type == JSON_ARRAY && kind != OBJECT) ||
	       (type == JSON_OBJECT && kind != ARRAY);
}

static bool is_json(struct str text, enum kind kind)
{
	const struct json_limits limits = { .depth = DEPTH };
	struct json_error error;
	struct json doc;
	bool is;

	if (json_parse(text, &limits, &doc, &error) != 0)
		return false;
	is = is_type(json_type(&doc, json_root(&doc)), kind);
	json_fini(&doc);
	return is;
}

/* Would it come back from a line as it is? */
static bool fits_a_line(struct str text)
{
	return memchr(text.ptr, '\n', text.len) == NULL &&
	       memchr(text.ptr, '\r', text.len) == NULL &&
	       str_trim(text).len == text.len;
}

static bool is_utf8(struct str text)
{
	const uint8_t *at = (const uint8_t *)text.ptr, *end = at + text.len;
	size_t n = 1;

	for (; at < end && n > 0; at += n)
		n = utf8_len(at, end);
	return n > 0;
}

/* Bytes that are no array or object are a string, too. */
static int write_any(struct json_writer *w, const struct member *m,
		     struct str text)
{
	bool is = is_json(text, ANY);

	if (!is && !is_utf8(text))
		return LINE_BAD;
	if (is && fits_a_line(text))
		json_member_raw(w, m->name, text);
	else
		json_member_str(w, m->name, text);
	return 0;
}

static int write_json(struct json_writer *w, const struct member *m,
		      struct str text)
{
	if (text.len == 0)
		return 0;
	if (m->kind == ANY)
		return write_any(w, m, text);
	if (!is_json(text, m->kind))
		return LINE_BAD;
	if (fits_a_line(text))
		json_member_raw(w, m->name, text);
	else
		json_member_str(w, m->name, text);
	return 0;
}

static int write_member(struct json_writer *w, const struct member *m,
			const void *row)
{
	const void *at = (const char *)row + m->offset;

	switch (m->kind) {
	case NUMBER:
		json_member_int(w, m->name, *(const int64_t *)at);
		return 0;
	case SPARSE:
		if (*(const int64_t *)at != 0)
			json_member_int(w, m->name, *(const int64_t *)at);
		return 0;
	case FLAG:
		if (*(const bool *)at)
			json_member_bool(w, m->name, true);
		return 0;
	case TEXT:
		if (((const struct str *)at)->len > 0)
			json_member_str(w, m->name, *(const struct str *)at);
		return 0;
	case ARRAY:
	case OBJECT:
	case ANY:
		return write_json(w, m, *(const struct str *)at);
	}
	return LINE_BAD;
}

static int write_line(const struct shape *shape, size_t value, const void *row,
		      struct buf *out)
{
	size_t was = out->len;
	struct json_writer w;
	int r = value < shape->value_count && shape->values[value].len > 0
			? 0
			: LINE_BAD;

	json_writer_init(&w, out);
	json_object(&w);
	if (r == 0)
		json_member_str(&w, shape->first, shape->values[value]);
	for (size_t i = 0; i < shape->count && r == 0; i++)
		r = write_member(&w, &shape->members[i], row);
	json_end(&w);
	if (r == 0)
		r = json_writer_done(&w);
	if (r == 0)
		r = buf_add(out, STR("\n"));
	if (r != 0)
		out->len = was;
	return r;
}

int line_write(const struct store_completion *c, struct buf *out)
{
	return write_line(&completions, c->status, c, out);
}

int line_write_object(const struct store_object *o, struct buf *out)
{
	return write_line(&objects, o->kind, o, out);
}

static int bad(struct line_problem *problem, struct str name, const char *what)
{
	(void)snprintf(problem->text, sizeof(problem->text), STR_FMT ": %s",
		       STR_ARG(str_take(name, 60)), what);
	return LINE_BAD;
}

static int read_json(const struct json *doc, uint32_t v, const struct member *m,
		     struct arena *a, struct str *out)
{
	struct str text = json_raw(doc, v);

	if (json_type(doc, v) == JSON_STRING) {
		text = json_string(doc, v, a);
		if (m->kind != ANY && !is_json(text, m->kind))
			return LINE_BAD;
	} else if (!is_type(json_type(doc, v), m->kind)) {
		return LINE_BAD;
	}
	*out = text;
	return 0;
}

static const char *expected(enum kind kind)
{
	if (kind == ANY)
		return "is no array, object or string";
	return kind == ARRAY ? "is no array" : "is no object";
}

static int read_flag(const struct json *doc, uint32_t v, bool *out)
{
	enum json_type type = json_type(doc, v);

	*out = type == JSON_TRUE;
	return type == JSON_TRUE || type == JSON_FALSE ? 0 : LINE_BAD;
}

static int read_member(const struct json *doc, const struct member *m,
		       struct arena *a, void *row, struct line_problem *problem)
{
	uint32_t v = json_get(doc, json_root(doc), m->name);
	void *to = (char *)row + m->offset;

	if (v == JSON_NONE)
		return m->must ? bad(problem, m->name, "is missing") : 0;
	if (m->kind == NUMBER || m->kind == SPARSE) {
		return json_to_i64(doc, v, to)
			       ? 0
			       : bad(problem, m->name, "is no integer");
	}
	if (m->kind == FLAG) {
		return read_flag(doc, v, to) == 0
			       ? 0
			       : bad(problem, m->name, "is not true or false");
	}
	if (m->kind != TEXT) {
		return read_json(doc, v, m, a, to) == 0
			       ? 0
			       : bad(problem, m->name, expected(m->kind));
	}
	if (json_type(doc, v) != JSON_STRING)
		return bad(problem, m->name, "is no string");
	*(struct str *)to = json_string(doc, v, a);
	if (((struct str *)to)->len > STORE_TEXT_MAX)
		return bad(problem, m->name, "is too long");
	return 0;
}

static int read_first(const struct json *doc, const struct shape *shape,
		      size_t *out, struct line_problem *problem)
{
	uint32_t v = json_get(doc, json_root(doc), shape->first);

	for (size_t i = 0; i < shape->value_count; i++) {
		if (shape->values[i].len == 0 ||
		    !json_is(doc, v, shape->values[i]))
			continue;
		*out = i;
		return 0;
	}
	return bad(problem, shape->first, shape->wrong);
}

/* What a newer quipu may have written is not dropped in silence. */
static int check_names(const struct json *doc, const struct shape *shape,
		       struct arena *a, struct line_problem *problem)
{
	uint32_t root = json_root(doc);
	uint32_t v = json_first(doc, root);

	for (; v != JSON_NONE; v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);
		bool known = json_is(doc, key, shape->first);

		for (size_t i = 0; i < shape->count && !known; i++)
			known = json_is(doc, key, shape->members[i].name);
		if (!known)
			return bad(problem, json_string(doc, key, a),
				   "is not known");
	}
	return json_has_duplicates(doc, root)
		       ? bad(problem, STR("the line"), "has a member twice")
		       : 0;
}

static int read_doc(const struct json *doc, struct arena *a,
		    struct line_row *out, struct line_problem *problem)
{
	const struct shape *shape;
	size_t value = 0;
	struct str id;
	void *row;
	int r;

	if (json_type(doc, json_root(doc)) != JSON_OBJECT)
		return bad(problem, STR("the line"), "is no object");
	out->is_object =
		json_get(doc, json_root(doc), objects.first) != JSON_NONE;
	shape = out->is_object ? &objects : &completions;
	row = out->is_object ? (void *)&out->object : (void *)&out->completion;
	r = check_names(doc, shape, a, problem);
	if (r == 0)
		r = read_first(doc, shape, &value, problem);
	for (size_t i = 0; i < shape->count && r == 0; i++)
		r = read_member(doc, &shape->members[i], a, row, problem);
	if (r != 0)
		return r;
	out->completion.status = (enum store_status)value;
	out->object.kind = (enum store_kind)value;
	id = out->is_object ? out->object.id : out->completion.id;
	if (id.len == 0)
		return bad(problem, STR("id"), "is empty");
	return out->object.state.len > STORE_STATE_MAX
		       ? bad(problem, STR("state"), "is too long")
		       : 0;
}

int line_read(struct str text, struct arena *a, struct line_row *out,
	      struct line_problem *problem)
{
	const struct json_limits limits = { .depth = DEPTH + 1 };
	struct line_row row = { .completion.first_byte_us = -1 };
	struct json_error error;
	struct json doc;
	int r;

	if (json_parse(text, &limits, &doc, &error) != 0) {
		(void)snprintf(problem->text, sizeof(problem->text),
			       "column %u: %s", error.column, error.what);
		return LINE_BAD;
	}
	r = read_doc(&doc, a, &row, problem);
	json_fini(&doc);
	if (r == 0)
		*out = row;
	return r;
}
