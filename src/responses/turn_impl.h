/*
 * turn_impl - output items in the making; private to the files of turn.
 *
 * turn_chunk.c reads chunks, turn_call.c the tool calls in them, turn_item.c
 * keeps the items and writes their events.  Texts are the insides of JSON
 * strings: escapes as they came, no quotes.
 */
#ifndef RESPONSES_TURN_IMPL_H
#define RESPONSES_TURN_IMPL_H

#include "responses/turn.h"

enum {
	TURN_AROUND_MAX = 2048 /* of a chunk, without its text */
};

enum turn_kind {
	TURN_REASONING,
	TURN_MESSAGE,
	TURN_CALL,
};

enum turn_item_state {
	TURN_ITEM_NEW, /* a call without a name: no event has shown it */
	TURN_ITEM_OPEN,
	TURN_ITEM_COMPLETED,
	TURN_ITEM_INCOMPLETE,
};

/* Where a message's parts are, of which it has at most one each; -1: not yet. */
struct turn_parts {
	int8_t text, refusal;
	int8_t count;
};

struct turn_item {
	enum turn_kind kind;
	enum turn_item_state state;
	struct id id;
	int64_t output_index;
	bool stays_open; /* to the end of the turn */
	bool has_summary;
	struct turn_parts parts;
	struct buf text;     /* reasoning, output text, arguments */
	struct buf refusal;  /* of a message; of reasoning: its summary */
	struct buf logprobs; /* entries, with commas */
	/* Of a call. */
	struct buf call_id, name;
	int64_t call_index; /* the upstream's; -1: it gave none */
	size_t serial;      /* in the order of their coming */
};

/* A chunk that is being read. */
struct turn_reader {
	struct turn *turn;
	const struct json *doc;
	struct events *e;
	uint32_t logprobs; /* of the choice, or JSON_NONE */
	struct str said;   /* in the chunk: its last text */
	bool is_thought;   /* what was said */
	unsigned effects;  /* so many texts, or more that is not a text */
};

static inline struct str turn_item_id(const struct turn_item *item)
{
	return id_str(&item->id);
}

/* An item that no event shows yet; the others may move. */
struct turn_item *turn_item_add(struct turn *turn, enum turn_kind kind);
void turn_item_fini(struct turn_item *item);

/*
 * Show it (response.output_item.added) and return where it is now: those that are
 * shown stand first, in their order.
 */
struct turn_item *turn_item_show(struct turn *turn, struct turn_item *item,
				 struct events *e);

/* End what another kind's beginning ends; calls go on. */
void turn_item_end_others(struct turn *turn, enum turn_kind kind,
			  struct events *e);

/* The open item of a kind that is no call; a new one if there is none. */
struct turn_item *turn_item_of(struct turn *turn, enum turn_kind kind,
			       struct events *e);

/* part is one of the item's: it begins, unless it has. */
void turn_item_need_part(struct turn_item *item, int8_t *part,
			 struct events *e);

/* Append to a text of the turn.  Returns 0, TURN_FULL or -EMSGSIZE. */
must_check int turn_item_keep(struct turn *turn, struct buf *to,
			      struct str text);

/*
 * The event of a delta.  logprobs are entries with commas, of output text only.
 * The text is an item's own, or the refusal of a message.
 */
void turn_item_text_delta(const struct turn_item *item, struct events *e,
			  struct str delta, struct str logprobs);
void turn_item_refusal_delta(const struct turn_item *item, struct events *e,
			     struct str delta);

/* All events of the summary, which is there as a whole. */
void turn_item_summary(const struct turn_item *item, struct events *e);

/* The events of its end, as what it ends. */
void turn_item_end(struct turn_item *item, enum turn_item_state state,
		   struct events *e);

/* The item as a value. */
void turn_item_write(const struct turn_item *item, struct json_writer *w);

/* A member whose value is a string with this inside. */
void turn_item_member(struct json_writer *w, struct str key, struct str body);

/*
 * Take an element of "tool_calls".  Returns as turn_chunk().
 */
must_check int turn_call_take(const struct turn_reader *c, uint32_t v);

/* Show a call, with the arguments that it has.  Returns 0 or TURN_FULL. */
must_check int turn_call_show(struct turn *turn, struct turn_item **item,
			      struct events *e);

/* What stands between a string's quotes. */
static inline struct str turn_body(const struct json *doc, uint32_t v)
{
	struct str raw = json_raw(doc, v);

	return (struct str){ raw.ptr + 1, raw.len - 2 };
}

static inline int turn_bad(struct turn *turn, const char *what)
{
	turn->what = what;
	return TURN_BAD;
}

/* The body of a member that is a string, "" when it is not there. */
static inline int turn_text(const struct turn_reader *c, uint32_t v,
			    struct str *out)
{
	if (v != JSON_NONE && json_type(c->doc, v) != JSON_STRING)
		return turn_bad(c->turn, "a text in it is no string");
	*out = v == JSON_NONE ? STR_NULL : turn_body(c->doc, v);
	return 0;
}

/* That one gets a delta now. */
static inline void turn_touch(struct turn *turn, const struct turn_item *item)
{
	turn->last = (size_t)(item - turn->items);
}

#endif
