#include "recording/transcript_draft.h"

#include <stdlib.h>

void transcript_draft_init(struct transcript_draft *d, struct arena *a)
{
	*d = (struct transcript_draft){ .a = a };
}

static void drop_turn(struct transcript_draft_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++)
		buf_fini(&turn->calls[i].arguments);
	free(turn->calls);
	buf_fini(&turn->text);
	buf_fini(&turn->reasoning);
	buf_fini(&turn->refusal);
}

void transcript_draft_clear(struct transcript_draft *d)
{
	for (size_t i = 0; i < d->count; i++)
		drop_turn(&d->turns[i]);
	free(d->turns);
	d->turns = NULL;
	d->count = 0;
}

/* Room for one more; sizes are powers of two. */
static void *grow(void *items, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return items;
	return xrealloc(items, (count > 0 ? 2 * count : 1) * size);
}

struct transcript_draft_turn *transcript_draft_add(struct transcript_draft *d,
						   struct str role)
{
	struct transcript_draft_turn *turn;

	if (d->count == TRANSCRIPT_TURNS_MAX)
		return NULL;
	d->turns = grow(d->turns, d->count, sizeof(*d->turns));
	turn = &d->turns[d->count++];
	*turn = (struct transcript_draft_turn){ .role = role };
	buf_init(&turn->text, RECORDING_BODY_MAX);
	buf_init(&turn->reasoning, RECORDING_BODY_MAX);
	buf_init(&turn->refusal, RECORDING_BODY_MAX);
	return turn;
}

struct transcript_draft_turn *transcript_draft_at(struct transcript_draft *d,
						  int64_t index)
{
	struct transcript_draft_turn *turn;

	for (size_t i = 0; i < d->count; i++) {
		if (d->turns[i].index == index)
			return &d->turns[i];
	}
	turn = transcript_draft_add(d, STR_NULL);
	if (turn != NULL)
		turn->index = index;
	return turn;
}

struct transcript_draft_call *
transcript_draft_call(struct transcript_draft_turn *turn, int64_t index)
{
	struct transcript_draft_call *call;

	for (size_t i = 0; i < turn->call_count; i++) {
		if (turn->calls[i].index == index)
			return &turn->calls[i];
	}
	if (turn->call_count == TRANSCRIPT_CALLS_MAX)
		return NULL;
	turn->calls = grow(turn->calls, turn->call_count, sizeof(*turn->calls));
	call = &turn->calls[turn->call_count++];
	*call = (struct transcript_draft_call){ .index = index };
	buf_init(&call->arguments, RECORDING_BODY_MAX);
	return call;
}

/* What does not fit any more is left out. */
static void append(struct buf *to, struct str s)
{
	if (buf_add(to, s) < 0)
		return;
}

void transcript_draft_text(struct transcript_draft *d, struct buf *to,
			   const struct json *doc, uint32_t v)
{
	struct arena_mark mark = arena_mark(d->a);

	append(to, json_string(doc, v, d->a));
	arena_rewind(d->a, mark);
}

void transcript_draft_set(struct transcript_draft *d, struct str *to,
			  const struct json *doc, uint32_t v)
{
	if (json_type(doc, v) == JSON_STRING && json_raw(doc, v).len > 2)
		*to = arena_str(d->a, json_string(doc, v, d->a));
}

int64_t transcript_draft_int(const struct json *doc, uint32_t object,
			     struct str key, int64_t missing)
{
	int64_t n = missing;

	(void)json_to_i64(doc, json_get(doc, object, key), &n);
	return n;
}

/* A string as it is, anything else as its source. */
static void add_value(struct transcript_draft *d, struct buf *to,
		      const struct json *doc, uint32_t v)
{
	if (json_type(doc, v) == JSON_STRING) {
		transcript_draft_text(d, to, doc, v);
	} else if (v != JSON_NONE) {
		append(to, json_raw(doc, v));
	}
}

/* [{"id", "function": {"name", "arguments"}}, ...], whole or as deltas. */
static void add_calls(struct transcript_draft *d,
		      struct transcript_draft_turn *turn,
		      const struct json *doc, uint32_t list)
{
	int64_t n = 0;

	for (uint32_t i = json_first(doc, list); i != JSON_NONE;
	     i = json_next(doc, i)) {
		uint32_t fn = json_get(doc, i, STR("function"));
		struct transcript_draft_call *call = transcript_draft_call(
			turn, transcript_draft_int(doc, i, STR("index"), n++));

		if (call == NULL)
			return;
		transcript_draft_set(d, &call->id, doc,
				     json_get(doc, i, STR("id")));
		transcript_draft_set(d, &call->name, doc,
				     json_get(doc, fn, STR("name")));
		add_value(d, &call->arguments, doc,
			  json_get(doc, fn, STR("arguments")));
	}
}

/* A call that is a part or an item of its own. */
static void add_call(struct transcript_draft *d,
		     struct transcript_draft_turn *turn, const struct json *doc,
		     uint32_t part)
{
	static const char *const ids[] = { "call_id", "id", "toolUseId" };
	static const char *const arguments[] = { "arguments", "input", "args" };
	struct transcript_draft_call *call =
		transcript_draft_call(turn, (int64_t)turn->call_count);

	if (call == NULL)
		return;
	for (size_t i = 0; i < countof(ids) && call->id.len == 0; i++) {
		transcript_draft_set(d, &call->id, doc,
				     json_get(doc, part, str_of(ids[i])));
	}
	transcript_draft_set(d, &call->name, doc,
			     json_get(doc, part, STR("name")));
	for (size_t i = 0; i < countof(arguments); i++) {
		add_value(d, &call->arguments, doc,
			  json_get(doc, part, str_of(arguments[i])));
	}
}

void transcript_draft_content(struct transcript_draft *d,
			      struct transcript_draft_turn *turn,
			      const struct json *doc, uint32_t content)
{
	if (json_type(doc, content) == JSON_STRING) {
		transcript_draft_text(d, &turn->text, doc, content);
	} else if (json_type(doc, content) == JSON_OBJECT) {
		transcript_draft_part(d, turn, doc, content);
	}
	if (json_type(doc, content) != JSON_ARRAY)
		return;
	for (uint32_t i = json_first(doc, content); i != JSON_NONE;
	     i = json_next(doc, i)) {
		if (json_type(doc, i) == JSON_STRING) {
			transcript_draft_text(d, &turn->text, doc, i);
		} else {
			transcript_draft_part(d, turn, doc, i);
		}
	}
}

static bool is_call(struct str type)
{
	return str_eq(type, STR("tool_use")) ||
	       str_eq(type, STR("server_tool_use")) ||
	       str_eq(type, STR("function_call"));
}

/* "[image]" for what cannot be shown. */
static void add_marker(struct transcript_draft_turn *turn,
		       const struct json *doc, uint32_t part, struct str type)
{
	uint32_t first = json_first(doc, part);

	if (type.len == 0 && first != JSON_NONE) {
		type = json_raw(doc, json_key(doc, first));
		type = str_drop(str_take(type, type.len - 1), 1);
	}
	append(&turn->text, STR("["));
	append(&turn->text, type.len > 0 ? type : STR("?"));
	append(&turn->text, STR("]"));
}

void transcript_draft_part(struct transcript_draft *d,
			   struct transcript_draft_turn *turn,
			   const struct json *doc, uint32_t part)
{
	struct str type = STR_NULL;
	uint32_t text = json_get(doc, part, STR("text"));
	uint32_t call = json_get(doc, part, STR("functionCall"));
	uint32_t content = json_get(doc, part, STR("content"));

	transcript_draft_set(d, &type, doc, json_get(doc, part, STR("type")));
	if (call == JSON_NONE)
		call = json_get(doc, part, STR("function_call"));
	if (call == JSON_NONE)
		call = json_get(doc, part, STR("toolUse"));
	if (json_is_true(doc, json_get(doc, part, STR("thought")))) {
		transcript_draft_text(d, &turn->reasoning, doc, text);
	} else if (json_type(doc, text) == JSON_STRING) {
		transcript_draft_text(d, &turn->text, doc, text);
	} else if (call != JSON_NONE) {
		add_call(d, turn, doc, call);
	} else if (is_call(type)) {
		add_call(d, turn, doc, part);
	} else if (str_eq(type, STR("thinking"))) {
		transcript_draft_text(d, &turn->reasoning, doc,
				      json_get(doc, part, STR("thinking")));
	} else if (str_eq(type, STR("refusal"))) {
		transcript_draft_text(d, &turn->refusal, doc,
				      json_get(doc, part, STR("refusal")));
	} else if (str_eq(type, STR("tool_result"))) {
		transcript_draft_set(d, &turn->call_id, doc,
				     json_get(doc, part, STR("tool_use_id")));
		/* One level: a result holds texts, not results. */
		if (json_type(doc, content) == JSON_STRING)
			transcript_draft_text(d, &turn->text, doc, content);
		for (uint32_t i = json_first(doc, content); i != JSON_NONE;
		     i = json_next(doc, i)) {
			transcript_draft_text(d, &turn->text, doc,
					      json_get(doc, i, STR("text")));
		}
	} else {
		add_marker(turn, doc, part, type);
	}
}

void transcript_draft_message(struct transcript_draft *d,
			      struct transcript_draft_turn *turn,
			      const struct json *doc, uint32_t message)
{
	static const char *const thoughts[] = { "reasoning_content",
						"reasoning", "thinking" };
	size_t before = turn->reasoning.len;

	transcript_draft_set(d, &turn->role, doc,
			     json_get(doc, message, STR("role")));
	transcript_draft_set(d, &turn->call_id, doc,
			     json_get(doc, message, STR("tool_call_id")));
	for (size_t i = 0;
	     i < countof(thoughts) && turn->reasoning.len == before; i++) {
		transcript_draft_text(d, &turn->reasoning, doc,
				      json_get(doc, message,
					       str_of(thoughts[i])));
	}
	transcript_draft_content(d, turn, doc,
				 json_get(doc, message, STR("content")));
	transcript_draft_content(d, turn, doc,
				 json_get(doc, message, STR("parts")));
	transcript_draft_text(d, &turn->refusal, doc,
			      json_get(doc, message, STR("refusal")));
	add_calls(d, turn, doc, json_get(doc, message, STR("tool_calls")));
}

static struct str keep(struct arena *a, const struct buf *b)
{
	return b->len > 0 ? arena_str(a, buf_str(b)) : STR("");
}

size_t transcript_draft_done(struct transcript_draft *d,
			     struct transcript_turn **out)
{
	size_t count = d->count;
	struct transcript_turn *turns =
		arena_zalloc(d->a, (count + 1) * sizeof(*turns));

	for (size_t i = 0; i < count; i++) {
		const struct transcript_draft_turn *from = &d->turns[i];
		struct transcript_turn *to = &turns[i];

		to->role = from->role;
		to->text = keep(d->a, &from->text);
		to->reasoning = keep(d->a, &from->reasoning);
		to->refusal = keep(d->a, &from->refusal);
		to->call_id = from->call_id;
		to->finish = from->finish;
		to->index = from->index;
		to->call_count = from->call_count;
		to->calls = arena_zalloc(d->a, (from->call_count + 1) *
						       sizeof(*to->calls));
		for (size_t k = 0; k < from->call_count; k++) {
			const struct transcript_draft_call *c = &from->calls[k];

			to->calls[k].id = c->id;
			to->calls[k].name = c->name;
			to->calls[k].arguments = keep(d->a, &c->arguments);
		}
	}
	transcript_draft_clear(d);
	*out = turns;
	return count;
}
