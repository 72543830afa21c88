/*
 * run - run tasks in a loop of their own, for tests.
 */
#ifndef TESTS_IO_RUN_H
#define TESTS_IO_RUN_H

#include "io/io.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* For threads that are no loop's. */
static inline void block_us(long us)
{
	const struct timespec ts = { us / 1000000, us % 1000000 * 1000 };

	(void)nanosleep(&ts, NULL);
}

static inline void run_in(struct loop *loop, void (*fn)(struct task *, void *),
			  void *arg)
{
	assert_non_null(loop);
	assert_int_equal(task_spawn(loop, "main", fn, arg), 0);
	loop_run(loop);
	assert_int_equal(loop_task_count(loop), 0);
	loop_free(loop);
}

static inline void run_task(void (*fn)(struct task *, void *), void *arg)
{
	run_in(loop_new(NULL), fn, arg);
}

static inline int64_t in_ms(const struct task *t, int64_t ms)
{
	return task_now(t) + ms * CLOCK_MS;
}

/* Two ends of a UNIX stream. */
static inline void make_pair(struct loop *loop, struct io **a, struct io **b)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(io_adopt(loop, fds[0], a), 0);
	assert_int_equal(io_adopt(loop, fds[1], b), 0);
}

/* Listen on a free port of host; addr becomes where to connect. */
static inline struct io *listen_on(struct loop *loop, struct str host,
				   struct io_addr *addr)
{
	struct io_listen_cfg cfg = { .backlog = 16 };
	struct io *listener;

	assert_int_equal(io_addr_parse(host, 0, &cfg.addr), 0);
	assert_int_equal(io_listen(loop, &cfg, &listener), 0);
	io_local_addr(listener, addr);
	return listener;
}

/* Both ends of a connection over listener. */
static inline void connect_pair(struct task *t, struct io **a, struct io **b)
{
	struct io_addr addr;
	struct io *listener = listen_on(task_loop(t), STR("127.0.0.1"), &addr);

	assert_int_equal(io_connect(t, &addr, in_ms(t, 5000), a), 0);
	assert_int_equal(io_accept(t, listener, in_ms(t, 5000), b), 0);
	io_close(listener);
}

static inline void read_all(struct task *t, struct io *io, char *out,
			    size_t len)
{
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		assert_int_equal(io_read(t, io, out + at, len - at,
					 in_ms(t, 5000), &n),
				 0);
		assert_true(n > 0);
	}
}

#endif
