#include "io/loop.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "io/internal.h"

struct post {
	struct post *next;
	void (*fn)(struct loop *loop, void *arg);
	void *arg;
};

static const struct loop_cfg no_cfg;

struct loop *loop_new(const struct loop_cfg *cfg)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	int r;

	if (cfg == NULL)
		cfg = &no_cfg;
	loop->backend = cfg->backend != NULL ? cfg->backend : &epoll_backend;
	loop->backend_arg = cfg->backend_arg;
	loop->task_max = cfg->task_max != 0 ? cfg->task_max : LOOP_TASK_MAX;
	loop->busy_poll_ns = cfg->busy_poll_ns;
	list_init(&loop->ready);
	list_init(&loop->later);
	list_init(&loop->tasks);
	r = loop->backend->open(loop, cfg->backend_arg, &loop->state);
	if (r < 0) {
		free(loop);
		errno = -r;
		return NULL;
	}
	loop->now_ns = loop->backend->monotonic(loop);
	return loop;
}

/* Call what was posted, oldest first. */
static void run_posts(struct loop *loop)
{
	struct post *taken, *next, *first = NULL;

	if (atomic_load_explicit(&loop->posts, memory_order_relaxed) == NULL)
		return;
	taken = atomic_exchange(&loop->posts, NULL);
	for (; taken != NULL; taken = next) {
		next = taken->next;
		taken->next = first;
		first = taken;
	}
	for (; first != NULL; first = next) {
		next = first->next;
		first->fn(loop, first->arg);
		free(first);
	}
}

void loop_post(struct loop *loop, void (*fn)(struct loop *loop, void *arg),
	       void *arg)
{
	struct post *p = xmalloc(sizeof(*p));

	*p = (struct post){ NULL, fn, arg };
	/* loop_free() waits until this is zero again. */
	atomic_fetch_add(&loop->posters, 1);
	p->next = atomic_load(&loop->posts);
	while (!atomic_compare_exchange_weak(&loop->posts, &p->next, p))
		;
	/* Who clears the flag makes the system call. */
	if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false))
		loop->backend->wake(loop);
	atomic_fetch_sub(&loop->posters, 1);
}

static void expire_timers(struct loop *loop)
{
	struct timer *timer;

	while ((timer = timer_expire(&loop->timers, loop->now_ns)) != NULL) {
		struct task *t = list_entry(timer, struct task, timer);

		if (t->state != TASK_WAITING)
			continue;
		t->timed_out = true;
		task_wake(t);
	}
}

/*
 * The flag goes up before the last look at the queue, and a post goes in
 * before the look at the flag: one of the two sees the other.
 */
static void poll_backend(struct loop *loop)
{
	int64_t until = 0;

	if (list_is_empty(&loop->ready)) {
		atomic_store(&loop->asleep, true);
		if (atomic_load(&loop->posts) == NULL)
			until = timer_next(&loop->timers);
	}
	loop->backend->poll(loop, until);
	atomic_store_explicit(&loop->asleep, false, memory_order_relaxed);
}

static void run_round(struct loop *loop)
{
	struct list *l;

	while ((l = list_take(&loop->later)) != NULL)
		list_add(&loop->ready, l);
	poll_backend(loop);
	loop->now_ns = loop->backend->monotonic(loop);
	loop->wall_ns = 0;
	run_posts(loop);
	expire_timers(loop);
	if (loop->backend->shuffle != NULL)
		loop->backend->shuffle(loop, &loop->ready);
	task_run_ready(loop);
}

void loop_run(struct loop *loop)
{
	assert(!loop->in_run && task_self() == NULL);
	loop->in_run = true;
	fiber_init_thread(&loop->fiber);
	/* Time went by since loop_new(), or the last run. */
	loop->now_ns = loop->backend->monotonic(loop);
	while (loop->task_count > 0 && !loop->stop)
		run_round(loop);
	loop->stop = false;
	loop->in_run = false;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop->closing = true;
	loop->stop = false;
	loop_cancel_all(loop);
	while (loop->task_count > 0)
		loop_run(loop);
	/* Posts may spawn, and a poster may be on its way out. */
	while (atomic_load(&loop->posters) > 0 ||
	       atomic_load(&loop->posts) != NULL) {
		run_posts(loop);
		(void)sched_yield();
		while (loop->task_count > 0)
			loop_run(loop);
	}
	dns_free(loop->dns);
	/* A stream that is left would point to a loop that is gone. */
	assert(loop->io_count == 0);
	loop->backend->close(loop);
	timer_heap_fini(&loop->timers);
	stack_pool_fini(&loop->stacks);
	free(loop);
}

int64_t loop_now(const struct loop *loop)
{
	return loop->now_ns;
}

size_t loop_task_count(const struct loop *loop)
{
	return loop->task_count;
}

void loop_cancel_all(struct loop *loop)
{
	list_for_each(l, &loop->tasks)
		task_cancel(list_entry(l, struct task, link));
}

/* The rest of a line: where t waits, on what, for how long. */
static int dump_wait(const struct task *t, struct buf *out)
{
	int64_t ms = (t->loop->now_ns - t->since_ns) / CLOCK_MS;
	char text[IO_ADDR_TEXT_MAX];
	struct io_addr addr;

	if (t->state == TASK_RUNNING) {
		return buf_printf(out, " running%s\n",
				  t->cancelled ? " cancelled" : "");
	}
	if (t->on == NULL) {
		return buf_printf(out, " in %s for %lld ms%s\n", t->where,
				  (long long)ms,
				  t->cancelled ? " cancelled" : "");
	}
	io_peer_addr(t->on, &addr);
	if (addr.len == 0)
		io_local_addr(t->on, &addr);
	return buf_printf(out, " in %s on " STR_FMT " for %lld ms%s\n",
			  t->where, STR_ARG(io_addr_text(&addr, text)),
			  (long long)ms, t->cancelled ? " cancelled" : "");
}

static int dump_task(const struct task *t, struct buf *out)
{
	struct str detail = { t->detail, t->detail_len };
	int r;

	r = buf_printf(out, "%s", t->name);
	if (r == 0 && t->doing != NULL) {
		r = buf_printf(out, ": %s" STR_FMT STR_FMT, t->doing,
			       detail.len > 0 ? 1 : 0, " ", STR_ARG(detail));
	}
	return r == 0 ? dump_wait(t, out) : r;
}

void loop_dump(const struct loop *loop, struct buf *out)
{
	size_t whole;

	list_for_each(l, &loop->tasks) {
		whole = out->len;
		if (dump_task(list_entry(l, struct task, link), out) < 0) {
			/* Whole lines only. */
			out->len = whole;
			return;
		}
	}
}

void loop_set_user(struct loop *loop, void *user)
{
	loop->user = user;
}

void *loop_user(const struct loop *loop)
{
	return loop->user;
}

void *loop_state(const struct loop *loop)
{
	return loop->state;
}

void *loop_backend_arg(const struct loop *loop)
{
	return loop->backend_arg;
}
