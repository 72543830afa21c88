#include "io/internal.h"

struct waiter {
	struct list link;
	struct task *task;
	bool called;
};

/* Not inlined: gcc 12 would warn that a local's address is stored. */
__attribute__((noinline)) static void enlist(struct task_event *e,
					     struct waiter *w)
{
	list_add(&e->waiters, &w->link);
}

void task_event_init(struct task_event *e)
{
	list_init(&e->waiters);
	e->set = false;
}

void task_event_set(struct task_event *e)
{
	struct list *l;

	e->set = true;
	while ((l = list_take(&e->waiters)) != NULL) {
		struct waiter *w = list_entry(l, struct waiter, link);

		w->called = true;
		task_wake(w->task);
	}
}

void task_event_clear(struct task_event *e)
{
	e->set = false;
}

int task_event_wait(struct task *t, struct task_event *e, int64_t deadline_ns)
{
	struct waiter w = { .task = t };
	int r;

	if (e->set)
		return task_count_op(t);
	enlist(e, &w);
	do {
		r = task_wait(t, deadline_ns, "event", NULL);
	} while (r == 0 && !w.called);
	list_drop(&w.link);
	/* Set, and cleared again before t ran, was set all the same. */
	if (w.called && !task_is_cancelled(t))
		return 0;
	return r;
}

void task_event_wait_deaf(struct task *t, struct task_event *e)
{
	struct waiter w = { .task = t };

	if (e->set)
		return;
	enlist(e, &w);
	while (!w.called)
		task_wait_deaf(t, "event");
	list_drop(&w.link);
}
