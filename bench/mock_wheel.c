#include "bench/mock_wheel.h"

void mock_wheel_init(struct mock_wheel *w, int64_t now_ms)
{
	w->now_ms = now_ms;
	w->count = 0;
	for (int i = 0; i < MOCK_WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
}

void mock_wheel_timer_init(struct mock_timer *t)
{
	list_init(&t->link);
	t->due_ms = 0;
}

void mock_wheel_drop(struct mock_wheel *w, struct mock_timer *t)
{
	if (list_is_empty(&t->link))
		return;
	list_drop(&t->link);
	w->count--;
}

void mock_wheel_set(struct mock_wheel *w, struct mock_timer *t, int64_t due_ms)
{
	mock_wheel_drop(w, t);
	/* The slot of now has been run already. */
	if (due_ms <= w->now_ms)
		due_ms = w->now_ms + 1;
	t->due_ms = due_ms;
	list_add(&w->slots[due_ms % MOCK_WHEEL_SLOTS], &t->link);
	w->count++;
}

static void run_slot(struct mock_wheel *w, struct list *slot, mock_wheel_fn *fn)
{
	/* A timer may wait for a later turn of the wheel. */
	list_for_each_safe(it, slot) {
		struct mock_timer *t = list_entry(it, struct mock_timer, link);

		if (t->due_ms > w->now_ms)
			continue;
		mock_wheel_drop(w, t);
		fn(t);
	}
}

void mock_wheel_run(struct mock_wheel *w, int64_t now_ms, mock_wheel_fn *fn)
{
	while (w->now_ms < now_ms) {
		w->now_ms++;
		run_slot(w, &w->slots[w->now_ms % MOCK_WHEEL_SLOTS], fn);
	}
}
