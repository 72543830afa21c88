/*
 * history - what was said before a response, from the store.
 *
 *	r = history_load(t, store, &(struct history_ask){ .previous = id }, a,
 *			 &history, &error);
 *	use(history->messages);
 *	history_free(history);
 *
 * Of the response before and those before it, or of a conversation
 * (ogx-responses A.4): the chat messages as they were really said, without those
 * of the system.  Rows up to the newest that holds the whole history are read, at
 * most HISTORY_DEPTH of them, so that a long history costs its bytes and no more.
 */
#ifndef RESPONSES_HISTORY_H
#define RESPONSES_HISTORY_H

#include "io/task.h"
#include "llm/error.h"
#include "responses/item.h"
#include "responses/messages.h"
#include "store/object.h"

enum {
	HISTORY_DEPTH = 64, /* so many turns, then one row says it all */
};

struct history_ask {
	struct str owner;
	struct str previous;     /* a response's id, or "" */
	struct str conversation; /* an id, or ""; not with previous */
	struct str prompt;       /* a template's id, or "" */
	struct str version;      /* of it, decimal; "": the default */
	const struct item_list *references; /* ids of items, or NULL */
	bool with_items; /* history_items() is to tell them */
};

struct history {
	struct arena arena; /* owns all below */
	struct messages messages;
	struct item_list found; /* the items referred to, in the ask's order */
	size_t depth;           /* rows read; 0: nothing was before */
	bool has_turns;       /* of a conversation: a response is among them */
	bool lacks_items;     /* history_items() does not tell all of it */
	int64_t total_tokens; /* of the previous response; -1: unknown */
	struct str prompt;    /* the template's row: its JSON, or "" */
	struct store_chain chain;   /* of responses, oldest first */
	struct store_objects turns; /* of a conversation, oldest first */
};

/*
 * Reads on a thread.  Returns 0 with *out, for history_free(); API_FAIL with *e,
 * its text in a: 404 for what is not there, 400 for a response that is not done,
 * a prompt or an item that is not there, 503 when the store does not answer; or
 * -ECANCELED.
 */
must_check int history_load(struct task *t, struct store *s,
			    const struct history_ask *ask, struct arena *a,
			    struct history **out, struct api_error *e);

/*
 * A conversation as it is, into an empty h.  Blocks.  Returns 0, STORE_UNKNOWN, or
 * -errno.
 */
must_check int history_read(struct store *s, struct str owner,
			    struct str conversation, struct history *h);

/* One that is not from a store, empty. */
struct history *history_new(void);

/* h may be NULL. */
void history_free(struct history *h);

/*
 * The items of all turns read, input and output, as JSON texts in h's arena:
 * what the row that holds the whole history says.
 */
void history_items(struct history *h, struct item_list *out);

#endif
