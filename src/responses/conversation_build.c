#include "responses/conversation_build.h"

#include <errno.h>

#include "base/err.h"
#include "base/map.h"

enum {
	PAGE_ROWS = 256,
	BYTES_MAX = 64 << 20, /* of all items */
};

/* What is put together, a turn at a time. */
struct build {
	struct conversation_build *out;
	struct arena *arena;
	struct map calls;        /* ids of all calls so far */
	struct messages segment; /* texts of items that came together */
	struct str label;        /* of these */
	bool *is_used;           /* the texts that took an older one's place */
	size_t bytes;
};

bool conversation_build_is_edit(const struct conversation *c,
				const struct store_object *row)
{
	return str_starts(str_drop(row->id, c->id.len + 1),
			  STR(CONVERSATION_BUILD_EDIT));
}

static struct str call_of(const struct build *b, const struct json *doc,
			  uint32_t item)
{
	return json_string(doc, json_get(doc, item, STR("call_id")), b->arena);
}

/* Does it say something? */
static bool is_said(const struct build *b, const struct json *doc,
		    uint32_t item, struct map *answered)
{
	enum item_kind kind = item_kind(doc, item);

	if (kind == ITEM_MESSAGE) {
		return b->label.len == 0 ||
		       !json_is(doc, json_get(doc, item, STR("role")),
				STR("system"));
	}
	if (kind != ITEM_FUNCTION_OUTPUT)
		return true;
	return map_get(&b->calls, call_of(b, doc, item)) != NULL &&
	       map_put(answered, call_of(b, doc, item), b->out) == NULL;
}

static struct str joined(const struct build *b, const struct messages *texts)
{
	struct str *parts =
		arena_alloc(b->arena, (2 * texts->count + 2) * sizeof(*parts));
	size_t n = 0;

	parts[n++] = STR("[");
	for (size_t i = 0; i < texts->count; i++) {
		if (i > 0)
			parts[n++] = STR(",");
		parts[n++] = texts->texts[i];
	}
	parts[n++] = STR("]");
	return arena_join(b->arena, parts, n);
}

/* Those of the segment that say something. */
static void choose(struct build *b, const struct json *doc,
		   struct messages *chosen)
{
	struct map answered = { 0 };
	uint32_t root = json_root(doc);

	for (uint32_t v = json_first(doc, root); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (item_kind(doc, v) == ITEM_FUNCTION_CALL)
			(void)map_put(&b->calls, call_of(b, doc, v), b->out);
	}
	for (uint32_t v = json_first(doc, root); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (is_said(b, doc, v, &answered))
			messages_add(chosen, b->arena, json_raw(doc, v));
	}
	map_fini(&answered);
}

static int parse(struct str text, struct json *doc)
{
	struct json_error error;

	if (json_parse(text, NULL, doc, &error) == 0)
		return 0;
	return error.is_limit ? -EMSGSIZE
			      : err_new(-EUCLEAN, "an item is no JSON");
}

static int end_segment(struct build *b)
{
	struct conversation_build *out = b->out;
	struct convert cv = { .arena = b->arena,
			      .error = out->conversation->error,
			      .previous = &out->messages,
			      .keeps_repeats = true };
	struct messages chosen = { 0 };
	struct json doc;
	int r = parse(joined(b, &b->segment), &doc);

	if (r != 0)
		return r;
	choose(b, &doc, &chosen);
	json_fini(&doc);
	b->segment = (struct messages){ 0 };
	r = parse(joined(b, &chosen), &doc);
	if (r != 0)
		return r;
	if (convert_input(&cv, &doc, json_root(&doc), &out->messages) != 0)
		r = CONVERSATION_REFUSED;
	json_fini(&doc);
	return r;
}

static int add(struct build *b, struct str text, struct str label)
{
	int r = 0;

	if (b->segment.count > 0 && !str_eq(label, b->label))
		r = end_segment(b);
	b->bytes += text.len;
	if (r == 0 && b->bytes > BYTES_MAX)
		r = -EMSGSIZE;
	b->label = label;
	if (label.len > 0)
		b->out->label = label;
	messages_add(&b->segment, b->arena, text);
	return r;
}

static int add_row(struct build *b, const struct store_object *row)
{
	const struct conversation_build *out = b->out;
	struct str text = row->body;

	if (str_eq(row->id, out->dropped))
		return 0;
	for (size_t i = 0; i < out->texts->count; i++) {
		if (str_eq(row->id, out->names[i])) {
			text = out->texts->texts[i];
			b->is_used[i] = true;
		}
	}
	return add(b, text, row->label);
}

static int add_rows(struct build *b)
{
	const struct conversation *c = b->out->conversation;
	struct store_objects_query q = { .kind = STORE_ITEM,
					 .owner = c->owner,
					 .parent = c->id,
					 .limit = PAGE_ROWS,
					 .without = STORE_INPUT | STORE_AUX };
	struct store_objects rows = { .has_more = true };
	int r = 0;

	while (r == 0 && rows.has_more) {
		r = store_object_list(c->store, &q, b->arena, &rows);
		for (size_t i = 0; i < rows.count && r == 0; i++)
			r = add_row(b, &rows.rows[i]);
		if (r == 0 && rows.count > 0)
			q.after = rows.rows[rows.count - 1].id;
	}
	return r;
}

static int find_newest(struct conversation_build *out)
{
	const struct conversation *c = out->conversation;
	struct store_objects_query q = {
		.kind = STORE_MESSAGES,
		.owner = c->owner,
		.parent = c->id,
		.limit = 1,
		.newest_first = true,
		.without = STORE_BODY | STORE_INPUT | STORE_AUX,
	};
	struct store_objects rows;
	int r = store_object_list(c->store, &q, c->arena, &rows);

	if (r == 0 && rows.count > 0)
		out->newest = rows.rows[0];
	return r;
}

int conversation_build(struct conversation_build *out)
{
	struct arena *a = out->conversation->arena;
	struct build b = { .out = out, .arena = a };
	int r;

	b.is_used = arena_zalloc(a, out->texts->count + 1);
	r = add_rows(&b);
	for (size_t i = 0; i < out->texts->count && r == 0; i++) {
		if (!b.is_used[i])
			r = add(&b, out->texts->texts[i], STR_NULL);
	}
	if (r == 0)
		r = end_segment(&b);
	if (r == 0)
		r = find_newest(out);
	map_fini(&b.calls);
	return r;
}
