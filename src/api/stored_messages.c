#include "api/stored_messages.h"

#include "api/page.h"
#include "json/json.h"

#include <stdlib.h>

enum {
	IDS_MAX = 2 * STORE_LIMIT_MAX * STORE_TEXT_MAX
};

/* The messages of a completion, in its order. */
struct messages {
	struct str id; /* of the completion */
	struct json request, choices;
	uint32_t *at; /* owned; those of the request come first */
	size_t asked, total;
	struct arena ids; /* of a page */
	bool newest_first;
};

static bool parse_both(const struct store_completion *c, struct messages *m)
{
	struct str request = c->request.len > 0 ? c->request : STR("[]");
	struct str choices = c->choices.len > 0 ? c->choices : STR("[]");
	struct json_error bad;

	if (json_parse(request, NULL, &m->request, &bad) != 0)
		return false;
	if (json_parse(choices, NULL, &m->choices, &bad) == 0)
		return true;
	json_fini(&m->request);
	return false;
}

static void list_messages(struct messages *m)
{
	size_t n = 0;

	m->asked = json_count(&m->request, json_root(&m->request));
	m->total = m->asked + json_count(&m->choices, json_root(&m->choices));
	m->at = xcalloc(m->total + 1, sizeof(*m->at));
	for (uint32_t v = json_first(&m->request, json_root(&m->request));
	     v != JSON_NONE; v = json_next(&m->request, v))
		m->at[n++] = v;
	for (uint32_t v = json_first(&m->choices, json_root(&m->choices));
	     v != JSON_NONE; v = json_next(&m->choices, v))
		m->at[n++] = json_get(&m->choices, v, STR("message"));
}

/* The message's number of a place in the page's order, and the reverse. */
static size_t turn(const struct messages *m, size_t n)
{
	return m->newest_first ? m->total - 1 - n : n;
}

static struct str id_of(struct messages *m, size_t n)
{
	return arena_printf(&m->ids, STR_FMT "-%zu", STR_ARG(m->id), n);
}

/* "ID-3": the place in the order of its message. */
static bool find_cursor(const struct messages *m, struct str cursor,
			size_t *out)
{
	struct str digits = str_drop(cursor, m->id.len + 1);
	bool padded = digits.len > 1 && digits.ptr[0] == '0';
	int64_t n;

	if (cursor.len <= m->id.len || !str_starts(cursor, m->id) ||
	    cursor.ptr[m->id.len] != '-' || padded || m->total == 0 ||
	    !str_to_i64(digits, 0, (int64_t)m->total - 1, &n) ||
	    digits.ptr[0] == '-')
		return false;
	*out = turn(m, (size_t)n);
	return true;
}

/* As OGX writes all of them, null or not; "id" and the content are before. */
static const struct str message_members[] = {
	STR_INIT("name"),          STR_INIT("tool_calls"),
	STR_INIT("tool_call_id"),  STR_INIT("refusal"),
	STR_INIT("function_call"), STR_INIT("annotations"),
	STR_INIT("audio"),
};

static bool is_message_member(const struct json *doc, uint32_t key)
{
	static const struct str first[] = {
		STR_INIT("id"),
		STR_INIT("role"),
		STR_INIT("content"),
		STR_INIT("content_parts"),
	};

	for (size_t i = 0; i < countof(first); i++) {
		if (json_is(doc, key, first[i]))
			return true;
	}
	for (size_t i = 0; i < countof(message_members); i++) {
		if (json_is(doc, key, message_members[i]))
			return true;
	}
	return false;
}

static void add_raw(struct json_writer *w, struct str key, struct str raw,
		    struct str none)
{
	json_member_raw(w, key, raw.len > 0 ? raw : none);
}

/* A list of parts is "content_parts", anything else "content". */
static void add_content(struct json_writer *w, const struct json *doc,
			uint32_t message)
{
	uint32_t content = json_get(doc, message, STR("content"));
	bool parts = json_type(doc, content) == JSON_ARRAY;
	struct str raw = json_raw(doc, content), none = STR("null");

	add_raw(w, STR("content"), parts ? none : raw, none);
	add_raw(w, STR("content_parts"), parts ? raw : none, none);
}

static void add_others(struct json_writer *w, const struct json *doc,
		       uint32_t message)
{
	for (uint32_t v = json_first(doc, message); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t key = json_key(doc, v);

		if (!is_message_member(doc, key))
			json_member_copy(w, json_raw(doc, key),
					 json_raw(doc, v));
	}
}

static void write_message(struct json_writer *w, struct messages *m, size_t n)
{
	const struct json *doc = n < m->asked ? &m->request : &m->choices;
	uint32_t message = m->at[n];

	json_object(w);
	json_member_str(w, STR("id"), id_of(m, n));
	add_raw(w, STR("role"),
		json_raw(doc, json_get(doc, message, STR("role"))),
		n < m->asked ? STR("null") : STR("\"assistant\""));
	add_content(w, doc, message);
	for (size_t i = 0; i < countof(message_members); i++) {
		uint32_t v = json_get(doc, message, message_members[i]);

		add_raw(w, message_members[i], json_raw(doc, v), STR("null"));
	}
	if (json_type(doc, message) == JSON_OBJECT)
		add_others(w, doc, message);
	json_end(w);
}

static void write_page(struct json_writer *w, struct messages *m,
		       struct page_span span)
{
	size_t end = span.first + span.count;
	struct str first = STR(""), last = STR("");

	if (span.count > 0) {
		first = id_of(m, turn(m, span.first));
		last = id_of(m, turn(m, end - 1));
	}
	page_begin(w);
	for (size_t i = span.first; i < end; i++)
		write_message(w, m, turn(m, i));
	page_end(w, first, last, span.has_more);
}

int stored_messages_write(struct json_writer *w,
			  const struct store_completion *c,
			  const struct store_query *q)
{
	struct messages m = { .id = c->id, .newest_first = q->newest_first };
	struct str cursor = q->after.len > 0 ? q->after : q->before;
	size_t at = SIZE_MAX;
	int r = 0;

	if (!parse_both(c, &m))
		return STORED_MESSAGES_DAMAGED;
	arena_init(&m.ids, IDS_MAX);
	list_messages(&m);
	if (cursor.len > 0 && !find_cursor(&m, cursor, &at))
		r = STORED_MESSAGES_BAD_CURSOR;
	else
		write_page(w, &m, page_span(q, at, m.total));
	arena_fini(&m.ids);
	free(m.at);
	json_fini(&m.request);
	json_fini(&m.choices);
	return r;
}
