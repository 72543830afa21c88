#include "io/io.h"

#include "tests/unit/io/run.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_wait_has_a_deadline),
		cmocka_unit_test(cancellation_ends_every_io_wait),
		cmocka_unit_test(hang_up_is_seen_behind_unread_bytes),
		cmocka_unit_test(ready_says_whether_an_idle_stream_lives),
		cmocka_unit_test(wait_any_says_which),
	};

	return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
