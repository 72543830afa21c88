/*
 * keeper - what the store is to have of one chat completion; private to core
 * but for keeper_new() and keeper_free().
 *
 *	r.keeper = keeper_new(&ask);	(a copy: the request may be let go)
 *	keeper_begin(t, k);		(an answer comes)
 *	keeper_event(k, ev.data);	(of a stream: copied, not looked at)
 *	keeper_digest(k);		(after it was relayed)
 *	keeper_end(t, x, k, STORE_COMPLETED);
 *	keeper_free(k);
 *
 * The row is handed over before the client gets its last bytes, so that whoever
 * looks for it then finds it.  Of a stream, the events are squeezed (llm/squeeze.h) as
 * they come, and KEEPER_PENDING bytes of that at a time are put together, so that
 * neither memory nor its end grows with its events.  What is beyond KEEPER_ANSWER_MAX is left out, and the row says so.
 *
 * If the store has no room (STORE_FULL), the answer waits for it, up to
 * KEEPER_WAIT; then it goes to the client all the same, and the row is lost: that
 * is counted, and told in the log.  From then on nobody waits until the store has
 * taken a row again.
 */
#ifndef CORE_KEEPER_H
#define CORE_KEEPER_H

#include "core/exchange.h"
#include "store/store.h"

enum {
	KEEPER_PENDING = 16 << 10,
	KEEPER_ANSWER_MAX = 64 << 20, /* of memory while it is put together */
};

#define KEEPER_WAIT (5 * CLOCK_S)

struct keeper;

/* Of the client's request. */
struct keeper_ask {
	struct str messages; /* JSON */
	struct str params;   /* JSON object: the other members */
	struct str metadata; /* JSON object, or "" */
	struct str user, model;
	int64_t start_ns; /* when it came */
};

struct keeper *keeper_new(const struct keeper_ask *ask)
	__attribute__((noinline));
void keeper_free(struct keeper *k); /* NULL is fine */

/* The first bytes of an answer have come; what came before is void. */
void keeper_begin(struct task *t, struct keeper *k);

/* The data of a stream's event. */
void keeper_event(struct keeper *k, struct str data);

/* Put together what has come, if it is much. */
void keeper_digest(struct keeper *k);

/*
 * Hand a stream's row over.  Nothing is kept of one that brought no chunk.
 * Completed is only what says so itself.  A further call does nothing.
 */
void keeper_end(struct task *t, struct exchange *x, struct keeper *k,
		enum store_status status) __attribute__((noinline));

/* The same for an answer that was not streamed: an object. */
void keeper_whole(struct task *t, struct exchange *x, struct keeper *k,
		  const struct json *doc) __attribute__((noinline));

#endif
