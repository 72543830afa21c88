/*
 * timer - deadlines, soonest first.
 *
 *	timer_arm(&heap, &t->timer, deadline_ns);
 *	...
 *	timer_disarm(&t->timer);
 *
 * Nearly every deadline is armed and disarmed again without ever passing, and
 * the next one of the same task is later.  So a timer stays in the heap under
 * its old key, which is never later than its deadline, and only moves when the
 * key comes up: arming and disarming touch nothing but the timer itself.
 */
#ifndef IO_TIMER_H
#define IO_TIMER_H

#include "base/clock.h"

struct timer {
	int64_t deadline_ns; /* CLOCK_NEVER: not armed */
	size_t at;           /* place in the heap plus one; 0: not in it */
};

struct timer_slot {
	int64_t key_ns; /* <= deadline of timer */
	struct timer *timer;
};

struct timer_heap {
	struct timer_slot *slots; /* owned */
	size_t len;
	size_t cap;
};

void timer_heap_fini(struct timer_heap *h);

void timer_init(struct timer *t);
void timer_arm(struct timer_heap *h, struct timer *t, int64_t deadline_ns);

static inline void timer_disarm(struct timer *t)
{
	t->deadline_ns = CLOCK_NEVER;
}

/* Take t out of the heap, before its memory goes. */
void timer_drop(struct timer_heap *h, struct timer *t);

/*
 * When to call timer_expire() next: never after the soonest deadline, and seldom
 * before it, where a timer was moved since.  CLOCK_NEVER: there is none.
 */
static inline int64_t timer_next(const struct timer_heap *h)
{
	return h->len > 0 ? h->slots[0].key_ns : CLOCK_NEVER;
}

/* Take the next timer whose deadline has come, disarmed; NULL: none. */
struct timer *timer_expire(struct timer_heap *h, int64_t now_ns);

#endif
