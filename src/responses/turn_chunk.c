#include "responses/turn_impl.h"

#include <assert.h>

#include "llm/field.h"
#include "llm/squeeze.h"

/* A token's bytes: null, or missing, is an empty array. */
static void member_bytes(struct json_writer *w, const struct json *doc,
			 uint32_t token)
{
	uint32_t list = json_get(doc, token, STR("bytes"));

	json_member(w, STR("bytes"));
	json_array(w);
	if (json_type(doc, list) != JSON_ARRAY)
		list = JSON_NONE;
	for (uint32_t v = json_first(doc, list); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (json_type(doc, v) == JSON_NUMBER)
			json_add_raw(w, json_raw(doc, v));
	}
	json_end(w);
}

static void member_number(struct json_writer *w, const struct json *doc,
			  uint32_t object, struct str key)
{
	uint32_t v = json_get(doc, object, key);
	bool is_number = json_type(doc, v) == JSON_NUMBER;

	json_member_raw(w, key, is_number ? json_raw(doc, v) : STR("0"));
}

static void write_token(struct json_writer *w, const struct json *doc,
			uint32_t v, bool has_top)
{
	uint32_t token = json_get(doc, v, STR("token"));
	uint32_t top = json_get(doc, v, STR("top_logprobs"));
	bool is_text = json_type(doc, token) == JSON_STRING;

	json_object(w);
	json_member_raw(w, STR("token"),
			is_text ? json_raw(doc, token) : STR("\"\""));
	member_bytes(w, doc, v);
	member_number(w, doc, v, STR("logprob"));
	if (has_top) {
		json_member(w, STR("top_logprobs"));
		json_array(w);
		if (json_type(doc, top) != JSON_ARRAY)
			top = JSON_NONE;
		for (v = json_first(doc, top); v != JSON_NONE;
		     v = json_next(doc, v))
			write_token(w, doc, v, false);
		json_end(w);
	}
	json_end(w);
}

static int write_tokens(const struct json *doc, uint32_t list, struct buf *out)
{
	size_t start = out->len;
	struct json_writer w;
	int r;

	for (uint32_t v = json_first(doc, list); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (out->len > start && (r = buf_add(out, STR(","))) < 0)
			return r;
		json_writer_init(&w, out);
		write_token(&w, doc, v, true);
		if ((r = json_writer_done(&w)) < 0)
			return r;
	}
	return 0;
}

/* The tokens of a delta, or JSON_NONE when there are none. */
static uint32_t tokens_of(const struct turn_reader *c)
{
	uint32_t list = json_get(c->doc, c->logprobs, STR("content"));

	return json_type(c->doc, list) == JSON_ARRAY &&
			       json_count(c->doc, list) > 0
		       ? list
		       : JSON_NONE;
}

/*
 * Keep the log probabilities of a delta, with all members that the Responses API
 * wants (bytes may be null in a chat's).  *out is what was added, with commas.
 */
static int keep_logprobs(struct turn_reader *c, struct buf *to, struct str *out)
{
	uint32_t list = tokens_of(c);
	struct buf text;
	size_t start;
	int r;

	*out = STR_NULL;
	if (list == JSON_NONE)
		return 0;
	c->logprobs = JSON_NONE; /* they belong to the delta's first text */
	buf_init(&text, c->turn->setup.bytes_max);
	r = write_tokens(c->doc, list, &text);
	if (r == 0 && to->len > 0)
		r = turn_item_keep(c->turn, to, STR(","));
	start = to->len;
	if (r == 0)
		r = turn_item_keep(c->turn, to, buf_str(&text));
	if (r == 0)
		*out = str_drop(buf_str(to), start);
	buf_fini(&text);
	return r;
}

static int take_said(struct turn_reader *c, enum turn_kind kind,
		     struct str delta)
{
	struct turn_item *item = turn_item_of(c->turn, kind, c->e);
	struct str logprobs = STR_NULL;
	int r;

	turn_item_need_part(item, &item->parts.text, c->e);
	r = turn_item_keep(c->turn, &item->text, delta);
	if (r == 0 && kind == TURN_MESSAGE && c->logprobs != JSON_NONE)
		r = keep_logprobs(c, &item->logprobs, &logprobs);
	if (r != 0)
		return r;
	turn_item_text_delta(item, c->e, delta, logprobs);
	turn_touch(c->turn, item);
	c->said = delta;
	c->is_thought = kind == TURN_REASONING;
	c->effects += logprobs.len > 0 ? 2 : 1;
	return 0;
}

static int take_reasoning(struct turn_reader *c, struct str delta)
{
	return delta.len > 0 ? take_said(c, TURN_REASONING, delta) : 0;
}

static int take_text(struct turn_reader *c, struct str delta)
{
	return take_said(c, TURN_MESSAGE, delta);
}

static int take_refusal(struct turn_reader *c, struct str delta)
{
	struct turn_item *item;
	int r;

	if (delta.len == 0)
		return 0;
	item = turn_item_of(c->turn, TURN_MESSAGE, c->e);
	turn_item_need_part(item, &item->parts.refusal, c->e);
	if ((r = turn_item_keep(c->turn, &item->refusal, delta)) != 0)
		return r;
	turn_item_refusal_delta(item, c->e, delta);
	turn_touch(c->turn, item);
	c->effects += 2;
	return 0;
}

/* A list of parts in the place of a text: what Mistral's models do that think. */
static int take_parts(struct turn_reader *c, uint32_t list)
{
	const struct json *doc = c->doc;
	int r = 0;

	for (uint32_t v = json_first(doc, list); v != JSON_NONE && r == 0;
	     v = json_next(doc, v)) {
		uint32_t text = json_get(doc, v, STR("text"));
		uint32_t thought = json_path(doc, v, STR("thinking.0.text"));

		if (json_type(doc, text) == JSON_STRING &&
		    turn_body(doc, text).len > 0)
			r = take_text(c, turn_body(doc, text));
		else if (json_type(doc, thought) == JSON_STRING)
			r = take_reasoning(c, turn_body(doc, thought));
	}
	return r;
}

static int take_content(struct turn_reader *c, uint32_t v)
{
	struct str delta;

	if (v == JSON_NONE)
		return 0;
	if (json_type(c->doc, v) == JSON_ARRAY)
		return take_parts(c, v);
	if (json_type(c->doc, v) != JSON_STRING)
		return turn_bad(c->turn, "its content is no string");
	delta = turn_body(c->doc, v);
	/* A token that is only part of a character has no text. */
	if (delta.len == 0 && tokens_of(c) == JSON_NONE)
		return 0;
	return take_text(c, delta);
}

static int take_calls(struct turn_reader *c, uint32_t list)
{
	int r = 0;

	if (list == JSON_NONE)
		return 0;
	c->effects += 2;
	if (json_type(c->doc, list) != JSON_ARRAY)
		return turn_bad(c->turn, "its tool calls are no array");
	for (uint32_t v = json_first(c->doc, list); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = turn_call_take(c, v);
	return r;
}

enum delta_member {
	CONTENT,
	REFUSAL,
	REASONING,
	REASONING_CONTENT,
	TOOL_CALLS,
	DELTA_MEMBERS,
};

static const struct field delta_fields[DELTA_MEMBERS + 1] = {
	[CONTENT] = { STR_INIT("content") },
	[REFUSAL] = { STR_INIT("refusal") },
	[REASONING] = { STR_INIT("reasoning") },
	[REASONING_CONTENT] = { STR_INIT("reasoning_content") },
	[TOOL_CALLS] = { STR_INIT("tool_calls") },
};

/* Thought comes before what is said, whatever their order in the chunk. */
static int take_delta(struct turn_reader *c, uint32_t delta)
{
	uint32_t at[DELTA_MEMBERS];
	struct str refusal, reasoning, other;
	int r;

	field_find(c->doc, delta, delta_fields, at);
	if ((r = turn_text(c, at[REFUSAL], &refusal)) != 0 ||
	    (r = turn_text(c, at[REASONING], &reasoning)) != 0 ||
	    (r = turn_text(c, at[REASONING_CONTENT], &other)) != 0)
		return r;
	/* Servers that have both names say the same twice. */
	r = take_reasoning(c, reasoning.len > 0 ? reasoning : other);
	if (r == 0)
		r = take_content(c, at[CONTENT]);
	if (r == 0)
		r = take_refusal(c, refusal);
	return r == 0 ? take_calls(c, at[TOOL_CALLS]) : r;
}

static void note_finish(struct turn *turn, const struct json *doc, uint32_t v)
{
	if (json_type(doc, v) != JSON_STRING)
		return;
	if (json_is(doc, v, STR("length")))
		turn->finish = TURN_LENGTH;
	else if (json_is(doc, v, STR("content_filter")))
		turn->finish = TURN_CONTENT_FILTER;
	else if (json_is(doc, v, STR("tool_calls")))
		turn->finish = TURN_TOOL_CALLS;
	else
		turn->finish = TURN_STOP;
}

enum choice_member {
	INDEX,
	DELTA,
	FINISH_REASON,
	LOGPROBS,
	CHOICE_MEMBERS,
};

static const struct field choice_fields[CHOICE_MEMBERS + 1] = {
	[INDEX] = { STR_INIT("index") },
	[DELTA] = { STR_INIT("delta") },
	[FINISH_REASON] = { STR_INIT("finish_reason") },
	[LOGPROBS] = { STR_INIT("logprobs") },
};

static int take_choice(struct turn_reader *c, uint32_t choice)
{
	uint32_t at[CHOICE_MEMBERS];
	int64_t index;
	int r = 0;

	if (json_type(c->doc, choice) != JSON_OBJECT)
		return turn_bad(c->turn, "a choice in it is no object");
	field_find(c->doc, choice, choice_fields, at);
	if (json_to_i64(c->doc, at[INDEX], &index) && index != 0)
		return 0;
	c->logprobs = at[LOGPROBS];
	if (at[DELTA] != JSON_NONE) {
		if (json_type(c->doc, at[DELTA]) != JSON_OBJECT)
			return turn_bad(c->turn, "its delta is no object");
		r = take_delta(c, at[DELTA]);
	}
	if (r == 0)
		note_finish(c->turn, c->doc, at[FINISH_REASON]);
	return r;
}

enum chunk_member {
	CHOICES,
	ERROR,
	SERVICE_TIER,
	CHUNK_MEMBERS,
};

static const struct field chunk_fields[CHUNK_MEMBERS + 1] = {
	[CHOICES] = { STR_INIT("choices") },
	[ERROR] = { STR_INIT("error") },
	[SERVICE_TIER] = { STR_INIT("service_tier") },
};

static void note_tier(struct turn *turn, const struct json *doc, uint32_t v)
{
	struct str raw = json_raw(doc, v);

	if (json_type(doc, v) != JSON_STRING || raw.len > sizeof(turn->tier))
		return;
	memcpy(turn->tier, raw.ptr, raw.len);
	turn->tier_len = (uint8_t)raw.len;
}

static int take_chunk(struct turn_reader *c)
{
	const struct json *doc = c->doc;
	uint32_t root = json_root(doc), at[CHUNK_MEMBERS];
	int r = 0;

	if (json_type(doc, root) != JSON_OBJECT)
		return turn_bad(c->turn, "it is no object");
	field_find(doc, root, chunk_fields, at);
	if (at[ERROR] != JSON_NONE)
		return TURN_ERROR;
	if (at[CHOICES] != JSON_NONE &&
	    json_type(doc, at[CHOICES]) != JSON_ARRAY)
		return turn_bad(c->turn, "its choices are no array");
	if (at[SERVICE_TIER] != JSON_NONE)
		note_tier(c->turn, doc, at[SERVICE_TIER]);
	usage_read(doc, root, &c->turn->usage);
	for (uint32_t v = json_first(doc, at[CHOICES]);
	     v != JSON_NONE && r == 0; v = json_next(doc, v))
		r = take_choice(c, v);
	return r;
}

/* --- chunks that are alike ------------------------------------------------- */

/*
 * Remember what stands around the text of a chunk that said one thing.  Another
 * with the same around it says it to the same item, and nothing else.
 */
static void note_around(const struct turn_reader *c)
{
	struct turn *turn = c->turn;
	struct str text = c->doc->text, core = squeeze_unpadded(text);
	size_t before, after;

	buf_clear(&turn->around);
	if (c->effects != 1 || c->said.len == 0)
		return;
	before = (size_t)(c->said.ptr - core.ptr);
	after = before + c->said.len;
	if (after > core.len || core.len - c->said.len > TURN_AROUND_MAX)
		return;
	turn->before = before;
	turn->is_unpadded = core.len < text.len;
	turn->is_thought = c->is_thought;
	if (buf_add(&turn->around, str_take(core, before)) != 0 ||
	    buf_add(&turn->around, str_drop(core, after)) != 0)
		buf_clear(&turn->around);
}

/* Is it a chunk like the last one?  Then *said is its text. */
static bool is_like_last(const struct turn *turn, struct str text,
			 struct str *said)
{
	struct str around = buf_str(&turn->around), core;

	if (around.len == 0)
		return false;
	core = squeeze_unpadded(text);
	if (core.len <= around.len ||
	    (core.len < text.len) != turn->is_unpadded ||
	    !str_starts(core, str_take(around, turn->before)) ||
	    !str_ends(core, str_drop(around, turn->before)))
		return false;
	*said = str_take(str_drop(core, turn->before), core.len - around.len);
	return squeeze_body_len(*said) == said->len;
}

static int finish_chunk(struct turn *turn, const struct events *e, int r)
{
	if (r == 0 && e->error < 0)
		r = e->error;
	turn->is_over = r != 0;
	return r;
}

int turn_delta(struct turn *turn, struct str text, struct events *e)
{
	struct turn_reader c = { .turn = turn, .e = e, .logprobs = JSON_NONE };
	struct str said;

	assert(!turn->is_over);
	if (!is_like_last(turn, text, &said))
		return TURN_OTHER;
	return finish_chunk(turn, e,
			    take_said(&c,
				      turn->is_thought ? TURN_REASONING
						       : TURN_MESSAGE,
				      said));
}

int turn_chunk(struct turn *turn, const struct json *doc, struct events *e)
{
	struct turn_reader c = {
		.turn = turn, .doc = doc, .e = e, .logprobs = JSON_NONE
	};
	int r;

	assert(!turn->is_over);
	r = take_chunk(&c);
	if (r == 0)
		note_around(&c);
	return finish_chunk(turn, e, r);
}
