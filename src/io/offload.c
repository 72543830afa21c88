#include "io/offload.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "io/internal.h"

enum {
	/* getaddrinfo() loads modules of the system's choice. */
	THREAD_STACK_SIZE = 512 * 1024
};

enum phase {
	PHASE_WAITED_FOR,
	PHASE_DONE,     /* the thread's post is on its way */
	PHASE_ABANDONED /* the thread frees job and state */
};

struct offload_state {
	_Atomic(enum phase) phase;
	struct loop *loop;
	struct task_event done;
};

/* The threads, shared by all loops. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct offload_work *first, **end; /* end NULL: empty from the start */
	size_t queued;
	size_t idle;
	size_t slow; /* running */
	size_t thread_count;
	bool stopping;
	pthread_t threads[OFFLOAD_THREADS];
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER,
	   .more = PTHREAD_COND_INITIALIZER };

static void wake_waiter(struct loop *loop, void *arg)
{
	struct offload_state *s = arg;

	(void)loop;
	task_event_set(&s->done);
}

static void run_work(struct offload_work *w)
{
	struct offload_state *s = w->state;
	enum phase phase = PHASE_WAITED_FOR;

	w->run(w);
	if (atomic_compare_exchange_strong(&s->phase, &phase, PHASE_DONE)) {
		/* The task cannot leave before this post is handled. */
		loop_post(s->loop, wake_waiter, s);
		return;
	}
	w->free(w);
	free(s);
}

/* Take the first job that may run now, or NULL.  Called with the lock. */
static struct offload_work *take_work(void)
{
	struct offload_work **at = &pool.first, *w;

	while (*at != NULL && (*at)->is_slow && pool.slow == OFFLOAD_SLOW_MAX)
		at = &(*at)->next;
	w = *at;
	if (w == NULL)
		return NULL;
	*at = w->next;
	if (pool.end == &w->next)
		pool.end = at;
	pool.queued--;
	return w;
}

/*
 * The next job, or NULL when the thread shall end.  A slow one that may not run
 * yet is found by the thread that ends the one before it.  Called with the lock.
 */
static struct offload_work *next_work(void)
{
	struct offload_work *w;

	while ((w = take_work()) == NULL && !pool.stopping) {
		pool.idle++;
		pthread_cond_wait(&pool.more, &pool.lock);
		pool.idle--;
	}
	return w;
}

static void *run_thread(void *arg)
{
	struct offload_work *w;

	pthread_mutex_lock(&pool.lock);
	while ((w = next_work()) != NULL) {
		size_t slow = w->is_slow; /* the job is its task's soon */

		pool.slow += slow;
		pthread_mutex_unlock(&pool.lock);
		run_work(w);
		pthread_mutex_lock(&pool.lock);
		pool.slow -= slow;
	}
	pthread_mutex_unlock(&pool.lock);
	return arg;
}

/* Signals are for the threads that expect them.  Called with the lock. */
static int start_thread(void)
{
	pthread_t *thread = &pool.threads[pool.thread_count];
	sigset_t all, old;
	pthread_attr_t attr;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK_SIZE);
	r = pthread_create(thread, &attr, run_thread, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pool.thread_count++;
	return -r;
}

/* Called with the lock. */
static int add_work(struct offload_work *w)
{
	if (pool.queued >= OFFLOAD_QUEUE_MAX)
		return -EAGAIN;
	/* One idle thread may be spoken for by each job in the queue. */
	if (pool.idle <= pool.queued && pool.thread_count < OFFLOAD_THREADS &&
	    start_thread() < 0 && pool.thread_count == 0)
		return -EAGAIN;
	if (pool.end == NULL)
		pool.end = &pool.first;
	w->next = NULL;
	*pool.end = w;
	pool.end = &w->next;
	pool.queued++;
	pthread_cond_signal(&pool.more);
	return 0;
}

static int submit(struct task *t, struct offload_work *w)
{
	struct offload_state *s = xmalloc(sizeof(*s));
	int r;

	atomic_init(&s->phase, PHASE_WAITED_FOR);
	s->loop = task_loop(t);
	task_event_init(&s->done);
	w->state = s;
	pthread_mutex_lock(&pool.lock);
	r = add_work(w);
	pthread_mutex_unlock(&pool.lock);
	if (r < 0) {
		w->state = NULL;
		free(s);
		return err_new(r, "offload: the queue is full");
	}
	return 0;
}

int offload_run(struct task *t, struct offload_work *w, int64_t deadline_ns)
{
	const struct loop_backend *backend = task_loop(t)->backend;
	enum phase phase = PHASE_WAITED_FOR;
	struct offload_state *s;
	int r;

	assert(w->run != NULL && w->free != NULL);
	if (backend->offload != NULL)
		return backend->offload(t, w, deadline_ns);
	r = submit(t, w);
	if (r < 0)
		return r;
	s = w->state;
	r = task_event_wait(t, &s->done, deadline_ns);
	if (r < 0 &&
	    atomic_compare_exchange_strong(&s->phase, &phase, PHASE_ABANDONED))
		return err_up(r);
	/* It is done, or as good as: only the post is to come. */
	task_event_wait_deaf(t, &s->done);
	w->state = NULL;
	free(s);
	return 0;
}

bool offload_is_abandoned(const struct offload_work *w)
{
	return w->state != NULL &&
	       atomic_load(&w->state->phase) == PHASE_ABANDONED;
}

void offload_stop(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.stopping = true;
	pthread_cond_broadcast(&pool.more);
	pthread_mutex_unlock(&pool.lock);
	for (size_t i = 0; i < pool.thread_count; i++)
		pthread_join(pool.threads[i], NULL);
	pool.thread_count = 0;
	pool.stopping = false;
}
