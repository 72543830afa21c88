#include "io/internal.h"

#include <assert.h>

void task_group_init(struct task_group *g)
{
	list_init(&g->children);
	task_event_init(&g->changed);
	g->running = 0;
}

int task_group_spawn(struct task *t, struct task_group *g, const char *name,
		     void (*fn)(struct task *t, void *arg), void *arg)
{
	struct task_start start = { t->loop, name, fn, arg, g };
	struct task *child;
	int r;

	r = task_begin(&start, &child);
	if (r < 0)
		return r;
	list_add(&g->children, &child->sibling);
	g->running++;
	return 0;
}

void task_group_cancel(struct task_group *g)
{
	list_for_each(l, &g->children)
		task_cancel(list_entry(l, struct task, sibling));
}

void task_group_left(struct task *t)
{
	struct task_group *g = t->group;

	if (g == NULL)
		return;
	assert(g->running > 0);
	list_drop(&t->sibling);
	g->running--;
	task_event_set(&g->changed);
}

void task_group_join(struct task *t, struct task_group *g, int64_t deadline_ns)
{
	int r = 0;

	while (g->running > 0 && r == 0) {
		task_event_clear(&g->changed);
		r = task_event_wait(t, &g->changed, deadline_ns);
	}
	if (g->running == 0)
		return;
	task_group_cancel(g);
	while (g->running > 0) {
		task_event_clear(&g->changed);
		task_event_wait_deaf(t, &g->changed);
	}
}
