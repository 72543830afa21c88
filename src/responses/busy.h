/*
 * busy - conversations that somebody works on, one at a time.
 *
 *	struct busy b = { 0 };
 *
 *	r = busy_take(t, &b, owner, id, task_now(t) + BUSY_WAIT_NS);
 *	...
 *	busy_release(&b);
 *
 * A turn reads what was said before and adds to it at its end, so two turns at
 * once would not know of each other; nor would a turn and a change of the items.
 * The table is of this process: servers that share a database do not see each
 * other's.  An entry is its holder's memory, so there are no more of them than
 * requests under way.  Those that wait look again and again, in no order.
 */
#ifndef RESPONSES_BUSY_H
#define RESPONSES_BUSY_H

#include "base/clock.h"
#include "base/list.h"
#include "io/task.h"
#include "llm/error.h"

/* How long a request waits for another one's end. */
#define BUSY_WAIT_NS (5 * CLOCK_S)

enum {
	BUSY_TAKEN = 1
};

/* All zero: holds nothing. */
struct busy {
	struct list link;
	struct str owner, id; /* live until it is released */
	bool is_held;
};

/* Returns 0, BUSY_TAKEN when somebody else has it at the deadline, -ECANCELED. */
must_check int busy_take(struct task *t, struct busy *b, struct str owner,
			 struct str id, int64_t deadline_ns);

/* The same without waiting, from any thread. */
must_check bool busy_try(struct busy *b, struct str owner, struct str id);

/* Of what is not held: nothing happens. */
void busy_release(struct busy *b);

/* What is said of BUSY_TAKEN: 409 conversation_locked.  Returns API_FAIL. */
int busy_refuse(struct api_error *e, struct arena *a, struct str id);

#endif
