#include "store/line.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>

#include "json/json.h"
#include "json/writer.h"

enum {
	DEPTH = 512
};

enum kind {
	TEXT,
	NUMBER,
	ARRAY,
	OBJECT,
};

/* The members, in the order of the line. */
static const struct member {
	struct str name;
	enum kind kind;
	size_t offset;
	bool must;
} members[] = {
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

static const struct str statuses[STORE_STATUSES] = { STR_INIT("completed"),
						     STR_INIT("cancelled"),
						     STR_INIT("failed") };

struct str line_status(enum store_status status)
{
	return status < STORE_STATUSES ? statuses[status] : STR("");
}

static bool is_json(struct str text, enum kind kind)
{
	const struct json_limits limits = { .depth = DEPTH };
	struct json_error error;
	struct json doc;
	bool is;

	if (json_parse(text, &limits, &doc, &error) != 0)
		return false;
	is = json_type(&doc, json_root(&doc)) ==
	     (kind == ARRAY ? JSON_ARRAY : JSON_OBJECT);
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

static int write_json(struct json_writer *w, const struct member *m,
		      struct str text)
{
	if (text.len == 0)
		return 0;
	if (!is_json(text, m->kind))
		return LINE_BAD;
	if (fits_a_line(text))
		json_member_raw(w, m->name, text);
	else
		json_member_str(w, m->name, text);
	return 0;
}

static int write_member(struct json_writer *w, const struct member *m,
			const struct store_completion *c)
{
	const void *at = (const char *)c + m->offset;

	switch (m->kind) {
	case NUMBER:
		json_member_int(w, m->name, *(const int64_t *)at);
		return 0;
	case TEXT:
		if (((const struct str *)at)->len > 0)
			json_member_str(w, m->name, *(const struct str *)at);
		return 0;
	case ARRAY:
	case OBJECT:
		return write_json(w, m, *(const struct str *)at);
	}
	return LINE_BAD;
}

int line_write(const struct store_completion *c, struct buf *out)
{
	size_t was = out->len;
	struct json_writer w;
	int r = c->status < STORE_STATUSES ? 0 : LINE_BAD;

	json_writer_init(&w, out);
	json_object(&w);
	if (r == 0)
		json_member_str(&w, STR("status"), statuses[c->status]);
	for (size_t i = 0; i < countof(members) && r == 0; i++)
		r = write_member(&w, &members[i], c);
	json_end(&w);
	if (r == 0)
		r = json_writer_done(&w);
	if (r == 0)
		r = buf_add(out, STR("\n"));
	if (r != 0)
		out->len = was;
	return r;
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
		if (!is_json(text, m->kind))
			return LINE_BAD;
	} else if (json_type(doc, v) !=
		   (m->kind == ARRAY ? JSON_ARRAY : JSON_OBJECT)) {
		return LINE_BAD;
	}
	*out = text;
	return 0;
}

static int read_member(const struct json *doc, const struct member *m,
		       struct arena *a, struct store_completion *out,
		       struct line_problem *problem)
{
	uint32_t v = json_get(doc, json_root(doc), m->name);
	void *to = (char *)out + m->offset;

	if (v == JSON_NONE)
		return m->must ? bad(problem, m->name, "is missing") : 0;
	if (m->kind == NUMBER) {
		return json_to_i64(doc, v, to)
			       ? 0
			       : bad(problem, m->name, "is no integer");
	}
	if (m->kind != TEXT) {
		return read_json(doc, v, m, a, to) == 0
			       ? 0
			       : bad(problem, m->name,
				     m->kind == ARRAY ? "is no array"
						      : "is no object");
	}
	if (json_type(doc, v) != JSON_STRING)
		return bad(problem, m->name, "is no string");
	*(struct str *)to = json_string(doc, v, a);
	if (((struct str *)to)->len > STORE_TEXT_MAX)
		return bad(problem, m->name, "is too long");
	return 0;
}

static int read_status(const struct json *doc, struct store_completion *out,
		       struct line_problem *problem)
{
	uint32_t v = json_get(doc, json_root(doc), STR("status"));

	for (unsigned i = 0; i < STORE_STATUSES; i++) {
		if (!json_is(doc, v, statuses[i]))
			continue;
		out->status = (enum store_status)i;
		return 0;
	}
	return bad(problem, STR("status"),
		   "is not completed, cancelled or failed");
}

/* What a newer quipu may have written is not dropped in silence. */
static int check_names(const struct json *doc, struct arena *a,
		       struct line_problem *problem)
{
	uint32_t root = json_root(doc);
	uint32_t v = json_first(doc, root);

	for (; v != JSON_NONE; v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);
		bool known = json_is(doc, key, STR("status"));

		for (size_t i = 0; i < countof(members) && !known; i++)
			known = json_is(doc, key, members[i].name);
		if (!known)
			return bad(problem, json_string(doc, key, a),
				   "is not known");
	}
	return json_has_duplicates(doc, root)
		       ? bad(problem, STR("the line"), "has a member twice")
		       : 0;
}

static int read_doc(const struct json *doc, struct arena *a,
		    struct store_completion *out, struct line_problem *problem)
{
	int r;

	if (json_type(doc, json_root(doc)) != JSON_OBJECT)
		return bad(problem, STR("the line"), "is no object");
	r = check_names(doc, a, problem);
	if (r == 0)
		r = read_status(doc, out, problem);
	for (size_t i = 0; i < countof(members) && r == 0; i++)
		r = read_member(doc, &members[i], a, out, problem);
	if (r == 0 && out->id.len == 0)
		r = bad(problem, STR("id"), "is empty");
	return r;
}

int line_read(struct str text, struct arena *a, struct store_completion *out,
	      struct line_problem *problem)
{
	const struct json_limits limits = { .depth = DEPTH + 1 };
	struct store_completion c = { .first_byte_us = -1 };
	struct json_error error;
	struct json doc;
	int r;

	if (json_parse(text, &limits, &doc, &error) != 0) {
		(void)snprintf(problem->text, sizeof(problem->text),
			       "column %u: %s", error.column, error.what);
		return LINE_BAD;
	}
	r = read_doc(&doc, a, &c, problem);
	json_fini(&doc);
	if (r == 0)
		*out = c;
	return r;
}
