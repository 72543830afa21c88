/*
 * task - straight-line code that can wait.
 *
 *	static void serve(struct task *t, void *arg)
 *	{
 *		struct io *io = arg;
 *
 *		r = io_read(t, io, buf, sizeof(buf), deadline, &n);
 *		...
 *	}
 *	r = task_spawn(loop, "conn", serve, io);
 *
 * A task is a function on a stack of its own (128 KB of address space, touched
 * lazily, with a guard page), pinned to the loop that spawned it.  A function
 * may suspend only if its first parameter is a struct task *.
 *
 * Every wait takes an absolute monotonic deadline (CLOCK_NEVER for none) and
 * returns 0 when what was waited for has come, -ETIMEDOUT, or -ECANCELED.
 * Cancellation is sticky: after task_cancel() every wait returns -ECANCELED at
 * once, so that a task unwinds through its own clean-up code.
 *
 * All of this is for the loop's own thread, except loop_post().
 */
#ifndef IO_TASK_H
#define IO_TASK_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"

struct loop;
struct task;

/*
 * Start fn(t, arg) soon: after the caller next suspends.  Returns 0, or
 * -EAGAIN when no stack can be had.  name is static and shown in dumps.
 */
must_check int task_spawn(struct loop *loop, const char *name,
			  void (*fn)(struct task *t, void *arg), void *arg);

/* The running task of this thread, or NULL. */
struct task *task_self(void) __attribute__((noinline));

struct loop *task_loop(const struct task *t);

/* Monotonic time as of this round of the loop, and the wall time. */
int64_t task_now(const struct task *t);
int64_t task_wall(const struct task *t);

/* May be called by any task of the same loop, also by t itself. */
void task_cancel(struct task *t);
bool task_is_cancelled(const struct task *t);

/* Wait until deadline_ns.  Returns 0 or -ECANCELED. */
must_check int task_sleep(struct task *t, int64_t deadline_ns);

/* Let the others run once.  Returns 0 or -ECANCELED. */
must_check int task_yield(struct task *t);

/*
 * What t is doing, for dumps: a static text such as "reading the body of".
 * detail is copied (at most 47 bytes).
 */
void task_note(struct task *t, const char *doing, struct str detail);

/*
 * An event of one loop: any number of tasks wait until it is set.  Setting
 * wakes them all; it stays set until cleared.
 */
struct task_event {
	struct list waiters;
	bool set;
};

void task_event_init(struct task_event *e);
void task_event_set(struct task_event *e);
void task_event_clear(struct task_event *e);
must_check int task_event_wait(struct task *t, struct task_event *e,
			       int64_t deadline_ns);

/*
 * Children that are joined before their parent goes on: no child outlives the
 * frame that holds its group.
 */
struct task_group {
	struct list children;
	struct task_event changed;
	size_t running;
};

void task_group_init(struct task_group *g);
must_check int task_group_spawn(struct task *t, struct task_group *g,
				const char *name,
				void (*fn)(struct task *t, void *arg),
				void *arg);
void task_group_cancel(struct task_group *g);

/*
 * Wait until all have returned.  When t is cancelled meanwhile, or at the
 * deadline, the children are cancelled, and waited for all the same.
 */
void task_group_join(struct task *t, struct task_group *g, int64_t deadline_ns);

#endif
