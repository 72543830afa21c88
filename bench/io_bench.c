/*
 * io_bench - what a switch, a wait and a waiting task cost.
 *
 *	ninja -C build/release bench/io_bench && build/release/bench/io_bench
 *
 * Every figure is the best of several rounds: what disturbs a round can only
 * add to it.
 */
#include "io/io.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	ROUNDS = 7,
	SWITCHES = 1000000,
	PINGS = 100000,
	WAITERS = 20000,
	PING_SIZE = 64
};

/* What a benchmark measures, and in what units of work. */
struct bench {
	int64_t started_ns;
	int64_t best_ns;
	int n;
};

static void start(struct bench *b, int n)
{
	b->n = n;
	b->started_ns = clock_monotonic();
}

static void stop(struct bench *b)
{
	int64_t ns = clock_monotonic() - b->started_ns;

	if (b->best_ns == 0 || ns < b->best_ns)
		b->best_ns = ns;
}

static void say(const struct bench *b, const char *what)
{
	(void)printf("%-44s %8.1f ns\n", what,
		     (double)b->best_ns / (double)b->n);
}

static void run(void (*fn)(struct task *t, void *arg), void *arg)
{
	struct loop *loop = loop_new(NULL);
	int r;

	if (loop == NULL)
		abort();
	r = task_spawn(loop, "bench", fn, arg);
	assert(r == 0);
	loop_run(loop);
	loop_free(loop);
}

struct turns {
	struct task_event mine, other;
};

static void take_turns(struct task *t, void *arg)
{
	struct turns *e = arg;

	for (int i = 0; i < SWITCHES; i++) {
		task_event_set(&e->other);
		task_event_clear(&e->mine);
		if (task_event_wait(t, &e->mine, task_now(t) + CLOCK_S) < 0)
			return;
	}
}

static void answer_turns(struct task *t, void *arg)
{
	struct turns *e = arg;

	for (int i = 0; i < SWITCHES; i++) {
		task_event_clear(&e->other);
		if (task_event_wait(t, &e->other, CLOCK_NEVER) < 0)
			return;
		task_event_set(&e->mine);
	}
}

/* Two tasks wake each other: two waits, two wakes, four switches. */
static void bench_switch(void)
{
	struct bench b = { 0 };
	struct turns e;

	for (int i = 0; i < ROUNDS; i++) {
		struct loop *loop = loop_new(NULL);
		int r;

		if (loop == NULL)
			abort();
		task_event_init(&e.mine);
		task_event_init(&e.other);
		r = task_spawn(loop, "b", answer_turns, &e);
		assert(r == 0);
		r = task_spawn(loop, "a", take_turns, &e);
		assert(r == 0);
		start(&b, SWITCHES);
		loop_run(loop);
		stop(&b);
		loop_free(loop);
	}
	say(&b, "round trip of two tasks, with a deadline");
}

static void nothing(struct task *t, void *arg)
{
	(void)t;
	(void)arg;
}

static void spawn_some(struct task *t, void *arg)
{
	struct bench *b = arg;

	for (int i = 0; i < 100000; i++) {
		if (task_spawn(task_loop(t), "none", nothing, NULL) < 0 ||
		    task_yield(t) < 0)
			abort();
	}
	stop(b);
}

static void bench_spawn(void)
{
	struct bench b = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		start(&b, 100000);
		run(spawn_some, &b);
	}
	say(&b, "start and end of a task, and a round");
}

static void make_tcp(int fds[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct sockaddr *sa = (struct sockaddr *)(void *)&addr;
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(fd, sa, len) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, sa, &len) < 0 || connect(fds[0], sa, len) < 0)
		abort();
	fds[1] = accept(fd, NULL, NULL);
	(void)close(fd);
	for (int i = 0; i < 2; i++) {
		(void)setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one,
				 sizeof(one));
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
	}
}

static void make_unix(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
}

static void (*make_fds)(int fds[2]);

static void adopt_pair(struct loop *loop, struct io **a, struct io **b)
{
	int fds[2];

	make_fds(fds);
	if (io_adopt(loop, fds[0], a) < 0 || io_adopt(loop, fds[1], b) < 0)
		abort();
}

static void pong(struct task *t, void *arg)
{
	struct io *io = arg;
	char bytes[2048];
	size_t n;

	for (;;) {
		struct str piece = { bytes, 0 };

		if (io_read(t, io, bytes, sizeof(bytes),
			    task_now(t) + 60 * CLOCK_S, &n) < 0 ||
		    n == 0)
			break;
		piece.len = n;
		if (io_write(t, io, &piece, 1, CLOCK_NEVER) < 0)
			break;
	}
	io_close(io);
}

static void ping(struct task *t, void *arg)
{
	static char bytes[PING_SIZE];
	const struct str piece = { bytes, sizeof(bytes) };
	struct bench *b = arg;
	char got[2048];
	struct io *mine, *other;
	size_t n;

	adopt_pair(task_loop(t), &mine, &other);
	if (task_spawn(task_loop(t), "pong", pong, other) < 0)
		abort();
	start(b, PINGS);
	for (int i = 0; i < PINGS; i++) {
		if (io_write(t, mine, &piece, 1, CLOCK_NEVER) < 0 ||
		    io_read(t, mine, got, sizeof(got),
			    task_now(t) + 60 * CLOCK_S, &n) < 0)
			abort();
	}
	stop(b);
	io_close(mine);
}

/* The least that any loop has to do: wait, read, write, for each end. */
static void raw_ping(struct bench *b)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	static char bytes[4096];
	int fds[2], ep = epoll_create1(0);
	ssize_t n;

	make_fds(fds);
	for (int i = 0; i < 2; i++) {
		ev.data.fd = fds[i];
		if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &ev) < 0)
			abort();
	}
	start(b, PINGS);
	n = write(fds[0], bytes, PING_SIZE);
	for (int i = 0; i < 2 * PINGS && n > 0; i++) {
		if (epoll_wait(ep, &ev, 1, -1) != 1)
			abort();
		n = read(ev.data.fd, bytes, sizeof(bytes));
		n = write(ev.data.fd, bytes, (size_t)n);
	}
	stop(b);
	(void)close(fds[0]);
	(void)close(fds[1]);
	(void)close(ep);
}

static void bench_ping(const char *over)
{
	struct bench tasks = { 0 }, raw = { 0 };
	char text[64];

	for (int i = 0; i < ROUNDS; i++) {
		run(ping, &tasks);
		raw_ping(&raw);
	}
	(void)snprintf(text, sizeof(text), "ping-pong over %s, tasks", over);
	say(&tasks, text);
	(void)snprintf(text, sizeof(text), "ping-pong over %s, bare epoll",
		       over);
	say(&raw, text);
	(void)printf("%-44s %8.1f %%\n", "tasks above bare epoll",
		     100.0 * (double)tasks.best_ns / (double)raw.best_ns - 100);
}

static size_t resident_kb(void)
{
	char text[2048];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	struct str value, rest = { text, n > 0 ? (size_t)n : 0 };
	int64_t kb;

	(void)close(fd);
	rest = str_drop(rest, str_find(rest, STR("Rss:")) + 4);
	value = str_trim(str_take(rest, str_find(rest, STR("kB"))));
	return str_to_i64(value, 0, INT64_MAX, &kb) ? (size_t)kb : 0;
}

static void wait_for_end(struct task *t, void *arg)
{
	size_t n;
	char c;

	if (io_read(t, arg, &c, 1, CLOCK_NEVER, &n) == 0)
		abort();
}

/* All wait on one stream, which is allowed for no program but this one. */
static void wait_crowd(struct task *t, void *arg)
{
	struct bench b = { 0 };
	struct io *a, *other;
	struct task_group g;
	size_t before;

	(void)arg;
	task_group_init(&g);
	adopt_pair(task_loop(t), &a, &other);
	before = resident_kb();
	start(&b, WAITERS);
	for (int i = 0; i < WAITERS; i++) {
		if (task_group_spawn(t, &g, "wait", wait_for_end, a) < 0)
			abort();
	}
	/* The round's limit on switches lets this one run in between. */
	for (int i = 0; i < WAITERS / 256; i++) {
		if (task_yield(t) < 0)
			abort();
	}
	stop(&b);
	say(&b, "first start of a task, with its stack");
	(void)printf("%-44s %8.1f KB\n",
		     "memory of a task that waits in io_read()",
		     (double)(resident_kb() - before) / WAITERS);
	task_group_join(t, &g, task_now(t));
	io_close(a);
	io_close(other);
}

int main(void)
{
	bench_switch();
	bench_spawn();
	make_fds = make_tcp;
	bench_ping("TCP");
	make_fds = make_unix;
	bench_ping("a socket pair");
	run(wait_crowd, NULL);
	return 0;
}
