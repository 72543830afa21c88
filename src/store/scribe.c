#include "store/scribe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "store/pending.h"
#include "store/ring.h"

#define RETRY_FIRST (50 * CLOCK_MS)
#define RETRY_MOST  CLOCK_S
#define TELL_EVERY  CLOCK_S
#define ROOM_LOOK   (20 * CLOCK_MS)

/*
 * What is too old goes in small transactions between the groups; more rows of
 * them than a group has, so that they keep up.
 */
#define EXPIRE_EVERY (2 * CLOCK_S)

enum {
	EXPIRE_ROWS = 200,
	EXPIRE_BATCHES = 3,
};

/* What the thread does: producers wake it only when it rests. */
enum state {
	BUSY,
	IDLE,       /* nothing is queued */
	COLLECTING, /* something is, but more may come */
};

struct scribe {
	struct store_cfg cfg;
	struct pending pending;
	struct database *db;
	struct ring *rings; /* owned; one per producer */
	size_t enough;      /* rows in a ring that end the collecting */
	pthread_t thread;
	_Atomic(enum state) state;
	atomic_uint hurry; /* who flushes */
	atomic_bool stopping;
	_Atomic int64_t stop_deadline;

	pthread_mutex_t lock;
	pthread_cond_t wake; /* the thread rests */
	pthread_cond_t done; /* a group was committed, or failed */
	int error;           /* under the lock, as are these: of the last one */
	char error_text[ERR_TEXT_MAX + 1];
	uint64_t failures, groups, written, replaced, expired;

	/* The thread's own. */
	struct row *group[SCRIBE_GROUP_MAX];
	size_t group_count;
	unsigned next_ring;
	int64_t retry_ns;
	int64_t told_ns;
	uint64_t told_dropped;
	int64_t expire_ns; /* the next look; CLOCK_NEVER without retention */
	bool expire_fails;
};

/* Wait until the time, or for ever.  False when the time has come. */
static bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ns)
{
	struct timespec ts = { .tv_sec = ns / CLOCK_S,
			       .tv_nsec = ns % CLOCK_S };

	if (ns == CLOCK_NEVER)
		return pthread_cond_wait(cond, lock) == 0;
	return pthread_cond_timedwait(cond, lock, &ts) != ETIMEDOUT;
}

static void wake(struct scribe *s)
{
	if (atomic_exchange(&s->state, BUSY) == BUSY)
		return;
	pthread_mutex_lock(&s->lock);
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

static size_t queued(const struct scribe *s)
{
	size_t n = 0;

	for (unsigned i = 0; i < s->cfg.producers; i++)
		n += ring_count(&s->rings[i]);
	return n;
}

static bool must_not_rest(const struct scribe *s, enum state how)
{
	if (atomic_load(&s->stopping))
		return true;
	if (how == IDLE)
		return queued(s) > 0;
	return atomic_load(&s->hurry) > 0 ||
	       (s->group_count == 0 && queued(s) >= s->enough);
}

/* The state is set before the look, as the producers do it the other way. */
static void rest(struct scribe *s, enum state how, int64_t until)
{
	pthread_mutex_lock(&s->lock);
	atomic_store(&s->state, how);
	if (!must_not_rest(s, how)) {
		while (atomic_load(&s->state) == how &&
		       wait_until(&s->wake, &s->lock, until))
			;
	}
	atomic_store(&s->state, BUSY);
	pthread_mutex_unlock(&s->lock);
}

/* What a client did one after another, by several workers, stays in order. */
static int by_time(const void *a, const void *b)
{
	const struct row *const *x = a, *const *y = b;

	return ((*x)->put_ns > (*y)->put_ns) - ((*x)->put_ns < (*y)->put_ns);
}

/* One of each ring in turn, so that none is starved by another. */
static void gather(struct scribe *s)
{
	unsigned n = s->cfg.producers, empty = 0;
	int64_t now = clock_wall() / CLOCK_S;

	while (s->group_count < SCRIBE_GROUP_MAX && empty < n) {
		unsigned i = s->next_ring;
		struct row *r = ring_take(&s->rings[i]);

		s->next_ring = (i + 1) % n;
		empty = r == NULL ? empty + 1 : 0;
		if (r == NULL)
			continue;
		row_take_blobs(r);
		if (r->c.stored_at == 0)
			r->c.stored_at = now;
		s->group[s->group_count++] = r;
	}
	qsort(s->group, s->group_count, sizeof(struct row *), by_time);
}

static void release_group(struct scribe *s)
{
	for (size_t i = 0; i < s->group_count; i++) {
		pending_drop(&s->pending, s->group[i]);
		ring_finish(&s->rings[s->group[i]->ring], s->group[i]->size);
		row_free(s->group[i]);
	}
	s->group_count = 0;
}

static void succeed(struct scribe *s, size_t replaced)
{
	size_t count = s->group_count;
	bool again;

	release_group(s);
	pthread_mutex_lock(&s->lock);
	again = s->error != 0;
	s->error = 0;
	s->groups++;
	s->written += count;
	s->replaced += replaced;
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->lock);
	s->retry_ns = RETRY_FIRST;
	if (again)
		log_info("store: writes again");
}

static void keep_error(struct scribe *s, int error)
{
	struct str text = err_text();
	bool is_news;

	pthread_mutex_lock(&s->lock);
	is_news = s->error != error;
	s->error = error;
	s->failures++;
	memcpy(s->error_text, text.ptr, text.len);
	s->error_text[text.len] = 0;
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->lock);
	if (is_news) {
		log_error("store: cannot write, tries again: %s",
			  s->error_text);
	}
	rest(s, COLLECTING, clock_monotonic() + s->retry_ns);
	s->retry_ns =
		s->retry_ns * 2 < RETRY_MOST ? s->retry_ns * 2 : RETRY_MOST;
}

static uint64_t dropped(const struct scribe *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->cfg.producers; i++)
		n += atomic_load_explicit(&s->rings[i].dropped,
					  memory_order_relaxed);
	return n;
}

static void tell_dropped(struct scribe *s)
{
	uint64_t n = dropped(s);
	int64_t now = clock_monotonic();

	if (n == s->told_dropped || now < s->told_ns + TELL_EVERY)
		return;
	log_warn("store: the queue is full: %llu rows dropped",
		 (unsigned long long)(n - s->told_dropped));
	s->told_dropped = n;
	s->told_ns = now;
}

/* How many rows went, or -errno. */
static int expire_some(struct scribe *s)
{
	struct store_expiry e = { .bytes_max = s->cfg.keep_bytes,
				  .max = EXPIRE_ROWS };
	unsigned count = 0;
	int r;

	if (s->cfg.keep_s > 0)
		e.before = clock_wall() / CLOCK_S - s->cfg.keep_s;
	r = s->db->type->expire(s->db, &e, &count);
	if (r < 0)
		return r;
	pthread_mutex_lock(&s->lock);
	s->expired += count;
	pthread_mutex_unlock(&s->lock);
	return (int)count;
}

static void expire(struct scribe *s)
{
	int count = EXPIRE_ROWS;

	if (s->expire_ns == CLOCK_NEVER || clock_monotonic() < s->expire_ns)
		return;
	for (int i = 0; i < EXPIRE_BATCHES && count == EXPIRE_ROWS; i++)
		count = expire_some(s);
	if (count < EXPIRE_ROWS)
		s->expire_ns = clock_monotonic() + EXPIRE_EVERY;
	if (count < 0 && !s->expire_fails) {
		log_warn(
			"store: cannot delete what is too old, tries again: " STR_FMT,
			STR_ARG(err_text()));
	}
	s->expire_fails = count < 0;
}

static bool is_over(struct scribe *s)
{
	if (!atomic_load(&s->stopping))
		return false;
	return (s->group_count == 0 && queued(s) == 0) ||
	       clock_monotonic() >= atomic_load(&s->stop_deadline);
}

static void write_group(struct scribe *s)
{
	size_t replaced = 0;
	int r;

	if (s->group_count == 0) {
		rest(s, IDLE, s->expire_ns);
		if (queued(s) == 0)
			return;
		rest(s, COLLECTING, clock_monotonic() + s->cfg.group_ns);
		gather(s);
	}
	if (s->group_count == 0)
		return;
	r = s->db->type->put(s->db, s->group, s->group_count, &replaced);
	if (r < 0)
		keep_error(s, r);
	else
		succeed(s, replaced);
	tell_dropped(s);
}

static void *run(void *arg)
{
	struct scribe *s = arg;

	while (!is_over(s)) {
		write_group(s);
		expire(s);
	}
	return NULL;
}

static void init_sync(struct scribe *s)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, &attr);
	pthread_cond_init(&s->done, &attr);
	pthread_condattr_destroy(&attr);
}

static void free_scribe(struct scribe *s)
{
	for (unsigned i = 0; i < s->cfg.producers; i++)
		ring_fini(&s->rings[i]);
	pthread_cond_destroy(&s->done);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->rings);
	free(s);
}

/* Signals are the main thread's. */
static int start_thread(struct scribe *s)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r == 0 ? 0 : err_new(-r, "store: cannot start a thread");
}

int scribe_start(const struct store_cfg *cfg, struct database *db,
		 struct scribe **out)
{
	struct scribe *s = xcalloc(1, sizeof(*s));
	int r;

	s->cfg = *cfg;
	s->db = db;
	s->retry_ns = RETRY_FIRST;
	s->expire_ns = cfg->keep_s > 0 || cfg->keep_bytes > 0 ? 0 : CLOCK_NEVER;
	s->enough = cfg->queue_rows / 2 < SCRIBE_GROUP_MAX
			    ? (cfg->queue_rows + 1) / 2
			    : SCRIBE_GROUP_MAX;
	s->rings = xcalloc(cfg->producers, sizeof(*s->rings));
	for (unsigned i = 0; i < cfg->producers; i++)
		ring_init(&s->rings[i], cfg->queue_rows, cfg->queue_bytes);
	init_sync(s);
	r = start_thread(s);
	if (r < 0) {
		free_scribe(s);
		return r;
	}
	*out = s;
	return 0;
}

uint64_t scribe_stop(struct scribe *s, int64_t deadline_ns)
{
	uint64_t lost;

	atomic_store(&s->stop_deadline, deadline_ns);
	atomic_store(&s->stopping, true);
	if (s->db->type->stop != NULL)
		s->db->type->stop(s->db, deadline_ns);
	wake(s);
	pthread_join(s->thread, NULL);
	lost = s->group_count + queued(s);
	if (lost > 0) {
		log_error("store: %llu rows were never written: %s",
			  (unsigned long long)lost, s->error_text);
	}
	release_group(s);
	free_scribe(s);
	return lost;
}

bool scribe_may_have(const struct scribe *s, struct str owner, struct str id)
{
	return pending_has(&s->pending, owner, id);
}

static int measure(const struct scribe *s, const struct scribe_item *item,
		   size_t *out)
{
	size_t size = item->c != NULL ? row_size(item->c)
				      : row_batch_size(item->ops, item->count);
	int r = 0;

	if (item->c == NULL)
		r = op_check_post(item->ops, item->count);
	else if (!row_is_valid(item->c))
		r = err_new(-EMSGSIZE, "store: a row is too large");
	if (r == 0 && size > s->cfg.queue_bytes)
		r = err_new(-EMSGSIZE, "store: larger than the queue");
	*out = size;
	return r;
}

/* Pending first: what is in the ring may be committed at any time. */
static void push(struct scribe *s, struct ring *ring, struct row *row)
{
	enum state state;

	pending_add(&s->pending, row);
	ring_put(ring, row);
	state = atomic_load(&s->state);
	if (state == IDLE ||
	    (state == COLLECTING && ring_count(ring) >= s->enough))
		wake(s);
}

int scribe_put(struct scribe *s, unsigned producer,
	       const struct scribe_item *item)
{
	struct ring *ring = &s->rings[producer];
	struct row *row;
	size_t size;
	int r = measure(s, item, &size);

	if (r < 0)
		return r;
	if (!ring_has_room(ring, size)) {
		bool drop = s->cfg.policy == STORE_DROP;

		atomic_fetch_add_explicit(drop ? &ring->dropped : &ring->full,
					  1, memory_order_relaxed);
		return drop ? STORE_DROPPED : STORE_FULL;
	}
	row = item->c != NULL ? row_new(item->c)
			      : row_batch_new(item->ops, item->count);
	row->ring = producer;
	row->put_ns = clock_monotonic();
	push(s, ring, row);
	return 0;
}

int scribe_put_wait(struct scribe *s, unsigned producer,
		    const struct scribe_item *item, int64_t deadline_ns)
{
	int r;

	while ((r = scribe_put(s, producer, item)) == STORE_FULL) {
		int64_t now = clock_monotonic();
		int64_t until = now + ROOM_LOOK;

		if (now >= deadline_ns)
			return err_new(-ETIMEDOUT, "store: the queue is full");
		pthread_mutex_lock(&s->lock);
		(void)wait_until(&s->done, &s->lock,
				 until < deadline_ns ? until : deadline_ns);
		pthread_mutex_unlock(&s->lock);
	}
	return r;
}

static bool has_reached(const struct scribe *s, const uint64_t *heads)
{
	for (unsigned i = 0; i < s->cfg.producers; i++) {
		if (atomic_load_explicit(&s->rings[i].done,
					 memory_order_acquire) < heads[i])
			return false;
	}
	return true;
}

static void take_heads(const struct scribe *s, uint64_t *out)
{
	for (unsigned i = 0; i < s->cfg.producers; i++)
		out[i] = atomic_load(&s->rings[i].head);
}

bool scribe_is_behind(const struct scribe *s)
{
	for (unsigned i = 0; i < s->cfg.producers; i++) {
		if (atomic_load(&s->rings[i].done) !=
		    atomic_load(&s->rings[i].head))
			return true;
	}
	return false;
}

int scribe_flush(struct scribe *s, int64_t deadline_ns)
{
	uint64_t heads[STORE_PRODUCERS_MAX] = { 0 };
	uint64_t failures;
	bool in_time = true;
	int r = 0;

	take_heads(s, heads);
	if (has_reached(s, heads))
		return 0;
	pthread_mutex_lock(&s->lock);
	failures = s->failures;
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_add(&s->hurry, 1);
	wake(s);
	pthread_mutex_lock(&s->lock);
	while (!has_reached(s, heads) && s->failures == failures && in_time)
		in_time = wait_until(&s->done, &s->lock, deadline_ns);
	if (has_reached(s, heads))
		r = 0;
	else if (s->failures != failures) {
		r = err_new(s->error != 0 ? s->error : -EIO, "%s",
			    s->error_text);
	} else {
		r = err_new(-ETIMEDOUT, "store: not written in time");
	}
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_sub(&s->hurry, 1);
	return r;
}

void scribe_counts(struct scribe *s, struct store_counts *out)
{
	struct store_counts c = { .dropped = dropped(s) };

	for (unsigned i = 0; i < s->cfg.producers; i++) {
		c.put += atomic_load(&s->rings[i].head);
		c.full += atomic_load(&s->rings[i].full);
	}
	pthread_mutex_lock(&s->lock);
	c.written = s->written;
	c.replaced = s->replaced;
	c.groups = s->groups;
	c.expired = s->expired;
	c.failures = s->failures;
	pthread_mutex_unlock(&s->lock);
	*out = c;
}
