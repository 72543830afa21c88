#include "responses/turn_impl.h"

#include <stdlib.h>

void turn_item_fini(struct turn_item *item)
{
	buf_fini(&item->text);
	buf_fini(&item->refusal);
	buf_fini(&item->logprobs);
	buf_fini(&item->call_id);
	buf_fini(&item->name);
}

void turn_item_member(struct json_writer *w, struct str key, struct str body)
{
	json_member_raw(w, key, STR("\""));
	json_more_raw(w, body);
	json_more_raw(w, STR("\""));
}

/* An array of entries that have their commas. */
static void member_list(struct json_writer *w, struct str key,
			struct str entries)
{
	json_member_raw(w, key, STR("["));
	json_more_raw(w, entries);
	json_more_raw(w, STR("]"));
}

static void write_text_part(const struct turn_item *item, struct json_writer *w,
			    bool is_empty)
{
	struct str none = STR_NULL;

	json_object(w);
	json_member_str(w, STR("type"), STR("output_text"));
	turn_item_member(w, STR("text"),
			 is_empty ? none : buf_str(&item->text));
	member_list(w, STR("annotations"), none);
	member_list(w, STR("logprobs"),
		    is_empty ? none : buf_str(&item->logprobs));
	json_end(w);
}

/* A part of one member, besides its type. */
static void write_plain_part(struct json_writer *w, struct str type,
			     struct str key, struct str body)
{
	json_object(w);
	json_member_str(w, STR("type"), type);
	turn_item_member(w, key, body);
	json_end(w);
}

static void write_part(const struct turn_item *item, struct json_writer *w,
		       int index, bool is_empty)
{
	struct str none = STR_NULL;

	if (item->kind == TURN_REASONING) {
		write_plain_part(w, STR("reasoning_text"), STR("text"),
				 is_empty ? none : buf_str(&item->text));
	} else if (index == item->parts.refusal) {
		write_plain_part(w, STR("refusal"), STR("refusal"),
				 is_empty ? none : buf_str(&item->refusal));
	} else {
		write_text_part(item, w, is_empty);
	}
}

static void write_parts(const struct turn_item *item, struct json_writer *w)
{
	json_member(w, STR("content"));
	json_array(w);
	for (int i = 0; i < item->parts.count; i++)
		write_part(item, w, i, false);
	json_end(w);
}

static void write_summary(const struct turn_item *item, struct json_writer *w)
{
	json_member(w, STR("summary"));
	json_array(w);
	if (item->has_summary)
		write_plain_part(w, STR("summary_text"), STR("text"),
				 buf_str(&item->refusal));
	json_end(w);
}

static struct str status(const struct turn_item *item)
{
	if (item->state == TURN_ITEM_COMPLETED)
		return STR("completed");
	return item->state == TURN_ITEM_INCOMPLETE ? STR("incomplete")
						   : STR("in_progress");
}

void turn_item_write(const struct turn_item *item, struct json_writer *w)
{
	json_object(w);
	switch (item->kind) {
	case TURN_REASONING:
		json_member_str(w, STR("id"), turn_item_id(item));
		write_summary(item, w);
		json_member_str(w, STR("type"), STR("reasoning"));
		write_parts(item, w);
		break;
	case TURN_MESSAGE:
		write_parts(item, w);
		json_member_str(w, STR("role"), STR("assistant"));
		json_member_str(w, STR("type"), STR("message"));
		json_member_str(w, STR("id"), turn_item_id(item));
		break;
	case TURN_CALL:
		turn_item_member(w, STR("call_id"), buf_str(&item->call_id));
		turn_item_member(w, STR("name"), buf_str(&item->name));
		turn_item_member(w, STR("arguments"), buf_str(&item->text));
		json_member_str(w, STR("type"), STR("function_call"));
		json_member_str(w, STR("id"), turn_item_id(item));
		break;
	}
	json_member_str(w, STR("status"), status(item));
	json_end(w);
}

/* What OGX's clients look for, besides OpenAI's members. */
static void member_response(struct json_writer *w, const struct events *e)
{
	json_member_str(w, STR("response_id"), e->response_id);
}

static void item_event(const struct turn_item *item, struct events *e,
		       struct str type)
{
	struct json_writer *w = events_begin(e, type);

	if (w == NULL)
		return;
	member_response(w, e);
	json_member(w, STR("item"));
	turn_item_write(item, w);
	json_member_int(w, STR("output_index"), item->output_index);
	events_end(e);
}

static void begin_event(const struct turn_item *item, struct events *e)
{
	struct turn_item empty = *item;

	/* Of a call whose arguments came before its name. */
	empty.text.len = 0;
	item_event(&empty, e, STR("response.output_item.added"));
}

static void part_event(const struct turn_item *item, struct events *e,
		       struct str type, int index)
{
	bool is_empty = str_eq(type, STR("response.content_part.added"));
	struct json_writer *w = events_begin(e, type);

	if (w == NULL)
		return;
	json_member_int(w, STR("content_index"), index);
	member_response(w, e);
	json_member_str(w, STR("item_id"), turn_item_id(item));
	json_member_int(w, STR("output_index"), item->output_index);
	json_member(w, STR("part"));
	write_part(item, w, index, is_empty);
	events_end(e);
}

/* An event that carries a text, or a piece of one. */
struct text_event {
	struct str type, key, body;
	int content_index; /* -1: none */
	bool has_logprobs; /* entries, with commas */
	struct str logprobs;
	bool has_name; /* the function's */
};

static void text_event(const struct turn_item *item, struct events *e,
		       const struct text_event *t)
{
	struct json_writer *w = events_begin(e, t->type);

	if (w == NULL)
		return;
	if (t->content_index >= 0)
		json_member_int(w, STR("content_index"), t->content_index);
	turn_item_member(w, t->key, t->body);
	json_member_str(w, STR("item_id"), turn_item_id(item));
	if (t->has_name)
		turn_item_member(w, STR("name"), buf_str(&item->name));
	if (t->has_logprobs)
		member_list(w, STR("logprobs"), t->logprobs);
	json_member_int(w, STR("output_index"), item->output_index);
	events_end(e);
}

void turn_item_text_delta(const struct turn_item *item, struct events *e,
			  struct str delta, struct str logprobs)
{
	static const struct str types[] = {
		[TURN_REASONING] = STR_INIT("response.reasoning_text.delta"),
		[TURN_MESSAGE] = STR_INIT("response.output_text.delta"),
		[TURN_CALL] =
			STR_INIT("response.function_call_arguments.delta"),
	};

	text_event(item, e,
		   &(struct text_event){
			   .type = types[item->kind],
			   .key = STR("delta"),
			   .body = delta,
			   .content_index = item->parts.text,
			   .has_logprobs = item->kind == TURN_MESSAGE,
			   .logprobs = logprobs,
		   });
}

void turn_item_refusal_delta(const struct turn_item *item, struct events *e,
			     struct str delta)
{
	text_event(item, e,
		   &(struct text_event){
			   .type = STR("response.refusal.delta"),
			   .key = STR("delta"),
			   .body = delta,
			   .content_index = item->parts.refusal,
		   });
}

static void end_part(const struct turn_item *item, struct events *e, int index)
{
	struct text_event done = {
		.type = STR("response.output_text.done"),
		.key = STR("text"),
		.body = buf_str(&item->text),
		.content_index = index,
		.has_logprobs = true,
		.logprobs = buf_str(&item->logprobs),
	};

	if (item->kind == TURN_REASONING) {
		done.type = STR("response.reasoning_text.done");
		done.has_logprobs = false;
	} else if (index == item->parts.refusal) {
		done.type = STR("response.refusal.done");
		done.key = STR("refusal");
		done.body = buf_str(&item->refusal);
		done.has_logprobs = false;
	}
	text_event(item, e, &done);
	part_event(item, e, STR("response.content_part.done"), index);
}

static void end_call(const struct turn_item *item, struct events *e)
{
	text_event(item, e,
		   &(struct text_event){
			   .type = STR("response.function_call_arguments.done"),
			   .key = STR("arguments"),
			   .body = buf_str(&item->text),
			   .content_index = -1,
			   .has_name = true,
		   });
}

static void end_events(const struct turn_item *item, struct events *e)
{
	for (int i = 0; i < item->parts.count; i++)
		end_part(item, e, i);
	if (item->kind == TURN_CALL)
		end_call(item, e);
	item_event(item, e, STR("response.output_item.done"));
}

int turn_item_keep(struct turn *turn, struct buf *to, struct str text)
{
	if (text.len > turn->setup.bytes_max - turn->bytes) {
		turn->what = "more text than may be kept";
		return TURN_FULL;
	}
	turn->bytes += text.len;
	return buf_add(to, text);
}

struct turn_item *turn_item_add(struct turn *turn, enum turn_kind kind)
{
	static const struct str prefixes[] = {
		[TURN_REASONING] = STR_INIT("rs_"),
		[TURN_MESSAGE] = STR_INIT("msg_"),
		[TURN_CALL] = STR_INIT("fc_"),
	};
	size_t max = turn->setup.bytes_max;
	struct turn_item *item;

	if (turn->count == turn->cap) {
		turn->cap = turn->cap > 0 ? turn->cap * 2 : 2;
		turn->items =
			xrealloc(turn->items, turn->cap * sizeof(*turn->items));
	}
	item = &turn->items[turn->count];
	*item = (struct turn_item){
		.kind = kind,
		.parts = { -1, -1, 0 },
		.call_index = -1,
		.serial = turn->count++,
	};
	id_make(turn->setup.ids, prefixes[kind], &item->id);
	buf_init(&item->text, max);
	buf_init(&item->refusal, max);
	buf_init(&item->logprobs, max);
	buf_init(&item->call_id, max);
	buf_init(&item->name, max);
	return item;
}

struct turn_item *turn_item_show(struct turn *turn, struct turn_item *item,
				 struct events *e)
{
	struct turn_item *place = &turn->items[turn->begun];
	struct turn_item other = *place;

	*place = *item;
	*item = other;
	place->state = TURN_ITEM_OPEN;
	place->output_index = turn->setup.output_index + (int64_t)turn->begun++;
	begin_event(place, e);
	return place;
}

void turn_item_end(struct turn_item *item, enum turn_item_state state,
		   struct events *e)
{
	item->state = state;
	end_events(item, e);
}

void turn_item_end_others(struct turn *turn, enum turn_kind kind,
			  struct events *e)
{
	for (size_t i = 0; i < turn->begun; i++) {
		struct turn_item *item = &turn->items[i];

		if (item->state == TURN_ITEM_OPEN && item->kind != TURN_CALL &&
		    item->kind != kind && !item->stays_open)
			turn_item_end(item, TURN_ITEM_COMPLETED, e);
	}
}

struct turn_item *turn_item_of(struct turn *turn, enum turn_kind kind,
			       struct events *e)
{
	bool again = false;
	struct turn_item *item;

	for (size_t i = 0; i < turn->begun; i++) {
		item = &turn->items[i];
		if (item->kind == kind && item->state == TURN_ITEM_OPEN)
			return item;
		again |= item->kind == kind;
	}
	turn_item_end_others(turn, kind, e);
	item = turn_item_show(turn, turn_item_add(turn, kind), e);
	item->stays_open =
		again || (kind == TURN_REASONING && turn->setup.is_summarised);
	return item;
}

void turn_item_need_part(struct turn_item *item, int8_t *part, struct events *e)
{
	if (*part >= 0)
		return;
	*part = item->parts.count++;
	part_event(item, e, STR("response.content_part.added"), *part);
}

enum summary_event {
	PART_ADDED,
	TEXT_DELTA,
	TEXT_DONE,
	PART_DONE,
};

static void summary_event(const struct turn_item *item, struct events *e,
			  enum summary_event which)
{
	static const struct str types[] = {
		STR_INIT("response.reasoning_summary_part.added"),
		STR_INIT("response.reasoning_summary_text.delta"),
		STR_INIT("response.reasoning_summary_text.done"),
		STR_INIT("response.reasoning_summary_part.done"),
	};
	struct json_writer *w = events_begin(e, types[which]);
	struct str text = buf_str(&item->refusal);

	if (w == NULL)
		return;
	json_member_str(w, STR("item_id"), turn_item_id(item));
	json_member_int(w, STR("output_index"), item->output_index);
	json_member_int(w, STR("summary_index"), 0);
	switch (which) {
	case TEXT_DELTA:
		turn_item_member(w, STR("delta"), text);
		break;
	case TEXT_DONE:
		turn_item_member(w, STR("text"), text);
		break;
	case PART_ADDED:
	case PART_DONE:
		json_member(w, STR("part"));
		write_plain_part(w, STR("summary_text"), STR("text"),
				 which == PART_ADDED ? STR_NULL : text);
		break;
	}
	events_end(e);
}

void turn_item_summary(const struct turn_item *item, struct events *e)
{
	summary_event(item, e, PART_ADDED);
	summary_event(item, e, TEXT_DELTA);
	summary_event(item, e, TEXT_DONE);
	summary_event(item, e, PART_DONE);
}
