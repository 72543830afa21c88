#include "llm/assemble.h"

#include "http/sse.h"
#include "llm/assemble_tree.h"

#include "json/writer.h"
#include <assert.h>

enum {
	PIECE_BYTES = 64 << 10
};

void assemble_init(struct assembly *as, struct arena *a)
{
	*as = (struct assembly){ .arena = a };
}

static void take_error(struct assembly *as, const struct json *doc, uint32_t v)
{
	struct str raw = json_raw(doc, v);
	char *copy;

	if (as->error.len > 0 || json_type(doc, v) <= JSON_FALSE)
		return;
	copy = arena_try(as->arena, raw.len);
	if (copy == NULL) {
		as->error = STR("{}");
		return;
	}
	memcpy(copy, raw.ptr, raw.len);
	as->error = (struct str){ copy, raw.len };
}

static void merge(struct assembly *as, const struct json *doc)
{
	if (as->created == 0) {
		(void)json_to_i64(doc,
				  json_get(doc, json_root(doc), STR("created")),
				  &as->created);
	}
	if (as->root == NULL) {
		as->root = arena_try(as->arena, sizeof(*as->root));
		if (as->root != NULL)
			*as->root = (struct assemble_object){ 0 };
	}
	as->is_full = as->root == NULL ||
		      assemble_tree_merge(as->arena, doc, json_root(doc),
					  as->root) != 0;
}

static void take_object(struct assembly *as, const struct json *doc)
{
	uint32_t root = json_root(doc);

	if (json_is(doc, json_get(doc, root, STR("object")), STR("error"))) {
		take_error(as, doc, root);
		return;
	}
	take_error(as, doc, json_get(doc, root, STR("error")));
	if (!as->is_full)
		merge(as, doc);
}

static void take_data(struct assembly *as, struct str data)
{
	struct json_error bad;
	struct json doc;

	as->events++;
	if (json_parse(data, NULL, &doc, &bad) != 0) {
		as->bad_events++;
		return;
	}
	if (json_type(&doc, json_root(&doc)) == JSON_OBJECT)
		take_object(as, &doc);
	else
		as->bad_events++;
	json_fini(&doc);
}

int assemble_event(struct assembly *as, struct str data)
{
	if (as->is_done)
		return as->is_full ? ASSEMBLE_FULL : 0;
	if (str_eq(str_trim(data), STR("[DONE]")))
		as->is_done = true;
	else
		take_data(as, data);
	return as->is_full ? ASSEMBLE_FULL : 0;
}

int assemble_stream(struct assembly *as, struct str body)
{
	struct sse_parser p;
	struct sse_event ev;
	int r = 0;

	/* No event is longer than all of them. */
	sse_init(&p, body.len + 1);
	while (body.len > 0 && r >= 0) {
		struct str piece = str_take(body, PIECE_BYTES);

		body = str_drop(body, piece.len);
		r = sse_feed(&p, piece);
		while (r >= 0 && (r = sse_next(&p, &ev)) > 0) {
			if (r == SSE_EVENT)
				(void)!assemble_event(as, ev.data);
		}
	}
	sse_fini(&p);
	return as->is_full ? ASSEMBLE_FULL : 0;
}

int assemble_whole(struct assembly *as, struct str body)
{
	struct json_error bad;
	struct json doc;
	uint32_t choices;
	int r = ASSEMBLE_BAD;

	if (json_parse(body, NULL, &doc, &bad) != 0)
		return ASSEMBLE_BAD;
	if (json_type(&doc, json_root(&doc)) == JSON_OBJECT) {
		take_object(as, &doc);
		r = as->is_full ? ASSEMBLE_FULL : 0;
		choices = json_get(&doc, json_root(&doc), STR("choices"));
		if (json_type(&doc, choices) == JSON_ARRAY)
			as->choices = json_raw(&doc, choices);
		as->is_done = true;
	}
	json_fini(&doc);
	return r;
}

static struct assemble_entry *choice_at(const struct assembly *as, size_t n)
{
	const struct assemble_entries *e =
		assemble_tree_entries(as->root, STR("choices"));

	return e != NULL && n < e->count ? e->list[n] : NULL;
}

bool assemble_is_complete(const struct assembly *as)
{
	const struct assemble_entry *e;
	size_t n = 0;

	if (as->error.len > 0)
		return false;
	for (; !as->is_done && (e = choice_at(as, n)) != NULL; n++) {
		if (assemble_tree_text(&e->object, STR("finish_reason")).len ==
		    0)
			return false;
	}
	return as->is_done || n > 0;
}

struct str assemble_id(const struct assembly *as)
{
	return assemble_tree_text(as->root, STR("id"));
}

struct str assemble_model(const struct assembly *as)
{
	return assemble_tree_text(as->root, STR("model"));
}

struct str assemble_usage(const struct assembly *as)
{
	const struct assemble_member *m =
		assemble_tree_get(as->root, STR("usage"));

	return m != NULL && m->kind == ASSEMBLE_RAW
		       ? (struct str){ m->text.ptr, m->text.len }
		       : STR_NULL;
}

static void write_list(struct json_writer *w, const struct assemble_member *m)
{
	json_array(w);
	if (m->list.len > 0)
		json_add_raw(w, (struct str){ m->list.ptr, m->list.len });
	if (m->text.len > 0) {
		json_object(w);
		json_member_str(w, STR("type"), STR("text"));
		json_member_str(w, STR("text"),
				(struct str){ m->text.ptr, m->text.len });
		json_end(w);
	}
	json_end(w);
}

static void write_object(struct json_writer *w, const struct assemble_object *o,
			 const struct assemble_shape *shape,
			 const int64_t *index);

static void write_entries(struct json_writer *w,
			  const struct assemble_entries *e,
			  const struct assemble_shape *shape)
{
	json_array(w);
	for (uint32_t i = 0; i < e->count; i++) {
		write_object(w, &e->list[i]->object, shape,
			     shape->is_call ? NULL : &e->list[i]->index);
	}
	json_end(w);
}

static void write_member(struct json_writer *w, const struct assemble_member *m,
			 const struct assemble_shape *shape)
{
	struct str text = { m->text.ptr, m->text.len };

	json_member(w, m->key);
	switch (m->kind) {
	case ASSEMBLE_TEXT:
		json_add_str(w, text);
		break;
	case ASSEMBLE_LIST:
		write_list(w, m);
		break;
	case ASSEMBLE_RAW:
		json_add_raw(w, text);
		break;
	case ASSEMBLE_OBJECT:
		assert(shape != NULL);
		write_object(w, m->object, shape, NULL);
		break;
	case ASSEMBLE_ENTRIES:
		assert(shape != NULL);
		write_entries(w, m->entries, shape);
		break;
	case ASSEMBLE_NULL:
		json_add_null(w);
		break;
	}
}

/* The members of the table, in its order, and what always is there. */
static void write_rows(struct json_writer *w, const struct assemble_object *o,
		       const struct assemble_shape *shape)
{
	for (size_t i = 0; i < shape->count; i++) {
		const struct assemble_row *row = &shape->rows[i];
		const struct assemble_member *m =
			assemble_tree_get(o, row->name);

		if (m != NULL && m->kind != ASSEMBLE_NULL) {
			write_member(w, m, row->shape);
		} else if (row->missing.len > 0 &&
			   (row->unless.len == 0 ||
			    assemble_tree_get(o, row->unless) == NULL)) {
			json_member_raw(w, row->name, row->missing);
		}
	}
}

static void write_others(struct json_writer *w, const struct assemble_object *o,
			 const struct assemble_shape *shape)
{
	for (uint32_t i = 0; o != NULL && i < o->count; i++) {
		const struct assemble_member *m = &o->members[i];

		if (assemble_tree_row(shape, m->key) == NULL)
			write_member(w, m, NULL);
	}
}

static void write_object(struct json_writer *w, const struct assemble_object *o,
			 const struct assemble_shape *shape,
			 const int64_t *index)
{
	json_object(w);
	if (index != NULL)
		json_member_int(w, STR("index"), *index);
	write_rows(w, o, shape);
	write_others(w, o, shape);
	json_end(w);
}

int assemble_write_choices(const struct assembly *as, struct buf *out)
{
	const struct assemble_entries *e =
		assemble_tree_entries(as->root, STR("choices"));
	struct json_writer w;

	json_writer_init(&w, out);
	if (as->choices.len > 0) {
		json_add_raw(&w, as->choices);
	} else if (e != NULL) {
		write_entries(&w, e,
			      assemble_tree_row(&assemble_tree_root,
						STR("choices"))
				      ->shape);
	} else {
		json_add_raw(&w, STR("[]"));
	}
	return json_writer_done(&w);
}

int assemble_write_extra(const struct assembly *as, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object(&w);
	write_others(&w, as->root, &assemble_tree_root);
	json_end(&w);
	return json_writer_done(&w);
}

size_t assemble_choice_count(const struct assembly *as)
{
	const struct assemble_entries *e =
		assemble_tree_entries(as->root, STR("choices"));

	return e != NULL ? e->count : 0;
}

bool assemble_choice(const struct assembly *as, size_t n,
		     struct assemble_choice *out)
{
	const struct assemble_entry *e = choice_at(as, n);
	const struct assemble_object *message;
	const struct assemble_entries *calls;
	struct assemble_choice c = { 0 };

	if (e == NULL)
		return false;
	message = assemble_tree_object(&e->object, STR("message"));
	calls = assemble_tree_entries(message, STR("tool_calls"));
	c.index = e->index;
	c.content = assemble_tree_text(message, STR("content"));
	if (message == NULL)
		c.content = assemble_tree_text(&e->object, STR("text"));
	c.refusal = assemble_tree_text(message, STR("refusal"));
	c.reasoning = assemble_tree_text(message, STR("reasoning_content"));
	if (c.reasoning.len == 0)
		c.reasoning = assemble_tree_text(message, STR("reasoning"));
	c.finish_reason = assemble_tree_text(&e->object, STR("finish_reason"));
	c.call_count = calls != NULL ? calls->count : 0;
	*out = c;
	return true;
}

bool assemble_call(const struct assembly *as, size_t choice, size_t n,
		   struct assemble_call *out)
{
	const struct assemble_entry *e = choice_at(as, choice);
	const struct assemble_object *message, *call, *custom, *function;
	const struct assemble_entries *calls;

	if (e == NULL)
		return false;
	message = assemble_tree_object(&e->object, STR("message"));
	calls = assemble_tree_entries(message, STR("tool_calls"));
	if (calls == NULL || n >= calls->count)
		return false;
	call = &calls->list[n]->object;
	function = assemble_tree_object(call, STR("function"));
	custom = assemble_tree_object(call, STR("custom"));
	*out = (struct assemble_call){
		.index = calls->list[n]->index,
		.id = assemble_tree_text(call, STR("id")),
		.type = assemble_tree_text(call, STR("type")),
		.name = assemble_tree_text(function, STR("name")),
		.arguments = assemble_tree_text(function, STR("arguments")),
	};
	if (custom != NULL) {
		out->name = assemble_tree_text(custom, STR("name"));
		out->arguments = assemble_tree_text(custom, STR("input"));
	}
	if (out->type.len == 0)
		out->type = custom != NULL ? STR("custom") : STR("function");
	return true;
}
