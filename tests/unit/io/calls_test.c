#include "io/backend.h"

#include "tests/unit/io/run.h"

#include <stdio.h>
#include <stdlib.h>

/* The epoll back end, whose calls are counted: most of them cost a switch. */
static struct loop_backend counting;
static int reads, writes, peeks;

static int count_read(struct io *io, void *ptr, size_t cap, size_t *out_n)
{
	reads++;
	return epoll_backend.read(io, ptr, cap, out_n);
}

static int count_write(struct io *io, const struct str *pieces, size_t count,
		       size_t *out_n)
{
	writes++;
	return epoll_backend.write(io, pieces, count, out_n);
}

static bool count_peek(struct io *io)
{
	peeks++;
	return epoll_backend.peek(io);
}

static int set_up(void **state)
{
	(void)state;
	reads = 0;
	writes = 0;
	peeks = 0;
	counting = epoll_backend;
	counting.read = count_read;
	counting.write = count_write;
	counting.peek = count_peek;
	return 0;
}

static void run_counting(void (*fn)(struct task *t, void *arg))
{
	struct loop_cfg cfg = { .backend = &counting };

	run_in(loop_new(&cfg), fn, NULL);
}

static void read_short(struct task *t, void *arg)
{
	struct io *a, *b;
	char bytes[8];
	size_t n;

	(void)arg;
	make_pair(task_loop(t), &a, &b);
	assert_int_equal(io_write(t, a, &STR("123"), 1, CLOCK_NEVER), 0);
	assert_int_equal(io_read(t, b, bytes, sizeof(bytes), CLOCK_NEVER, &n),
			 0);
	check_int("bytes", n, 3);
	assert_int_equal(io_try_read(b, bytes, sizeof(bytes), &n), -EAGAIN);
	check_int("the second read needs no call", reads, 1);
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	assert_int_equal(io_try_read(b, bytes, sizeof(bytes), &n), -EAGAIN);
	check_int("nor does it later", reads, 1);
	check_int("nor is it looked into", io_ready(b), IO_WRITABLE);
	check_int("peeks", peeks, 0);
	io_close(a);
	io_close(b);
}

static void a_short_read_says_that_it_is_drained(void **state)
{
	(void)state;
	run_counting(read_short);
}

static void read_full(struct task *t, void *arg)
{
	struct io *a, *b;
	char bytes[8];
	size_t n;

	(void)arg;
	make_pair(task_loop(t), &a, &b);
	assert_int_equal(io_write(t, a, &STR("1234"), 1, CLOCK_NEVER), 0);
	assert_int_equal(io_read(t, b, bytes, 4, CLOCK_NEVER, &n), 0);
	assert_int_equal(io_try_read(b, bytes, 4, &n), -EAGAIN);
	check_int("only a call can tell", reads, 2);
	assert_int_equal(io_try_read(b, bytes, 4, &n), -EAGAIN);
	check_int("but once", reads, 2);

	assert_int_equal(io_write(t, a, &STR("1234"), 1, CLOCK_NEVER), 0);
	assert_int_equal(io_read(t, b, bytes, 4, in_ms(t, 5000), &n), 0);
	check_int("nothing is left", io_ready(b), IO_WRITABLE);
	check_int("nothing is left", io_ready(b), IO_WRITABLE);
	check_int("looked once", peeks, 1);
	assert_int_equal(io_try_read(b, bytes, 4, &n), -EAGAIN);
	check_int("and known from then on", reads, 3);
	io_close(a);
	io_close(b);
}

static void after_a_full_read_it_is_asked_once(void **state)
{
	(void)state;
	run_counting(read_full);
}

static void leave_some(struct task *t, void *arg)
{
	struct io *a, *b;
	char bytes[8];
	size_t n;

	(void)arg;
	make_pair(task_loop(t), &a, &b);
	assert_int_equal(io_write(t, a, &STR("12345"), 1, CLOCK_NEVER), 0);
	assert_int_equal(io_read(t, b, bytes, 4, CLOCK_NEVER, &n), 0);
	check_int("one is left", io_ready(b), IO_WRITABLE | IO_READABLE);
	check_int("one is left", io_ready(b), IO_WRITABLE | IO_READABLE);
	check_int("looked once", peeks, 1);
	io_close(a);
	io_close(b);
}

static void what_is_left_is_known_after_one_look(void **state)
{
	(void)state;
	run_counting(leave_some);
}

static void read_to_end(struct task *t, void *arg)
{
	struct io *a, *b;
	char bytes[8];
	size_t n;

	(void)arg;
	make_pair(task_loop(t), &a, &b);
	assert_int_equal(io_write(t, a, &STR("123"), 1, CLOCK_NEVER), 0);
	io_close(a);
	/* The loop hears of bytes and end in one event. */
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	assert_int_equal(io_try_read(b, bytes, 8, &n), 0);
	check_int("bytes", n, 3);
	assert_int_equal(io_try_read(b, bytes, 8, &n), 0);
	check_int("the end, with no further event", n, 0);
	io_close(b);

	/* The reader is first to see the end: no round went by. */
	make_pair(task_loop(t), &a, &b);
	io_close(a);
	assert_int_equal(io_try_read(b, bytes, 8, &n), 0);
	check_int("the end", n, 0);
	assert_true(io_ready(b) & IO_HUNG_UP);
	io_close(b);
}

static void the_end_is_read_behind_a_short_read(void **state)
{
	(void)state;
	run_counting(read_to_end);
}

static void write_short(struct task *t, void *arg)
{
	static char bytes[1 << 20];
	const struct str big = { bytes, sizeof(bytes) };
	const struct str none[2] = { { 0 } };
	struct io *a, *b;
	size_t n;

	(void)arg;
	make_pair(task_loop(t), &a, &b);
	assert_int_equal(io_write(t, a, none, 2, CLOCK_NEVER), 0);
	assert_int_equal(io_try_write(a, none, 2, &n), 0);
	check_int("nothing needs no call", writes, 0);
	assert_int_equal(io_write(t, a, &STR("12"), 1, CLOCK_NEVER), 0);
	check_int("one call", writes, 1);
	assert_true(io_ready(a) & IO_WRITABLE);
	assert_int_equal(io_try_write(a, &big, 1, &n), 0);
	assert_true(n < sizeof(bytes));
	check_int("another", writes, 2);
	assert_int_equal(io_try_write(a, &big, 1, &n), 0);
	check_int("it is full", n, 0);
	check_int("which is known", writes, 2);
	io_close(a);
	io_close(b);
}

static void a_short_write_says_that_it_is_full(void **state)
{
	(void)state;
	run_counting(write_short);
}

static void accept_later(struct task *t, void *arg)
{
	struct io *io;

	assert_int_equal(task_sleep(t, in_ms(t, 15)), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(io_accept(t, arg, in_ms(t, 5000), &io), 0);
		io_close(io);
	}
}

/* connect() on a UNIX socket does not wait for room in the queue. */
static void wait_for_room(struct task *t, void *arg)
{
	struct io_listen_cfg cfg = { .backlog = 1 };
	char dir[] = "/tmp/quipu-io-XXXXXX", host[64];
	struct io *listener, *io[3];
	int r;

	(void)arg;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(host, sizeof(host), "unix:%s/sock", dir);
	assert_int_equal(io_addr_parse(str_of(host), 0, &cfg.addr), 0);
	assert_int_equal(io_listen(task_loop(t), &cfg, &listener), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(io_connect(t, &cfg.addr, CLOCK_NEVER, &io[i]),
				 0);
	}
	r = io_connect(t, &cfg.addr, in_ms(t, 3), &io[2]);
	check_int("full", r, -ETIMEDOUT);
	assert_int_equal(task_spawn(task_loop(t), "a", accept_later, listener),
			 0);
	assert_int_equal(io_connect(t, &cfg.addr, in_ms(t, 5000), &io[2]), 0);
	for (int i = 0; i < 3; i++)
		io_close(io[i]);
	while (loop_task_count(task_loop(t)) > 1)
		assert_int_equal(task_yield(t), 0);
	io_close(listener);
	(void)unlink(cfg.addr.un.sun_path);
	(void)rmdir(dir);
}

static void connect_waits_for_room_in_a_unix_queue(void **state)
{
	(void)state;
	run_counting(wait_for_room);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(a_short_read_says_that_it_is_drained),
		TEST(after_a_full_read_it_is_asked_once),
		TEST(what_is_left_is_known_after_one_look),
		TEST(the_end_is_read_behind_a_short_read),
		TEST(a_short_write_says_that_it_is_full),
		TEST(connect_waits_for_room_in_a_unix_queue),
	};

	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
