#include "responses/turn.h"

#include <assert.h>
#include <stdlib.h>

#include "responses/turn_impl.h"

void turn_init(struct turn *turn, const struct turn_setup *setup)
{
	*turn = (struct turn){
		.setup = *setup,
		.last = SIZE_MAX,
		.usage = USAGE_NONE,
	};
	buf_init(&turn->around, TURN_AROUND_MAX);
}

void turn_fini(struct turn *turn)
{
	for (size_t i = 0; i < turn->count; i++)
		turn_item_fini(&turn->items[i]);
	buf_fini(&turn->around);
	free(turn->items);
	turn->items = NULL;
	turn->count = turn->begun = 0;
}

static struct turn_item *newest(const struct turn *turn, enum turn_kind kind)
{
	for (size_t i = turn->begun; i > 0; i--) {
		if (turn->items[i - 1].kind == kind)
			return &turn->items[i - 1];
	}
	return NULL;
}

int turn_summary(struct turn *turn, struct str text, struct events *e)
{
	struct turn_item *item = newest(turn, TURN_REASONING);
	struct buf quoted;
	int r;

	assert(turn->setup.is_summarised && !turn->is_over);
	if (item == NULL || item->has_summary)
		return 0;
	buf_init(&quoted, text.len * 6 + 2);
	r = json_quote(&quoted, text);
	if (r == 0) {
		r = turn_item_keep(turn, &item->refusal,
				   (struct str){ quoted.ptr + 1,
						 quoted.len - 2 });
	}
	buf_fini(&quoted);
	if (r != 0)
		return r;
	item->has_summary = true;
	turn_item_summary(item, e);
	return e->error;
}

/* A call that never got a name, if there is anything else of it. */
static int show_nameless(struct turn *turn, struct events *e)
{
	for (size_t i = turn->begun; i < turn->count; i++) {
		struct turn_item *item = &turn->items[i];
		int r;

		if (item->text.len > 0 || item->call_id.len > 0) {
			r = turn_call_show(turn, &item, e);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

static bool was_cut(const struct turn *turn)
{
	return turn->finish == TURN_LENGTH ||
	       turn->finish == TURN_CONTENT_FILTER;
}

/* Is it the one that the limit or the filter has cut? */
static bool is_cut(const struct turn *turn, size_t n)
{
	return was_cut(turn) && turn->last == n;
}

/* Arguments that are nothing are an object without members. */
static int fill_arguments(struct turn *turn, struct events *e)
{
	struct str none = STR("{}");

	for (size_t i = 0; i < turn->begun; i++) {
		struct turn_item *item = &turn->items[i];
		int r;

		if (item->kind != TURN_CALL || item->text.len > 0 ||
		    is_cut(turn, i))
			continue;
		r = turn_item_keep(turn, &item->text, none);
		if (r != 0)
			return r;
		turn_item_text_delta(item, e, none, STR_NULL);
	}
	return 0;
}

/*
 * A client waits for something that is said: a message without text, where the
 * model said nothing, or only thought.
 */
static void fill_message(struct turn *turn, struct events *e)
{
	struct turn_item *item;

	if (newest(turn, TURN_MESSAGE) != NULL ||
	    newest(turn, TURN_CALL) != NULL ||
	    (turn->begun > 0 && was_cut(turn)))
		return;
	item = turn_item_of(turn, TURN_MESSAGE, e);
	turn_item_need_part(item, &item->parts.text, e);
	turn_touch(turn, item);
}

int turn_end(struct turn *turn, struct events *e)
{
	int r;

	assert(!turn->is_over);
	turn->is_over = true;
	if ((r = show_nameless(turn, e)) != 0)
		return r;
	if ((r = fill_arguments(turn, e)) != 0)
		return r;
	fill_message(turn, e);
	for (size_t i = 0; i < turn->begun; i++) {
		if (turn->items[i].state == TURN_ITEM_OPEN) {
			turn_item_end(&turn->items[i],
				      is_cut(turn, i) ? TURN_ITEM_INCOMPLETE
						      : TURN_ITEM_COMPLETED,
				      e);
		}
	}
	return e->error;
}

void turn_cut(struct turn *turn)
{
	turn->is_over = true;
	for (size_t i = 0; i < turn->begun; i++) {
		if (turn->items[i].state == TURN_ITEM_OPEN)
			turn->items[i].state = TURN_ITEM_INCOMPLETE;
	}
}

struct str turn_incomplete_reason(const struct turn *turn)
{
	if (turn->finish == TURN_LENGTH)
		return STR("max_output_tokens");
	if (turn->finish == TURN_CONTENT_FILTER)
		return STR("content_filter");
	return STR_NULL;
}

struct str turn_tier(const struct turn *turn)
{
	return (struct str){ turn->tier, turn->tier_len };
}

size_t turn_item_count(const struct turn *turn)
{
	return turn->begun;
}

int turn_write_item(const struct turn *turn, size_t n, struct buf *out)
{
	struct json_writer w;

	assert(n < turn->begun);
	json_writer_init(&w, out);
	turn_item_write(&turn->items[n], &w);
	return json_writer_done(&w);
}

int turn_write_output(const struct turn *turn, struct buf *out)
{
	for (size_t i = 0; i < turn->begun; i++) {
		int r = i > 0 ? buf_add(out, STR(",")) : 0;

		if (r == 0)
			r = turn_write_item(turn, i, out);
		if (r < 0)
			return r;
	}
	return 0;
}

/* All that the turn has of a text: of its items of one kind, one by one. */
static void more_text(const struct turn *turn, struct json_writer *w,
		      enum turn_kind kind)
{
	for (size_t i = 0; i < turn->begun; i++) {
		if (turn->items[i].kind == kind)
			json_more_raw(w, buf_str(&turn->items[i].text));
	}
}

static void write_calls(const struct turn *turn, struct json_writer *w)
{
	json_member(w, STR("tool_calls"));
	json_array(w);
	for (size_t i = 0; i < turn->begun; i++) {
		const struct turn_item *item = &turn->items[i];

		if (item->kind != TURN_CALL)
			continue;
		json_object(w);
		turn_item_member(w, STR("id"), buf_str(&item->call_id));
		json_member_str(w, STR("type"), STR("function"));
		json_member(w, STR("function"));
		json_object(w);
		turn_item_member(w, STR("name"), buf_str(&item->name));
		turn_item_member(w, STR("arguments"), buf_str(&item->text));
		json_end(w);
		json_end(w);
	}
	json_end(w);
}

static void write_refusal(const struct turn *turn, struct json_writer *w)
{
	bool any = false;

	for (size_t i = 0; i < turn->begun; i++) {
		const struct turn_item *item = &turn->items[i];

		if (item->kind != TURN_MESSAGE || item->parts.refusal < 0)
			continue;
		if (!any)
			json_member_raw(w, STR("refusal"), STR("\""));
		json_more_raw(w, buf_str(&item->refusal));
		any = true;
	}
	if (any)
		json_more_raw(w, STR("\""));
}

int turn_write_message(const struct turn *turn, struct buf *out)
{
	struct str quote = STR("\"");
	struct json_writer w;

	json_writer_init(&w, out);
	json_object(&w);
	json_member_str(&w, STR("role"), STR("assistant"));
	json_member_raw(&w, STR("content"), quote);
	more_text(turn, &w, TURN_MESSAGE);
	json_more_raw(&w, quote);
	write_refusal(turn, &w);
	if (newest(turn, TURN_REASONING) != NULL) {
		json_member_raw(&w, STR("reasoning_content"), quote);
		more_text(turn, &w, TURN_REASONING);
		json_more_raw(&w, quote);
	}
	if (newest(turn, TURN_CALL) != NULL)
		write_calls(turn, &w);
	json_end(&w);
	return json_writer_done(&w);
}

size_t turn_call_count(const struct turn *turn)
{
	size_t count = 0;

	for (size_t i = 0; i < turn->begun; i++)
		count += turn->items[i].kind == TURN_CALL;
	return count;
}

/* A text with its escapes undone. */
static struct str plain(const struct buf *body, struct arena *a)
{
	const struct str parts[] = { STR("\""), buf_str(body), STR("\"") };
	struct str text = arena_join(a, parts, countof(parts));
	struct json_error error;
	struct json doc;
	struct str s;

	/* It was one value, or several end to end: still one. */
	if (json_parse(text, &(struct json_limits){ 0 }, &doc, &error) != 0)
		return STR_NULL;
	s = arena_str(a, json_string(&doc, json_root(&doc), a));
	json_fini(&doc);
	return s;
}

struct turn_call turn_call(const struct turn *turn, size_t n, struct arena *a)
{
	const struct turn_item *item = NULL;

	for (size_t i = 0; i < turn->begun; i++) {
		item = &turn->items[i];
		if (item->kind == TURN_CALL && n-- == 0)
			break;
	}
	assert(item != NULL && n == SIZE_MAX);
	return (struct turn_call){
		.item_id = arena_str(a, id_str(&item->id)),
		.call_id = plain(&item->call_id, a),
		.name = plain(&item->name, a),
		.arguments = plain(&item->text, a),
	};
}

bool turn_has_text(const struct turn *turn)
{
	for (size_t i = 0; i < turn->begun; i++) {
		const struct turn_item *item = &turn->items[i];

		if (item->kind == TURN_MESSAGE &&
		    (item->text.len > 0 || item->refusal.len > 0))
			return true;
	}
	return false;
}
