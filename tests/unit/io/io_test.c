#include "io/io.h"

#include "tests/unit/io/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
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

/* The highest descriptor in use, plus one. */
static rlim_t descriptors(void)
{
	int fd = dup(STDOUT_FILENO);

	assert_true(fd >= 0);
	(void)close(fd);
	return (rlim_t)fd;
}

static void accept_full(struct task *t, void *arg)
{
	struct io *listener, *a, *b;
	struct rlimit old, low;
	struct io_addr addr;

	(void)arg;
	listener = listen_on(task_loop(t), STR("127.0.0.1"), &addr);
	assert_int_equal(io_connect(t, &addr, in_ms(t, 5000), &a), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = descriptors();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(io_accept(t, listener, in_ms(t, 5000), &b), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	/* The connection still waits, though there is no new edge. */
	assert_int_equal(io_accept(t, listener, in_ms(t, 5000), &b), 0);
	io_close(a);
	io_close(b);
	io_close(listener);
}

static void accept_goes_on_after_it_ran_out_of_descriptors(void **state)
{
	(void)state;
	run_task(accept_full, NULL);
}

static void try_to_write(struct task *t, void *arg)
{
	static char bytes[1 << 20];
	const struct str pieces[] = { { bytes, 1000 },
				      { bytes, sizeof(bytes) } };
	struct io_wait w = { .events = IO_WRITABLE };
	struct io *a, *b;
	size_t n, left;

	(void)arg;
	make_pair(task_loop(t), &a, &b);
	assert_int_equal(io_try_write(a, pieces, 2, &n), 0);
	assert_true(n > 0 && n < 1000 + sizeof(bytes));
	check_int("not writable", io_ready(a) & IO_WRITABLE, 0);
	left = n;
	assert_int_equal(io_try_write(a, pieces, 2, &n), 0);
	check_int("full", n, 0);
	check_int("counted", io_bytes_out(a), left);
	for (; left > 0; left -= n)
		assert_int_equal(io_try_read(b, bytes, sizeof(bytes), &n), 0);
	w.io = a;
	assert_int_equal(io_wait_any(t, &w, 1, in_ms(t, 5000)), 0);
	check_int("writable again", w.ready, IO_WRITABLE);
	io_close(a);
	io_close(b);
}

static void try_write_takes_what_fits(void **state)
{
	(void)state;
	run_task(try_to_write, NULL);
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
		cmocka_unit_test(a_reset_is_said_again_and_again),
		cmocka_unit_test(connect_fails_by_name),
		cmocka_unit_test(connect_times_out),
		cmocka_unit_test(
			accept_goes_on_after_it_ran_out_of_descriptors),
		cmocka_unit_test(try_write_takes_what_fits),
		cmocka_unit_test(addresses_of_both_ends),
		cmocka_unit_test(adopt_refuses_what_is_no_stream),
		cmocka_unit_test(busy_tasks_take_turns),
	};

	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
