/*
 * offload - blocking calls on threads of their own.
 *
 *	struct job { struct offload_work work; ... };
 *
 *	r = offload_run(t, &job->work, deadline);
 *
 * The job is heap memory that the caller gives away: run(job) is called on a
 * thread, then, back on the loop, the waiting task goes on.  When the task
 * stops waiting first (deadline, cancellation), the job is freed by free()
 * after it has run; otherwise it belongs to the caller again.
 */
#ifndef IO_OFFLOAD_H
#define IO_OFFLOAD_H

#include "io/task.h"

struct offload_state;

struct offload_work {
	void (*run)(struct offload_work *w);  /* on a thread; may block */
	void (*free)(struct offload_work *w); /* when nobody waits any more */
	bool is_slow;                         /* see OFFLOAD_SLOW_MAX */
	struct offload_state *state;          /* private */
	struct offload_work *next;            /* private */
};

enum {
	OFFLOAD_THREADS = 4,
	/* Slow jobs run at most so many at a time, so that others find room. */
	OFFLOAD_SLOW_MAX = 2,
	OFFLOAD_QUEUE_MAX = 1024
};

/*
 * Returns 0 when run() has returned; -EAGAIN when the queue is full (the job
 * is the caller's still); -ETIMEDOUT or -ECANCELED (the job is gone).
 */
must_check int offload_run(struct task *t, struct offload_work *w,
			   int64_t deadline_ns);

/* For run(): does nobody wait for it any more? */
bool offload_is_abandoned(const struct offload_work *w);

/* Threads start on first use; this joins them, at the program's end. */
void offload_stop(void);

#endif
