#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log_ring.h"
#include "base/log_text.h"

/* What the writing thread does, as those who might wake it must know. */
enum {
	WRITER_AWAKE,
	WRITER_RESTING, /* for REST_NS: wake it when a ring is half full */
	WRITER_ASLEEP,  /* wake it with the first line */
	WRITER_GONE
};

static const int64_t rest_ns = 5 * CLOCK_MS;
static const int64_t retry_ns = 2 * CLOCK_MS;
static const int64_t direct_ns = CLOCK_S;
static const int64_t stop_ns = 2 * CLOCK_S;

static struct {
	_Atomic(struct log_ring *) rings; /* newest first; owned */
	atomic_int level;
	atomic_bool running;
	atomic_uint writer;
	atomic_uint_least64_t dropped;
	_Atomic int64_t deadline; /* when a full descriptor is given up */
	pthread_t thread;
	pthread_once_t once;
	pthread_key_t key; /* tells when a thread ends */

	pthread_mutex_t lock; /* held by who takes from the rings */
	struct log_format format;
	int fd;
	uint64_t dropped_told;
	struct log_page page;
	char batch[PIPE_BUF]; /* what a pipe takes in one piece */
	size_t batch_len, batch_lines;
	size_t pending; /* lines out of the rings, but not written */
} logger = {
	.level = LOG_INFO,
	.once = PTHREAD_ONCE_INIT,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.fd = STDERR_FILENO,
};

static _Thread_local struct log_ring *own;

static void ring_orphan(void *arg)
{
	struct log_ring *ring = arg;

	own = NULL;
	atomic_store(&ring->orphan, true);
}

static void make_key(void)
{
	int r = pthread_key_create(&logger.key, ring_orphan);

	assert(r == 0);
}

/* Not inlined: a task's thread-local address must be taken anew each time. */
__attribute__((noinline)) static struct log_ring *own_ring(void)
{
	struct log_ring *ring = own;

	if (ring != NULL)
		return ring;
	ring = xcalloc(1, sizeof(*ring));
	(void)pthread_once(&logger.once, make_key);
	(void)pthread_setspecific(logger.key, ring);
	ring->next = atomic_load(&logger.rings);
	while (!atomic_compare_exchange_weak(&logger.rings, &ring->next, ring))
		;
	own = ring;
	return ring;
}

/* Only the head of the list is changed by others, who put new rings there. */
static void unlink_ring(struct log_ring *ring)
{
	struct log_ring *at = ring;

	if (atomic_compare_exchange_strong(&logger.rings, &at, ring->next))
		return;
	while (at->next != ring)
		at = at->next;
	at->next = ring->next;
}

static void free_orphans(void)
{
	struct log_ring *next;
	int64_t when;

	for (struct log_ring *r = atomic_load(&logger.rings); r != NULL;
	     r = next) {
		next = r->next;
		if (!atomic_load(&r->orphan) || log_ring_oldest(r, &when))
			continue;
		unlink_ring(r);
		free(r);
	}
}

/* The ring with the oldest line, so that lines come out in order; or NULL. */
static struct log_ring *oldest_ring(void)
{
	struct log_ring *oldest = NULL;
	int64_t when, oldest_when = INT64_MAX;

	for (struct log_ring *r = atomic_load(&logger.rings); r != NULL;
	     r = r->next) {
		if (!log_ring_oldest(r, &when))
			continue;
		if (oldest == NULL || when < oldest_when) {
			oldest = r;
			oldest_when = when;
		}
	}
	return oldest;
}

/*
 * The only place where the writer can be cancelled, as log_stop() does when
 * this never returns: a terminal that is stopped, a pipe that nobody reads.
 */
static ssize_t write_some(struct str s)
{
	int was, error;
	ssize_t n;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &was);
	n = write(logger.fd, s.ptr, s.len);
	error = errno;
	(void)pthread_setcancelstate(was, NULL);
	errno = error;
	return n;
}

/* A descriptor that does not block may be shared with others: no change. */
static bool wait_writable(void)
{
	struct timespec ts = { .tv_nsec = retry_ns };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	return clock_monotonic() < atomic_load(&logger.deadline);
}

static bool write_all(struct str s)
{
	while (s.len > 0) {
		ssize_t n = write_some(s);

		if (n > 0) {
			s = str_drop(s, (size_t)n);
		} else if (n < 0 && errno == EAGAIN && wait_writable()) {
			continue;
		} else if (n == 0 || errno != EINTR) {
			return false;
		}
	}
	return true;
}

static void write_lines(struct str text, size_t lines)
{
	if (!write_all(text))
		(void)atomic_fetch_add(&logger.dropped, lines);
	logger.pending -= lines;
}

static void flush_batch(void)
{
	write_lines((struct str){ logger.batch, logger.batch_len },
		    logger.batch_lines);
	logger.batch_len = 0;
	logger.batch_lines = 0;
}

/* Add the page's record to the batch. */
static void batch_line(void)
{
	struct str line = log_text(&logger.page, logger.format);

	if (line.len > sizeof(logger.batch) - logger.batch_len)
		flush_batch();
	if (line.len > sizeof(logger.batch)) {
		write_lines(line, 1);
		return;
	}
	memcpy(logger.batch + logger.batch_len, line.ptr, line.len);
	logger.batch_len += line.len;
	logger.batch_lines++;
}

/* The count is no line that could be lost: it is told when it can be. */
static void tell_dropped(void)
{
	uint64_t dropped = atomic_load(&logger.dropped);
	struct log_record *rec = &logger.page.rec;
	int len;

	if (dropped == logger.dropped_told)
		return;
	*rec = (struct log_record){ .wall_ns = clock_wall(),
				    .level = LOG_WARN };
	len = snprintf(rec->text, sizeof(rec->text), "log lines dropped: %llu",
		       (unsigned long long)(dropped - logger.dropped_told));
	rec->text_len = (uint16_t)len;
	rec->fields_at = rec->text_len;
	if (write_all(log_text(&logger.page, logger.format)))
		logger.dropped_told = dropped;
}

/* Write all that is in the rings; the lock is held.  Returns how many lines. */
static size_t drain(void)
{
	struct log_ring *ring;
	size_t n = 0;

	while ((ring = oldest_ring()) != NULL) {
		log_ring_take(ring, &logger.page.rec);
		logger.pending++;
		batch_line();
		n++;
	}
	if (logger.batch_len > 0)
		flush_batch();
	tell_dropped();
	free_orphans();
	return n;
}

static void give_up(void *arg)
{
	(void)arg;
	(void)atomic_fetch_add(&logger.dropped, logger.pending);
	logger.pending = 0;
	logger.batch_len = 0;
	logger.batch_lines = 0;
	(void)pthread_mutex_unlock(&logger.lock);
}

static size_t drain_or_give_up(void)
{
	size_t n;

	(void)pthread_mutex_lock(&logger.lock);
	pthread_cleanup_push(give_up, NULL);
	n = drain();
	pthread_cleanup_pop(1);
	return n;
}

/* What nobody takes is counted. */
static void discard(void)
{
	struct log_ring *ring;

	while ((ring = oldest_ring()) != NULL) {
		log_ring_take(ring, &logger.page.rec);
		(void)atomic_fetch_add(&logger.dropped, 1);
	}
}

/* As drain(), in a thread of others: a closed pipe is no reason to die. */
static void drain_quietly(void)
{
	const struct timespec now = { 0 };
	sigset_t broken, was;

	(void)sigemptyset(&broken);
	(void)sigaddset(&broken, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &broken, &was);
	(void)drain();
	if (sigismember(&was, SIGPIPE) == 0)
		(void)sigtimedwait(&broken, NULL, &now);
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
}

static void drain_direct(void)
{
	(void)pthread_mutex_lock(&logger.lock);
	if (!atomic_load(&logger.running)) {
		atomic_store(&logger.deadline, clock_monotonic() + direct_ns);
		drain_quietly();
	}
	(void)pthread_mutex_unlock(&logger.lock);
}

static long futex(int op, unsigned value, const struct timespec *timeout)
{
	return syscall(SYS_futex, &logger.writer, op, value, timeout, NULL, 0);
}

static void wake_writer(unsigned from)
{
	if (atomic_load(&logger.writer) == from &&
	    atomic_compare_exchange_strong(&logger.writer, &from, WRITER_AWAKE))
		(void)futex(FUTEX_WAKE_PRIVATE, 1, NULL);
}

/*
 * After some lines more will follow soon: to rest a moment instead of sleeping
 * saves the producers their system calls.
 */
static void rest_or_sleep(bool rest)
{
	unsigned state = rest ? WRITER_RESTING : WRITER_ASLEEP;
	struct timespec ts = { .tv_nsec = rest_ns };

	atomic_store(&logger.writer, state);
	if (atomic_load(&logger.running) && (rest || oldest_ring() == NULL))
		(void)futex(FUTEX_WAIT_PRIVATE, state, rest ? &ts : NULL);
	atomic_store(&logger.writer, WRITER_AWAKE);
}

static void *run_writer(void *arg)
{
	(void)arg;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	while (atomic_load(&logger.running))
		rest_or_sleep(drain_or_give_up() > 0);
	(void)drain_or_give_up();
	atomic_store(&logger.writer, WRITER_GONE);
	(void)futex(FUTEX_WAKE_PRIVATE, 1, NULL);
	return NULL;
}

/* False when the writer does not come to an end in time. */
static bool wait_gone(void)
{
	unsigned state;

	while ((state = atomic_load(&logger.writer)) != WRITER_GONE) {
		int64_t left =
			atomic_load(&logger.deadline) - clock_monotonic();
		struct timespec ts = { .tv_sec = left / CLOCK_S,
				       .tv_nsec = left % CLOCK_S };

		if (left <= 0)
			return false;
		(void)futex(FUTEX_WAIT_PRIVATE, state, &ts);
	}
	return true;
}

void log_start(const struct log_cfg *cfg)
{
	sigset_t all, was;
	int r;

	assert(!atomic_load(&logger.running));

	log_set_level(cfg->level);
	(void)pthread_mutex_lock(&logger.lock);
	logger.format.json = cfg->json;
	logger.format.colour = cfg->colour && !cfg->json;
	logger.fd = cfg->fd;
	atomic_store(&logger.deadline, CLOCK_NEVER);
	atomic_store(&logger.writer, WRITER_AWAKE);
	atomic_store(&logger.running, true);
	(void)pthread_mutex_unlock(&logger.lock);

	/* Signals are for the others; and a closed pipe is EPIPE, not death. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &was);
	r = pthread_create(&logger.thread, NULL, run_writer, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (r == 0) {
		(void)pthread_setname_np(logger.thread, "log");
		return;
	}
	atomic_store(&logger.running, false);
	log_error("log: no thread to write lines: error %d", r);
}

void log_stop(void)
{
	bool stuck;

	if (!atomic_load(&logger.running))
		return;
	atomic_store(&logger.deadline, clock_monotonic() + stop_ns);
	atomic_store(&logger.running, false);
	wake_writer(WRITER_RESTING);
	wake_writer(WRITER_ASLEEP);
	stuck = !wait_gone();
	if (stuck)
		(void)pthread_cancel(logger.thread);
	(void)pthread_join(logger.thread, NULL);

	(void)pthread_mutex_lock(&logger.lock);
	if (stuck) {
		discard();
	} else {
		drain_quietly();
	}
	logger.fd = STDERR_FILENO;
	(void)pthread_mutex_unlock(&logger.lock);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&logger.level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level >=
	       atomic_load_explicit(&logger.level, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
	return atomic_load(&logger.dropped);
}

static void fill_id(struct log_record *rec)
{
	struct str id = context_request_id();

	rec->id_len = (uint8_t)id.len;
	memcpy(rec->id, id.ptr, id.len);
}

static void put_line(struct log_ring *ring)
{
	bool running = atomic_load(&logger.running);

	if (!log_ring_put(ring)) {
		if (running) {
			(void)atomic_fetch_add(&logger.dropped, 1);
			wake_writer(WRITER_RESTING);
			return;
		}
		drain_direct();
		(void)log_ring_put(ring);
	}
	wake_writer(WRITER_ASLEEP);
	if (log_ring_is_half_full(ring))
		wake_writer(WRITER_RESTING);

	/* If it was stopped just now, the writer may not have seen the line. */
	if (!atomic_load(&logger.running))
		drain_direct();
}

/* A record of this thread's, to be filled. */
static struct log_record *begin_line(enum log_level level)
{
	struct log_record *rec = &own_ring()->in;

	rec->wall_ns = clock_wall();
	rec->level = level;
	fill_id(rec);
	return rec;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	struct log_record *rec;
	int error = errno, len;
	va_list args;

	if (!log_enabled(level))
		return;
	rec = begin_line(level);
	errno = error; /* for %m */
	va_start(args, fmt);
	len = vsnprintf(rec->text, sizeof(rec->text), fmt, args);
	va_end(args);
	if (len < 0)
		len = 0;
	rec->cut = (size_t)len >= sizeof(rec->text);
	rec->text_len =
		(uint16_t)(rec->cut ? sizeof(rec->text) - 1 : (size_t)len);
	rec->fields_at = rec->text_len;
	put_line(own_ring());
	errno = error;
}

void log_fields(enum log_level level, struct str text, struct str fields)
{
	struct log_record *rec;
	int error = errno;

	if (!log_enabled(level))
		return;
	rec = begin_line(level);
	rec->cut = text.len + fields.len > sizeof(rec->text);
	text = str_take(text, sizeof(rec->text));
	fields = str_take(fields, sizeof(rec->text) - text.len);
	if (text.len > 0)
		memcpy(rec->text, text.ptr, text.len);
	if (fields.len > 0)
		memcpy(rec->text + text.len, fields.ptr, fields.len);
	rec->fields_at = (uint16_t)text.len;
	rec->text_len = (uint16_t)(text.len + fields.len);
	put_line(own_ring());
	errno = error;
}
