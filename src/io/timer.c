#include "io/timer.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

/* Four children share a cache line. */
enum {
	FANOUT = 4
};

static void put(struct timer_heap *h, size_t at, struct timer_slot s)
{
	h->slots[at] = s;
	s.timer->at = at + 1;
}

static void sift_up(struct timer_heap *h, size_t at, struct timer_slot s)
{
	size_t up;

	for (; at > 0; at = up) {
		up = (at - 1) / FANOUT;
		if (h->slots[up].key_ns <= s.key_ns)
			break;
		put(h, at, h->slots[up]);
	}
	put(h, at, s);
}

/* The child of at with the smallest key; at itself when it has none. */
static size_t least_child(const struct timer_heap *h, size_t at)
{
	size_t first = at * FANOUT + 1;
	size_t end = first + FANOUT < h->len ? first + FANOUT : h->len;
	size_t best = first;

	if (first >= h->len)
		return at;
	for (size_t i = first + 1; i < end; i++) {
		if (h->slots[i].key_ns < h->slots[best].key_ns)
			best = i;
	}
	return best;
}

static void sift_down(struct timer_heap *h, size_t at, struct timer_slot s)
{
	size_t child;

	for (;; at = child) {
		child = least_child(h, at);
		if (child == at || h->slots[child].key_ns >= s.key_ns)
			break;
		put(h, at, h->slots[child]);
	}
	put(h, at, s);
}

void timer_heap_fini(struct timer_heap *h)
{
	assert(h->len == 0);
	free(h->slots);
	*h = (struct timer_heap){ 0 };
}

void timer_init(struct timer *t)
{
	*t = (struct timer){ .deadline_ns = CLOCK_NEVER };
}

void timer_arm(struct timer_heap *h, struct timer *t, int64_t deadline_ns)
{
	struct timer_slot s = { deadline_ns, t };

	t->deadline_ns = deadline_ns;
	if (deadline_ns == CLOCK_NEVER)
		return;
	if (t->at != 0) {
		if (h->slots[t->at - 1].key_ns > deadline_ns)
			sift_up(h, t->at - 1, s);
		return;
	}
	if (h->len == h->cap) {
		h->cap = h->cap == 0 ? 64 : h->cap * 2;
		h->slots = xrealloc(h->slots, h->cap * sizeof(*h->slots));
	}
	sift_up(h, h->len++, s);
}

void timer_drop(struct timer_heap *h, struct timer *t)
{
	size_t at = t->at - 1;
	struct timer_slot last;

	if (t->at == 0)
		return;
	assert(h->slots[at].timer == t);
	t->at = 0;
	last = h->slots[--h->len];
	if (at == h->len)
		return;
	if (at > 0 && h->slots[(at - 1) / FANOUT].key_ns > last.key_ns) {
		sift_up(h, at, last);
	} else {
		sift_down(h, at, last);
	}
}

struct timer *timer_expire(struct timer_heap *h, int64_t now_ns)
{
	struct timer_slot top;

	while (h->len > 0 && h->slots[0].key_ns <= now_ns) {
		top = h->slots[0];
		if (top.timer->deadline_ns == top.key_ns) {
			timer_drop(h, top.timer);
			timer_disarm(top.timer);
			return top.timer;
		}
		if (top.timer->deadline_ns == CLOCK_NEVER) {
			timer_drop(h, top.timer);
			continue;
		}
		/* Also when that has passed: the soonest goes first. */
		top.key_ns = top.timer->deadline_ns;
		sift_down(h, 0, top);
	}
	return NULL;
}
