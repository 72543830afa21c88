#include "responses/turn_impl.h"

#include "llm/field.h"

/* A tool call of a delta; texts are bodies. */
struct call {
	int64_t index; /* -1: none */
	struct str id, name;
	uint32_t arguments;
};

static bool is_same_call(const struct turn_item *item, const struct call *call)
{
	struct str id = buf_str(&item->call_id);
	bool other_id = call->id.len > 0 && id.len > 0 && !str_eq(call->id, id);

	if (item->kind != TURN_CALL)
		return false;
	if (call->index >= 0)
		return item->call_index == call->index &&
		       (!other_id || call->name.len == 0);
	return call->id.len > 0 ? str_eq(call->id, id) : call->name.len == 0;
}

/* The newest that it can be; NULL: it is a new one. */
static struct turn_item *find_call(const struct turn *turn,
				   const struct call *call)
{
	struct turn_item *found = NULL;

	for (size_t i = 0; i < turn->count; i++) {
		struct turn_item *item = &turn->items[i];

		if (is_same_call(item, call) &&
		    (found == NULL || item->serial > found->serial))
			found = item;
	}
	return found;
}

static int new_call(struct turn *turn, const struct call *call,
		    struct turn_item **out)
{
	if (turn->call_count == TURN_CALLS_MAX) {
		turn->what = "more tool calls than may be";
		return TURN_FULL;
	}
	turn->call_count++;
	*out = turn_item_add(turn, TURN_CALL);
	(*out)->call_index = call->index;
	return 0;
}

/* The id under which its output will come back; made up where there is none. */
static int need_call_id(struct turn *turn, struct turn_item *item)
{
	struct id id;

	if (item->call_id.len > 0)
		return 0;
	id_make(turn->setup.ids, STR("call_"), &id);
	return turn_item_keep(turn, &item->call_id, id_str(&id));
}

int turn_call_show(struct turn *turn, struct turn_item **item, struct events *e)
{
	int r = need_call_id(turn, *item);

	if (r != 0)
		return r;
	turn_item_end_others(turn, TURN_CALL, e);
	*item = turn_item_show(turn, *item, e);
	if ((*item)->text.len > 0)
		turn_item_text_delta(*item, e, buf_str(&(*item)->text),
				     STR_NULL);
	return 0;
}

/* Some upstreams send arguments as the object itself: its text is meant. */
static int keep_arguments(const struct turn_reader *c, struct turn_item *item,
			  uint32_t v)
{
	struct str raw = json_raw(c->doc, v);
	struct buf quoted;
	int r;

	if (json_type(c->doc, v) == JSON_STRING)
		return turn_item_keep(c->turn, &item->text,
				      turn_body(c->doc, v));
	buf_init(&quoted, raw.len * 6 + 2);
	r = json_quote(&quoted, raw);
	if (r == 0) {
		r = turn_item_keep(c->turn, &item->text,
				   (struct str){ quoted.ptr + 1,
						 quoted.len - 2 });
	}
	buf_fini(&quoted);
	return r;
}

static int take_arguments(const struct turn_reader *c, struct turn_item *item,
			  uint32_t v)
{
	size_t before = item->text.len;
	int r;

	if (v == JSON_NONE)
		return 0;
	r = keep_arguments(c, item, v);
	if (r != 0 || item->text.len == before)
		return r;
	if (item->state == TURN_ITEM_OPEN) {
		turn_item_text_delta(item, c->e,
				     str_drop(buf_str(&item->text), before),
				     STR_NULL);
	}
	return 0;
}

static int apply_call(const struct turn_reader *c, const struct call *call)
{
	struct turn_item *item = find_call(c->turn, call);
	int r = 0;

	if (item == NULL)
		r = new_call(c->turn, call, &item);
	if (r == 0 && item->call_id.len == 0)
		r = turn_item_keep(c->turn, &item->call_id, call->id);
	if (r == 0 && item->name.len == 0)
		r = turn_item_keep(c->turn, &item->name, call->name);
	if (r == 0 && item->state == TURN_ITEM_NEW && item->name.len > 0)
		r = turn_call_show(c->turn, &item, c->e);
	if (r == 0)
		r = take_arguments(c, item, call->arguments);
	if (r == 0 && item->state == TURN_ITEM_OPEN)
		turn_touch(c->turn, item);
	return r;
}

int turn_call_take(const struct turn_reader *c, uint32_t v)
{
	uint32_t function = field_get(c->doc, v, STR("function"));
	struct call call = { .index = -1 };
	int64_t index;
	int r;

	if (json_type(c->doc, v) != JSON_OBJECT ||
	    (function != JSON_NONE &&
	     json_type(c->doc, function) != JSON_OBJECT))
		return turn_bad(c->turn, "a tool call in it is no object");
	if (json_to_i64(c->doc, json_get(c->doc, v, STR("index")), &index) &&
	    index >= 0)
		call.index = index;
	call.arguments = field_get(c->doc, function, STR("arguments"));
	r = turn_text(c, field_get(c->doc, v, STR("id")), &call.id);
	if (r == 0)
		r = turn_text(c, field_get(c->doc, function, STR("name")),
			      &call.name);
	return r == 0 ? apply_call(c, &call) : r;
}
