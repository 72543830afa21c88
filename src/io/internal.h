/*
 * internal - what loop, task, dns and offload share; private to src/io.
 */
#ifndef IO_INTERNAL_H
#define IO_INTERNAL_H

#include "io/backend.h"
#include "io/fiber.h"
#include "io/stack.h"
#include "io/timer.h"

#include <stdatomic.h>

enum {
	TASK_DETAIL_MAX = 47,
	/* A task that never has to wait lets the others run after so many. */
	TASK_TURN_OPS = 128,
	LOOP_TASK_MAX = 100000,
	/* Switches before the back end is polled again. */
	LOOP_ROUND_SWITCHES = 1024
};

enum task_state {
	TASK_READY, /* in a list of the loop */
	TASK_RUNNING,
	TASK_WAITING,
	TASK_DONE
};

/* Lives at the top of its own stack. */
struct task {
	struct fiber fiber;
	struct loop *loop;
	struct list link;  /* in loop->tasks */
	struct list queue; /* in loop->ready or ->later, when TASK_READY */
	struct timer timer;
	uint8_t state;
	bool cancelled;
	bool deaf;      /* this wait is not ended by cancellation */
	bool timed_out; /* what ended the wait */
	uint8_t ops;    /* since it was resumed */
	uint8_t detail_len;
	char detail[TASK_DETAIL_MAX];
	const char *name;
	const char *doing; /* NULL: nothing noted */
	const char *where; /* it waits; static */
	const struct io *on;
	int64_t since_ns;
	struct task_group *group; /* NULL: none */
	struct list sibling;      /* in group->children */
	void (*fn)(struct task *t, void *arg);
	void *arg;
	void *stack;
	struct context context;
};

struct post;
struct dns;

struct loop {
	const struct loop_backend *backend;
	void *backend_arg;
	void *state; /* the back end's */
	int64_t now_ns;
	int64_t wall_ns; /* 0: not read in this round */
	struct list ready;
	struct list later; /* ready in the next round */
	struct task *running;
	struct list tasks;
	size_t task_count;
	size_t task_max;
	int64_t busy_poll_ns;
	size_t io_count;
	struct timer_heap timers;
	struct stack_pool stacks;
	struct fiber fiber;
	struct dns *dns; /* NULL until the first lookup */
	void *user;
	bool in_run;
	bool stop;
	bool closing; /* loop_free() began */

	/* Written by other threads. */
	_Atomic(struct post *) posts; /* newest first */
	atomic_bool asleep;           /* wake() is needed after a post */
	atomic_uint posters;          /* threads inside loop_post() */
};

/*
 * Suspend until task_wake(), which may come early: look again at what was
 * waited for.  Returns 0, -ETIMEDOUT or -ECANCELED; the last two at once when
 * they are so already.  where and on are for dumps.
 */
must_check int task_wait(struct task *t, int64_t deadline_ns, const char *where,
			 const struct io *on);

/* As task_wait(), but neither a deadline nor cancellation ends it. */
void task_wait_deaf(struct task *t, const char *where);
void task_event_wait_deaf(struct task *t, struct task_event *e);

/* From the loop's thread.  No effect on a task that does not wait. */
void task_wake(struct task *t);

/* Run the tasks that are ready, and those that they wake. */
void task_run_ready(struct loop *loop);

/* For io calls that did not have to wait: 0, or -ECANCELED. */
must_check int task_count_op(struct task *t);

/* Begin a task; also in a group, when group is not NULL. */
struct task_start {
	struct loop *loop;
	const char *name;
	void (*fn)(struct task *t, void *arg);
	void *arg;
	struct task_group *group;
};
must_check int task_begin(const struct task_start *start, struct task **out);

void task_group_left(struct task *t);

void dns_free(struct dns *dns);

#endif
