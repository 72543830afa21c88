/*
 * mock_wheel - timers of one millisecond for very many streams.
 *
 *	mock_wheel_set(&wheel, &c->timer, now_ms + 20);
 *	...
 *	mock_wheel_run(&wheel, now_ms, on_due, arg);
 */
#ifndef BENCH_MOCK_WHEEL_H
#define BENCH_MOCK_WHEEL_H

#include "base/list.h"

#include <stdint.h>

enum {
	MOCK_WHEEL_SLOTS = 4096,
};

struct mock_timer {
	struct list link;
	int64_t due_ms;
};

struct mock_wheel {
	int64_t now_ms;
	int64_t count;
	struct list slots[MOCK_WHEEL_SLOTS];
};

typedef void mock_wheel_fn(struct mock_timer *t);

void mock_wheel_init(struct mock_wheel *w, int64_t now_ms);

/* Zeroed timers must pass here first. */
void mock_wheel_timer_init(struct mock_timer *t);

/* Set, or set anew. */
void mock_wheel_set(struct mock_wheel *w, struct mock_timer *t, int64_t due_ms);
void mock_wheel_drop(struct mock_wheel *w, struct mock_timer *t);

/* Call fn for all that are due; fn may set or drop its own timer only. */
void mock_wheel_run(struct mock_wheel *w, int64_t now_ms, mock_wheel_fn *fn);

#endif
