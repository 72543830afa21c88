#include "io/io.h"

#include "tests/unit/io/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void echo(struct task *t, void *arg)
{
	struct io *io = arg;
	char bytes[1000];
	size_t n;

	for (;;) {
		assert_int_equal(io_read(t, io, bytes, sizeof(bytes),
					 CLOCK_NEVER, &n),
				 0);
		if (n == 0)
			break;
		assert_int_equal(io_write(t, io, &(struct str){ bytes, n }, 1,
					  CLOCK_NEVER),
				 0);
	}
	io_close(io);
}

static void accept_and_echo(struct task *t, void *arg)
{
	struct io *listener = arg, *io;

	assert_int_equal(io_accept(t, listener, in_ms(t, 5000), &io), 0);
	echo(t, io);
	io_close(listener);
}

static void read_all(struct task *t, struct io *io, char *out, size_t len)
{
	size_t n;

	for (size_t at = 0; at < len; at += n) {
		assert_int_equal(io_read(t, io, out + at, len - at,
					 in_ms(t, 5000), &n),
				 0);
		assert_true(n > 0);
	}
}

static void talk(struct task *t, void *arg)
{
	const struct str pieces[] = { STR("hello"), STR(""), STR(", "),
				      STR("world") };
	struct io_addr addr, peer;
	struct io *io;
	char got[12];
	size_t n;

	io_local_addr(arg, &addr);
	assert_int_equal(task_spawn(task_loop(t), "echo", accept_and_echo, arg),
			 0);
	assert_int_equal(io_connect(t, &addr, in_ms(t, 5000), &io), 0);
	io_peer_addr(io, &peer);
	assert_int_equal(peer.len, addr.len);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(io_write(t, io, pieces, countof(pieces),
					  in_ms(t, 5000)),
				 0);
		read_all(t, io, got, sizeof(got));
		assert_memory_equal(got, "hello, world", 12);
	}
	check_int("in", io_bytes_in(io), 36);
	check_int("out", io_bytes_out(io), 36);
	io_shutdown_write(io);
	assert_int_equal(io_read(t, io, got, 1, in_ms(t, 5000), &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(io_read(t, io, got, 1, in_ms(t, 5000), &n), 0);
	assert_int_equal(n, 0);
	io_close(io);
}

static void talk_over(struct str host)
{
	struct loop *loop = loop_new(NULL);
	struct io_addr addr;

	run_in(loop, talk, listen_on(loop, host, &addr));
}

static void streams_over_ipv4(void **state)
{
	(void)state;
	talk_over(STR("127.0.0.1"));
}

static void streams_over_ipv6(void **state)
{
	(void)state;
	talk_over(STR("::1"));
}

static void streams_over_unix_sockets(void **state)
{
	char dir[] = "/tmp/quipu-io-XXXXXX", host[64], path[48];
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/sock", dir);
	(void)snprintf(host, sizeof(host), "unix:%s", path);
	/* The second time there is a file that nobody listens at. */
	talk_over(str_of(host));
	talk_over(str_of(host));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void unix_mode_is_set(void **state)
{
	char dir[] = "/tmp/quipu-io-XXXXXX", host[64];
	struct io_listen_cfg cfg = { .unix_mode = 0620 };
	struct loop *loop = loop_new(NULL);
	struct io *a, *b;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(host, sizeof(host), "unix:%s/sock", dir);
	assert_int_equal(io_addr_parse(str_of(host), 0, &cfg.addr), 0);
	assert_int_equal(io_listen(loop, &cfg, &a), 0);
	assert_int_equal(stat(cfg.addr.un.sun_path, &st), 0);
	check_int("mode", st.st_mode & 0777, 0620);
	/* Somebody listens: the file is not taken away. */
	assert_int_equal(io_listen(loop, &cfg, &b), -EADDRINUSE);
	assert_true(str_find(err_text(), str_of(host)) < err_text().len);
	io_close(a);
	loop_free(loop);
	(void)unlink(cfg.addr.un.sun_path);
	(void)rmdir(dir);
	err_clear();
}

enum {
	BIG = 3 * 1024 * 1024
};

static void read_slowly(struct task *t, void *arg)
{
	struct io *io = arg;
	static char bytes[50000];
	size_t total = 0, n = 1;

	for (int i = 0; n > 0; i++) {
		if (i < 20)
			assert_int_equal(task_sleep(t, in_ms(t, 1)), 0);
		assert_int_equal(io_read(t, io, bytes, sizeof(bytes),
					 in_ms(t, 5000), &n),
				 0);
		for (size_t k = 0; k < n; k++)
			assert_int_equal(bytes[k], (char)((total + k) % 251));
		total += n;
	}
	check_int("all bytes", total, BIG);
	io_close(io);
}

/* In pieces of many sizes, so that each can be the one that is begun. */
static void write_much(struct task *t, void *arg)
{
	struct str pieces[200];
	char *bytes = xmalloc(BIG);
	struct io *io = arg;
	size_t at = 0;

	for (size_t i = 0; i < BIG; i++)
		bytes[i] = (char)(i % 251);
	for (size_t i = 0; i < countof(pieces); i++) {
		size_t len = i % 7 == 0 ? 0 : i * 61;

		pieces[i] = (struct str){ bytes + at, len };
		at += len;
	}
	assert_true(at < BIG);
	assert_int_equal(io_write(t, io, pieces, countof(pieces),
				  in_ms(t, 5000)),
			 0);
	pieces[0] = (struct str){ bytes + at, BIG - at };
	assert_int_equal(io_write(t, io, pieces, 1, in_ms(t, 5000)), 0);
	assert_int_equal(io_write(t, io, pieces, 0, in_ms(t, 5000)), 0);
	check_int("out", io_bytes_out(io), BIG);
	io_close(io);
	free(bytes);
}

static void start_big(struct task *t, void *arg)
{
	struct io *a, *b;

	if (*(bool *)arg) {
		connect_pair(t, &a, &b);
	} else {
		make_pair(task_loop(t), &a, &b);
	}
	assert_int_equal(task_spawn(task_loop(t), "r", read_slowly, a), 0);
	assert_int_equal(task_spawn(task_loop(t), "w", write_much, b), 0);
}

static void large_writes_wait_for_slow_readers(void **state)
{
	(void)state;
	run_task(start_big, &(bool){ true });
	run_task(start_big, &(bool){ false });
}

static void time_out(struct task *t, void *arg)
{
	static char bytes[1 << 20];
	const struct str piece = { bytes, sizeof(bytes) };
	struct io *a, *b, *none;
	struct io *listener;
	struct io_wait w;
	struct io_addr addr;
	size_t n;

	(void)arg;
	listener = listen_on(task_loop(t), STR("127.0.0.1"), &addr);
	make_pair(task_loop(t), &a, &b);
	w = (struct io_wait){ .io = a, .events = IO_READABLE };
	for (int ms = 0; ms < 3; ms++) {
		assert_int_equal(io_read(t, a, bytes, 1, in_ms(t, ms), &n),
				 -ETIMEDOUT);
		assert_int_equal(io_wait_any(t, &w, 1, in_ms(t, ms)),
				 -ETIMEDOUT);
		assert_int_equal(io_accept(t, listener, in_ms(t, ms), &none),
				 -ETIMEDOUT);
		/* More than a socket holds. */
		assert_int_equal(io_write(t, a, &piece, 1, in_ms(t, ms)),
				 -ETIMEDOUT);
	}
	io_close(a);
	io_close(b);
	io_close(listener);
}

static void every_wait_has_a_deadline(void **state)
{
	(void)state;
	run_task(time_out, NULL);
}

enum kind {
	IN_READ,
	IN_WRITE,
	IN_WAIT,
	IN_ACCEPT,
	IN_COUNT
};

struct victim {
	struct io *io, *listener;
	enum kind kind;
	int r;
};

static void wait_in(struct task *t, void *arg)
{
	static char bytes[1 << 20];
	struct victim *v = arg;
	struct io_wait w = { .io = v->io, .events = IO_HUNG_UP };
	struct io *none;
	size_t n;

	if (v->kind == IN_READ) {
		v->r = io_read(t, v->io, bytes, 1, CLOCK_NEVER, &n);
	} else if (v->kind == IN_WRITE) {
		v->r = io_write(t, v->io, &(struct str){ bytes, sizeof(bytes) },
				1, CLOCK_NEVER);
	} else if (v->kind == IN_WAIT) {
		v->r = io_wait_any(t, &w, 1, CLOCK_NEVER);
	} else {
		v->r = io_accept(t, v->listener, CLOCK_NEVER, &none);
	}
	/* And again, though it could go on. */
	assert_int_equal(io_read(t, v->io, bytes, 1, CLOCK_NEVER, &n),
			 -ECANCELED);
}

static void cancel_each(struct task *t, void *arg)
{
	struct victim v[IN_COUNT];
	struct io *b[IN_COUNT];
	struct task_group g;
	struct io_addr addr;

	(void)arg;
	task_group_init(&g);
	for (enum kind i = 0; i < IN_COUNT; i++) {
		v[i] = (struct victim){ .kind = i, .r = 1 };
		make_pair(task_loop(t), &v[i].io, &b[i]);
		v[i].listener =
			listen_on(task_loop(t), STR("127.0.0.1"), &addr);
		assert_int_equal(task_group_spawn(t, &g, "v", wait_in, &v[i]),
				 0);
	}
	assert_int_equal(task_sleep(t, in_ms(t, 3)), 0);
	check_int("all wait", g.running, IN_COUNT);
	task_group_cancel(&g);
	task_group_join(t, &g, CLOCK_NEVER);
	for (enum kind i = 0; i < IN_COUNT; i++) {
		check_int("ended by cancellation", v[i].r, -ECANCELED);
		io_close(v[i].io);
		io_close(v[i].listener);
		io_close(b[i]);
	}
}

static void cancellation_ends_every_io_wait(void **state)
{
	(void)state;
	run_task(cancel_each, NULL);
}

static void hang_up(struct task *t, void *arg)
{
	struct io_wait w = { .events = IO_HUNG_UP };
	struct io *a, *b;
	char bytes[8];
	size_t n;

	(void)arg;
	connect_pair(t, &a, &b);
	w.io = a;
	assert_int_equal(io_write(t, b, &STR("unread"), 1, CLOCK_NEVER), 0);
	/* Bytes alone do not wake who waits for the hang-up. */
	assert_int_equal(io_wait_any(t, &w, 1, in_ms(t, 5)), -ETIMEDOUT);
	io_shutdown_write(b);
	assert_int_equal(io_wait_any(t, &w, 1, in_ms(t, 5000)), 0);
	check_int("ready", w.ready, IO_HUNG_UP);
	assert_int_equal(io_read(t, a, bytes, 4, CLOCK_NEVER, &n), 0);
	check_int("first", n, 4);
	assert_int_equal(io_read(t, a, bytes, 8, CLOCK_NEVER, &n), 0);
	check_int("rest", n, 2);
	assert_int_equal(io_read(t, a, bytes, 8, in_ms(t, 5000), &n), 0);
	check_int("end", n, 0);
	/* The other direction still works. */
	assert_int_equal(io_write(t, a, &STR("bye"), 1, CLOCK_NEVER), 0);
	read_all(t, b, bytes, 3);
	io_close(a);
	io_close(b);
}

static void hang_up_is_seen_behind_unread_bytes(void **state)
{
	(void)state;
	run_task(hang_up, NULL);
}

static void reset(struct task *t, void *arg)
{
	struct str piece = STR("x");
	struct io *a, *b;
	char c;
	size_t n;
	int r;

	(void)arg;
	connect_pair(t, &a, &b);
	io_abort(b);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(io_read(t, a, &c, 1, in_ms(t, 5000), &n),
				 -ECONNRESET);
	}
	check_str("text", err_text(), STR("read: Connection reset by peer"));
	r = io_write(t, a, &piece, 1, in_ms(t, 5000));
	assert_true(r == -EPIPE || r == -ECONNRESET);
	assert_true(io_ready(a) & IO_HUNG_UP);
	io_close(a);
}

static void a_reset_is_said_again_and_again(void **state)
{
	(void)state;
	run_task(reset, NULL);
}

static void ready(struct task *t, void *arg)
{
	struct io *a, *b;
	char bytes[8];
	size_t n;

	(void)arg;
	connect_pair(t, &a, &b);
	check_int("fresh", io_ready(a), IO_WRITABLE);
	check_int("fresh", io_ready(b), IO_WRITABLE);
	assert_int_equal(io_write(t, b, &STR("1234"), 1, CLOCK_NEVER), 0);
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	check_int("bytes", io_ready(a), IO_WRITABLE | IO_READABLE);
	assert_int_equal(io_try_read(a, bytes, 4, &n), 0);
	/* A full read does not know what else there is. */
	check_int("drained", io_ready(a), IO_WRITABLE);
	assert_int_equal(io_try_read(a, bytes, 4, &n), -EAGAIN);
	io_close(b);
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	check_int("dead", io_ready(a), IO_WRITABLE | IO_READABLE | IO_HUNG_UP);
	io_close(a);
}

static void ready_says_whether_an_idle_stream_lives(void **state)
{
	(void)state;
	run_task(ready, NULL);
}

static void write_later(struct task *t, void *arg)
{
	assert_int_equal(task_sleep(t, in_ms(t, 3)), 0);
	assert_int_equal(io_write(t, arg, &STR("x"), 1, CLOCK_NEVER), 0);
}

static void wait_for_four(struct task *t, void *arg)
{
	struct io *b[IO_WAIT_MAX];
	struct io_wait w[IO_WAIT_MAX];

	(void)arg;
	for (size_t i = 0; i < IO_WAIT_MAX; i++) {
		make_pair(task_loop(t), &w[i].io, &b[i]);
		w[i].events = IO_READABLE;
	}
	assert_int_equal(task_spawn(task_loop(t), "w", write_later, b[2]), 0);
	assert_int_equal(io_wait_any(t, w, IO_WAIT_MAX, in_ms(t, 5000)), 0);
	for (size_t i = 0; i < IO_WAIT_MAX; i++)
		check_int("only one", w[i].ready, i == 2 ? IO_READABLE : 0);
	for (size_t i = 0; i < IO_WAIT_MAX; i++) {
		io_close(w[i].io);
		io_close(b[i]);
	}
}

static void wait_any_says_which(void **state)
{
	(void)state;
	run_task(wait_for_four, NULL);
}

static void refuse(struct task *t, void *arg)
{
	char text[IO_ADDR_TEXT_MAX];
	struct io_addr addr;
	struct io *io;

	(void)arg;
	io_close(listen_on(task_loop(t), STR("127.0.0.1"), &addr));
	assert_int_equal(io_connect(t, &addr, in_ms(t, 5000), &io),
			 -ECONNREFUSED);
	assert_true(str_find(err_text(), io_addr_text(&addr, text)) <
		    err_text().len);
	assert_int_equal(io_addr_parse(STR("unix:/nonexistent/s"), 0, &addr),
			 0);
	assert_int_equal(io_connect(t, &addr, in_ms(t, 5000), &io), -ENOENT);
}

static void connect_fails_by_name(void **state)
{
	(void)state;
	run_task(refuse, NULL);
}

enum {
	QUEUED_MAX = 8
};

/* A listener whose queue is full does not answer. */
static void never_connect(struct task *t, void *arg)
{
	struct io_listen_cfg cfg = { .backlog = 1 };
	struct io *listener, *io[QUEUED_MAX];
	struct io_addr addr;
	size_t n = 0;
	int r = 0;

	(void)arg;
	assert_int_equal(io_addr_parse(STR("127.0.0.1"), 0, &cfg.addr), 0);
	assert_int_equal(io_listen(task_loop(t), &cfg, &listener), 0);
	io_local_addr(listener, &addr);
	while (n < QUEUED_MAX && r == 0) {
		r = io_connect(t, &addr, in_ms(t, 30), &io[n]);
		n += r == 0;
	}
	check_int("times out", r, -ETIMEDOUT);
	while (n > 0)
		io_close(io[--n]);
	io_close(listener);
}

static void connect_times_out(void **state)
{
	(void)state;
	run_task(never_connect, NULL);
}

static void option_is_set(struct task *t, void *arg)
{
	struct io_addr addr;
	struct io *a, *b;

	(void)arg;
	connect_pair(t, &a, &b);
	io_peer_addr(a, &addr);
	check_int("family", addr.sa.sa_family, AF_INET);
	io_close(a);
	io_close(b);
	io_close(NULL);
}

static void addresses_of_both_ends(void **state)
{
	(void)state;
	run_task(option_is_set, NULL);
}

static void adopt_refuses_what_is_no_stream(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct io *io;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(io_adopt(loop, fds[0], &io), -EINVAL);
	assert_int_equal(io_adopt(loop, -1, &io), -EINVAL);
	(void)close(fds[0]);
	(void)close(fds[1]);
	loop_free(loop);
	err_clear();
}

static void spin(struct task *t, void *arg)
{
	const struct str piece = STR("x");
	bool *stop = arg;
	struct io *a, *b;
	char c;
	size_t n;

	/* Always ready: only the turn's end lets the other task run. */
	make_pair(task_loop(t), &a, &b);
	while (!*stop) {
		assert_int_equal(io_write(t, a, &piece, 1, CLOCK_NEVER), 0);
		assert_int_equal(io_read(t, b, &c, 1, CLOCK_NEVER, &n), 0);
	}
	io_close(a);
	io_close(b);
}

static void stop_the_other(struct task *t, void *arg)
{
	assert_int_equal(task_spawn(task_loop(t), "spin", spin, arg), 0);
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	*(bool *)arg = true;
}

static void busy_tasks_take_turns(void **state)
{
	bool stop = false;

	(void)state;
	run_task(stop_the_other, &stop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_over_ipv4),
		cmocka_unit_test(streams_over_ipv6),
		cmocka_unit_test(streams_over_unix_sockets),
		cmocka_unit_test(unix_mode_is_set),
		cmocka_unit_test(large_writes_wait_for_slow_readers),
		cmocka_unit_test(every_wait_has_a_deadline),
		cmocka_unit_test(cancellation_ends_every_io_wait),
		cmocka_unit_test(hang_up_is_seen_behind_unread_bytes),
		cmocka_unit_test(a_reset_is_said_again_and_again),
		cmocka_unit_test(ready_says_whether_an_idle_stream_lives),
		cmocka_unit_test(wait_any_says_which),
		cmocka_unit_test(connect_fails_by_name),
		cmocka_unit_test(connect_times_out),
		cmocka_unit_test(addresses_of_both_ends),
		cmocka_unit_test(adopt_refuses_what_is_no_stream),
		cmocka_unit_test(busy_tasks_take_turns),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
