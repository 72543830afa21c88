#include "io/task.h"

#include <assert.h>
#include <errno.h>

#include "io/internal.h"

static _Thread_local struct task *self;

/* Not inlined: a suspended task's thread-local address must not be kept. */
struct task *task_self(void)
{
	return self;
}

__attribute__((noinline)) static void set_self(struct task *t)
{
	self = t;
}

static void run_fiber(void *arg)
{
	struct task *t = arg;

	fiber_arrive(&t->loop->fiber);
	t->fn(t, t->arg);
	t->state = TASK_DONE;
	fiber_leave(&t->fiber, &t->loop->fiber);
}

/* The task at the top of the stack, with a cache line to itself. */
static struct task *place(void *stack)
{
	uintptr_t top = (uintptr_t)stack + STACK_USABLE - sizeof(struct task);

	return (struct task *)(top & ~(uintptr_t)63);
}

int task_begin(const struct task_start *start, struct task **out)
{
	struct loop *loop = start->loop;
	struct task *t;
	void *stack;

	assert(start->fn != NULL && start->name != NULL);
	if (loop->task_count >= loop->task_max) {
		return err_new(-EAGAIN, "%s: %zu tasks are running",
			       start->name, loop->task_count);
	}
	stack = stack_take(&loop->stacks);
	if (stack == NULL) {
		return err_new(-EAGAIN, "%s: no memory for a stack",
			       start->name);
	}
	t = place(stack);
	memset(t, 0, sizeof(*t));
	t->loop = loop;
	t->name = start->name;
	t->fn = start->fn;
	t->arg = start->arg;
	t->stack = stack;
	t->group = start->group;
	t->where = "start";
	t->since_ns = loop->now_ns;
	t->cancelled = loop->closing;
	timer_init(&t->timer);
	list_init(&t->sibling);
	fiber_init(&t->fiber, stack, (size_t)((char *)t - (char *)stack),
		   run_fiber, t);
	list_add(&loop->tasks, &t->link);
	loop->task_count++;
	t->state = TASK_READY;
	list_add(&loop->ready, &t->queue);
	*out = t;
	return 0;
}

int task_spawn(struct loop *loop, const char *name,
	       void (*fn)(struct task *t, void *arg), void *arg)
{
	struct task_start start = { loop, name, fn, arg, NULL };
	struct task *t;

	return task_begin(&start, &t);
}

static void end_task(struct task *t)
{
	struct loop *loop = t->loop;

	timer_drop(&loop->timers, &t->timer);
	list_drop(&t->link);
	loop->task_count--;
	task_group_left(t);
	fiber_fini(&t->fiber);
	stack_give(&loop->stacks, t->stack);
}

static void resume(struct loop *loop, struct task *t)
{
	struct context *was = context_set(&t->context);

	assert(t->state == TASK_READY);
	t->state = TASK_RUNNING;
	t->ops = 0;
	loop->running = t;
	set_self(t);
	fiber_switch(&loop->fiber, &t->fiber);
	set_self(NULL);
	loop->running = NULL;
	(void)context_set(was);
	if (t->state == TASK_DONE)
		end_task(t);
}

void task_run_ready(struct loop *loop)
{
	struct list *l;

	for (int n = 0; n < LOOP_ROUND_SWITCHES; n++) {
		l = list_take(&loop->ready);
		if (l == NULL)
			return;
		resume(loop, list_entry(l, struct task, queue));
	}
}

static void suspend(struct task *t)
{
	assert(t->loop->running == t);
	fiber_switch(&t->fiber, &t->loop->fiber);
	assert(t->state == TASK_RUNNING);
}

void task_wake(struct task *t)
{
	if (t->state != TASK_WAITING)
		return;
	t->state = TASK_READY;
	list_add(&t->loop->ready, &t->queue);
}

int task_wait(struct task *t, int64_t deadline_ns, const char *where,
	      const struct io *on)
{
	if (t->cancelled)
		return err_new(-ECANCELED, "cancelled before %s", where);
	if (deadline_ns <= t->loop->now_ns)
		return err_new(-ETIMEDOUT, "%s: timed out", where);

	t->where = where;
	t->on = on;
	t->since_ns = t->loop->now_ns;
	t->timed_out = false;
	timer_arm(&t->loop->timers, &t->timer, deadline_ns);
	t->state = TASK_WAITING;
	suspend(t);
	timer_disarm(&t->timer);

	if (t->cancelled)
		return err_new(-ECANCELED, "cancelled in %s", where);
	if (t->timed_out)
		return err_new(-ETIMEDOUT, "%s: timed out", where);
	return 0;
}

void task_wait_deaf(struct task *t, const char *where)
{
	t->where = where;
	t->on = NULL;
	t->since_ns = t->loop->now_ns;
	t->deaf = true;
	t->state = TASK_WAITING;
	suspend(t);
	t->deaf = false;
}

struct loop *task_loop(const struct task *t)
{
	return t->loop;
}

int64_t task_now(const struct task *t)
{
	return t->loop->now_ns;
}

int64_t task_wall(const struct task *t)
{
	struct loop *loop = t->loop;

	if (loop->wall_ns == 0)
		loop->wall_ns = loop->backend->wall(loop);
	return loop->wall_ns;
}

void task_cancel(struct task *t)
{
	t->cancelled = true;
	if (!t->deaf)
		task_wake(t);
}

bool task_is_cancelled(const struct task *t)
{
	return t->cancelled;
}

int task_yield(struct task *t)
{
	if (t->cancelled)
		return err_new(-ECANCELED, "cancelled before a yield");
	t->where = "yield";
	t->on = NULL;
	t->since_ns = t->loop->now_ns;
	t->state = TASK_READY;
	list_add(&t->loop->later, &t->queue);
	suspend(t);
	if (t->cancelled)
		return err_new(-ECANCELED, "cancelled in a yield");
	return 0;
}

int task_sleep(struct task *t, int64_t deadline_ns)
{
	int r;

	/* So that a loop of sleeps always lets the others run. */
	if (deadline_ns <= t->loop->now_ns)
		return task_yield(t);
	do {
		r = task_wait(t, deadline_ns, "sleep", NULL);
	} while (r == 0);
	if (r != -ETIMEDOUT)
		return r;
	err_clear();
	return 0;
}

int task_count_op(struct task *t)
{
	assert(t->loop->running == t);
	if (t->cancelled)
		return err_new(-ECANCELED, "cancelled");
	if (++t->ops < TASK_TURN_OPS)
		return 0;
	return task_yield(t);
}

void task_note(struct task *t, const char *doing, struct str detail)
{
	detail = str_take(detail, TASK_DETAIL_MAX);
	t->doing = doing;
	t->detail_len = (uint8_t)detail.len;
	if (detail.len > 0)
		memcpy(t->detail, detail.ptr, detail.len);
}
