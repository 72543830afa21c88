/*
 * turn - one iteration of a response: chat.completion.chunks become events,
 * output items, and the message that the model said.
 *
 *	turn_init(&turn, &(struct turn_setup){ .ids = &ids,
 *					       .output_index = items,
 *					       .bytes_max = 64 << 20 });
 *	while (a chunk came)
 *		r = turn_chunk(&turn, &doc, &events);
 *	r = turn_end(&turn, &events);
 *	r = turn_write_output(&turn, &output);
 *	turn_fini(&turn);
 *
 * The frames that follow from a chunk are written at once: no delta waits for the
 * next, none is merged with another.  Items stand in the order of their beginning,
 * each with an output_index of its own: reasoning (rs_), a message (msg_),
 * function calls (fc_), which stay open to the end, since upstreams interleave
 * them.  Reasoning and a message end when another kind begins; what still comes of
 * that kind goes to a second item, which stays open.  So the number of items is
 * bounded whatever an upstream mixes.
 *
 * Texts are kept as their JSON, so that nothing is converted, an escape that a
 * provider chose comes out as it went in, and a surrogate pair that was cut into
 * two deltas is whole again.  Tool calls are told apart by index; one without, or
 * with an index that another id has, is a new one when it brings a name.
 *
 * Only choice 0 counts.  Nothing here waits, and all memory is the turn's own.
 */
#ifndef RESPONSES_TURN_H
#define RESPONSES_TURN_H

#include "responses/events.h"
#include "responses/id.h"
#include "json/json.h"

enum {
	TURN_CALLS_MAX = 128,
};

/* What turn_chunk() may say; the turn is then over: see turn_cut(). */
enum {
	TURN_ERROR =
		1,    /* the chunk is an upstream's error: its member "error" */
	TURN_BAD = 2, /* it is no chunk; turn->what says why */
	TURN_FULL = 3,  /* more items or bytes than may be; what says which */
	TURN_OTHER = 4, /* turn_delta(): it must be parsed */
};

enum turn_finish {
	TURN_UNFINISHED, /* it did not say */
	TURN_STOP,       /* or a word that nobody knows */
	TURN_LENGTH,
	TURN_CONTENT_FILTER,
	TURN_TOOL_CALLS,
};

struct turn_setup {
	struct id_source *ids; /* outlives the turn */
	int64_t output_index;  /* of its first item */
	size_t bytes_max;      /* of all texts together */
	bool is_summarised;    /* reasoning stays open for turn_summary() */
};

struct turn_item;

struct turn {
	struct turn_setup setup;
	struct turn_item *items; /* owned */
	size_t count, cap;
	size_t call_count;
	size_t begun; /* these events have shown; they come first */
	size_t last;  /* what the last delta belongs to; SIZE_MAX: none */
	size_t bytes; /* of all texts */
	enum turn_finish finish;
	struct usage usage; /* the last that came, or USAGE_NONE */
	char tier[24];      /* JSON of service_tier; see turn_tier() */
	uint8_t tier_len;
	/* What stands around the one text of the last chunk; see turn_delta(). */
	struct buf around;
	size_t before; /* so much of it stands in front */
	bool is_unpadded, is_thought;
	const char *what; /* of TURN_BAD and TURN_FULL; static */
	bool is_over;
};

void turn_init(struct turn *turn, const struct turn_setup *setup);
void turn_fini(struct turn *turn);

/*
 * Take a chunk, parsed without folding, and write what follows from it.  Returns 0, TURN_ERROR, TURN_BAD,
 * TURN_FULL, or -EMSGSIZE when the frames passed the limit of their buffer.
 */
must_check int turn_chunk(struct turn *turn, const struct json *doc,
			  struct events *e);

/*
 * Take a chunk that differs from the last one in its text alone, as most do: it
 * is not parsed.  Returns as turn_chunk(), or TURN_OTHER.
 */
must_check int turn_delta(struct turn *turn, struct str text, struct events *e);

/*
 * A summary (plain text) of the reasoning, if there was any; before turn_end().
 * Returns 0, TURN_FULL or -EMSGSIZE.
 */
must_check int turn_summary(struct turn *turn, struct str text,
			    struct events *e);

/*
 * The upstream has said all: end what is open.  Arguments that are empty become
 * {}, a turn without anything gets an empty message.  What the limit or the filter
 * cut has the status incomplete.  Returns 0, TURN_FULL or
 * -EMSGSIZE.
 */
must_check int turn_end(struct turn *turn, struct events *e);

/* It broke off: open items become incomplete, and no event says so. */
void turn_cut(struct turn *turn);

/* Why the response is incomplete: "max_output_tokens", "content_filter", "". */
struct str turn_incomplete_reason(const struct turn *turn);

/* JSON of the upstream's service tier; "" when it did not say. */
struct str turn_tier(const struct turn *turn);

/*
 * Output items as JSON, in the order of their output_index, at any time (a message in the making is shown as far as
 * it came): one, or all with commas between.  Append; return 0 or -EMSGSIZE.
 */
size_t turn_item_count(const struct turn *turn);
must_check int turn_write_item(const struct turn *turn, size_t n,
			       struct buf *out);
must_check int turn_write_output(const struct turn *turn, struct buf *out);

/*
 * What the model said, as a chat message of messages.h: role, content (a string,
 * "" when there was none; also beside calls), refusal if there was one,
 * reasoning_content if there was some, tool_calls with id, type and function if
 * there were any.  Append; return 0 or -EMSGSIZE.
 */
must_check int turn_write_message(const struct turn *turn, struct buf *out);

/* A function call; plain texts. */
struct turn_call {
	struct str item_id;
	struct str call_id, name, arguments;
};

size_t turn_call_count(const struct turn *turn);

/* The nth call, from 0, in the order of the items; the texts are in the arena. */
struct turn_call turn_call(const struct turn *turn, size_t n, struct arena *a);

/* Has the model said something to the user: text or a refusal? */
bool turn_has_text(const struct turn *turn);

#endif
