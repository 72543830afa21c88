/*
 * loop - one event loop, driven by one thread.
 *
 *	struct loop *loop = loop_new(NULL);
 *
 *	task_spawn(loop, "main", fn, arg);
 *	loop_run(loop);
 *	loop_free(loop);
 *
 * Back ends: epoll (production), and the simulator (io/sim.h), whose clock and
 * network are fake.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/buf.h"

struct loop;
struct loop_backend;

struct loop_cfg {
	const struct loop_backend *backend; /* NULL: epoll */
	void *backend_arg;                  /* the simulator's world */
	size_t task_max;                    /* 0: 100,000 */
	/*
	 * After a round that had events, ask for more without sleeping this
	 * long: a core is kept busy so that no time is lost in waking it.
	 */
	int64_t busy_poll_ns; /* 0: sleep at once */
};

/* cfg may be NULL.  Returns NULL with errno when the kernel refuses. */
struct loop *loop_new(const struct loop_cfg *cfg);

/* Cancels and runs to their end the tasks that are left. */
void loop_free(struct loop *loop);

/* Run until no task is left, or loop_stop(). */
void loop_run(struct loop *loop);

/* Leave loop_run() after this round; tasks stay as they are. */
void loop_stop(struct loop *loop);

/*
 * From any thread: call fn(loop, arg) on the loop's thread, in the order of
 * posting.  fn may not suspend.  After loop_free() began, fn is still called,
 * so that it can free arg.
 */
void loop_post(struct loop *loop, void (*fn)(struct loop *loop, void *arg),
	       void *arg);

int64_t loop_now(const struct loop *loop);

/* Tasks alive. */
size_t loop_task_count(const struct loop *loop);

/* Ask every task to end. */
void loop_cancel_all(struct loop *loop);

/*
 * One line per task: name, what it does, where it waits, on what, since when
 * (ms).  Appended to out as far as its limit allows.
 */
void loop_dump(const struct loop *loop, struct buf *out);

/* A slot for the owner's per-loop state (the worker). */
void loop_set_user(struct loop *loop, void *user);
void *loop_user(const struct loop *loop);

#endif
