#include "io/loop.h"

#include "tests/unit/io/run.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	THREADS = 4,
	POSTS = 5000
};

struct post {
	int thread, number;
};

struct poster {
	struct loop *loop;
	pthread_t thread;
	int id;
};

static int next_number[THREADS];
static size_t post_count;
static struct task *waiter;
static struct task_event all_posted;

static void count_post(struct loop *loop, void *arg)
{
	struct post *p = arg;

	(void)loop;
	assert_null(task_self());
	check_int("in order", p->number, next_number[p->thread]++);
	free(p);
	if (++post_count == (size_t)THREADS * POSTS)
		task_event_set(&all_posted);
}

static void *post_many(void *arg)
{
	struct poster *me = arg;

	for (int i = 0; i < POSTS; i++) {
		struct post *p = xmalloc(sizeof(*p));

		*p = (struct post){ me->id, i };
		loop_post(me->loop, count_post, p);
		if (i % 64 == 0)
			block_us(1);
	}
	return NULL;
}

static void start_posters(struct poster *posters, struct loop *loop)
{
	memset(next_number, 0, sizeof(next_number));
	post_count = 0;
	for (int i = 0; i < THREADS; i++) {
		posters[i].loop = loop;
		posters[i].id = i;
		assert_int_equal(pthread_create(&posters[i].thread, NULL,
						post_many, &posters[i]),
				 0);
	}
}

static void end_posters(struct poster *posters)
{
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(posters[i].thread, NULL), 0);
}

static void wait_for_posts(struct task *t, void *arg)
{
	struct poster posters[THREADS];

	(void)arg;
	task_event_init(&all_posted);
	start_posters(posters, task_loop(t));
	assert_int_equal(task_event_wait(t, &all_posted, in_ms(t, 60000)), 0);
	end_posters(posters);
}

static void posts_of_many_threads_arrive_in_order(void **state)
{
	(void)state;
	run_task(wait_for_posts, NULL);
	check_int("all", post_count, THREADS * POSTS);
}

static void posts_after_the_end_are_still_called(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct poster posters[THREADS];

	(void)state;
	task_event_init(&all_posted);
	start_posters(posters, loop);
	loop_run(loop);
	end_posters(posters);
	loop_free(loop);
	check_int("all", post_count, THREADS * POSTS);
}

static int64_t cpu_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

/* Busy for so long after an event, asleep from then on. */
static void wait_busily(struct task *t, void *arg)
{
	int64_t start = cpu_ns(), waited = task_now(t);
	struct io *a, *b;

	(void)arg;
	make_pair(task_loop(t), &a, &b);
	assert_int_equal(io_write(t, a, &STR("x"), 1, CLOCK_NEVER), 0);
	assert_int_equal(task_sleep(t, in_ms(t, 300)), 0);
	waited = task_now(t) - waited;
	assert_true(waited >= 300 * CLOCK_MS);
	assert_true(cpu_ns() - start >= 5 * CLOCK_MS);
	assert_true(cpu_ns() - start < 200 * CLOCK_MS);
	io_close(a);
	io_close(b);
}

static void busy_polling_ends(void **state)
{
	(void)state;
	run_in(loop_new(&(struct loop_cfg){ .busy_poll_ns = 40 * CLOCK_MS }),
	       wait_busily, NULL);
}

struct last {
	struct loop *loop;
	struct task_event done;
};

static void set_event(struct loop *loop, void *arg)
{
	(void)loop;
	task_event_set(arg);
}

static void *post_once(void *arg)
{
	struct last *last = arg;

	loop_post(last->loop, set_event, &last->done);
	return NULL;
}

static void wait_for_post(struct task *t, void *arg)
{
	struct last *last = arg;

	assert_int_equal(task_event_wait(t, &last->done, in_ms(t, 10000)), 0);
}

/* What is posted ends the last task while loop_post() has yet to return. */
static void a_poster_may_be_late_to_leave(void **state)
{
	struct last last;
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 200; i++) {
		last.loop = loop_new(NULL);
		task_event_init(&last.done);
		assert_int_equal(pthread_create(&thread, NULL, post_once,
						&last),
				 0);
		run_in(last.loop, wait_for_post, &last);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

static void set_flag(struct task *t, void *arg)
{
	assert_true(task_is_cancelled(t));
	*(bool *)arg = true;
}

static void spawn_from_post(struct loop *loop, void *arg)
{
	assert_int_equal(task_spawn(loop, "late", set_flag, arg), 0);
}

static void a_task_that_is_started_at_the_end_runs_cancelled(void **state)
{
	struct loop *loop = loop_new(NULL);
	bool ran = false;

	(void)state;
	loop_post(loop, spawn_from_post, &ran);
	loop_free(loop);
	assert_true(ran);
}

static void wait_long(struct task *t, void *arg)
{
	waiter = t;
	task_note(t, "reading the body of", STR("req_42"));
	*(int *)arg = task_sleep(t, CLOCK_NEVER);
}

static void stop_later(struct task *t, void *arg)
{
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	loop_stop(task_loop(t));
	*(int *)arg = task_yield(t);
}

static void stop_leaves_tasks_as_they_are(void **state)
{
	struct loop *loop = loop_new(NULL);
	int a = 1, b = 1;

	(void)state;
	assert_int_equal(task_spawn(loop, "long", wait_long, &a), 0);
	assert_int_equal(task_spawn(loop, "stop", stop_later, &b), 0);
	loop_run(loop);
	check_int("both live", loop_task_count(loop), 2);
	check_int("not woken", a, 1);
	check_int("in its yield", b, 1);
	task_cancel(waiter);
	loop_free(loop);
	check_int("cancelled", a, -ECANCELED);
	check_int("cancelled", b, -ECANCELED);
	err_clear();
}

static void stop_by_post(struct loop *loop, void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static void *stop_from_thread(void *arg)
{
	block_us(2000);
	loop_post(arg, stop_by_post, NULL);
	return NULL;
}

static void a_post_wakes_a_loop_that_sleeps(void **state)
{
	struct loop *loop = loop_new(NULL);
	pthread_t thread;
	int r = 1;

	(void)state;
	assert_int_equal(task_spawn(loop, "long", wait_long, &r), 0);
	assert_int_equal(pthread_create(&thread, NULL, stop_from_thread, loop),
			 0);
	loop_run(loop);
	check_int("not woken", r, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	loop_free(loop);
	err_clear();
}

static void read_for_ever(struct task *t, void *arg)
{
	char c;
	size_t n;
	int r = io_read(t, arg, &c, 1, CLOCK_NEVER, &n);

	assert_int_equal(r, -ECANCELED);
	io_close(arg);
}

static void dump_all(struct task *t, void *arg)
{
	struct loop *loop = task_loop(t);
	struct io_addr addr;
	struct io *listener, *a, *b;

	listener = listen_on(loop, STR("127.0.0.1"), &addr);
	assert_int_equal(io_connect(t, &addr, CLOCK_NEVER, &a), 0);
	assert_int_equal(io_accept(t, listener, CLOCK_NEVER, &b), 0);
	assert_int_equal(task_spawn(loop, "conn", read_for_ever, a), 0);
	assert_int_equal(task_sleep(t, in_ms(t, 3)), 0);
	loop_dump(loop, arg);
	loop_cancel_all(loop);
	io_close(b);
	io_close(listener);
}

static bool has(struct str text, const char *what)
{
	return str_find(text, str_of(what)) < text.len;
}

static void dump_says_what_every_task_does(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct str text;
	struct buf out;
	int r = 1;

	(void)state;
	buf_init(&out, 4096);
	assert_int_equal(task_spawn(loop, "long", wait_long, &r), 0);
	run_in(loop, dump_all, &out);
	text = buf_str(&out);
	assert_true(
		has(text, "long: reading the body of req_42 in sleep for "));
	assert_true(has(text, "main running\n"));
	assert_true(has(text, "conn in io_read on 127.0.0.1:"));
	assert_true(has(text, " ms\n"));
	buf_fini(&out);
	err_clear();
}

static void dump_keeps_to_the_limit(void **state)
{
	struct loop *loop = loop_new(NULL);
	struct buf out;
	int r = 1;

	(void)state;
	buf_init(&out, 40);
	for (int i = 0; i < 3; i++)
		assert_int_equal(task_spawn(loop, "task", wait_long, &r), 0);
	loop_dump(loop, &out);
	check_str("one line", buf_str(&out), STR("task in start for 0 ms\n"));
	buf_fini(&out);
	loop_free(loop);
	err_clear();
}

static void a_slot_for_the_owner(void **state)
{
	struct loop *loop = loop_new(NULL);
	int mine;

	(void)state;
	assert_null(loop_user(loop));
	loop_set_user(loop, &mine);
	assert_ptr_equal(loop_user(loop), &mine);
	assert_true(loop_now(loop) > 0);
	loop_free(loop);
	loop_free(NULL);
}

static void look_at_clocks(struct task *t, void *arg)
{
	int64_t wall = task_wall(t);

	(void)arg;
	assert_true(wall > 1600000000 * CLOCK_S);
	assert_int_equal(task_wall(t), wall);
	assert_int_equal(task_now(t), loop_now(task_loop(t)));
	assert_int_equal(task_sleep(t, in_ms(t, 5)), 0);
	assert_true(task_wall(t) > wall);
}

static void clocks_stand_still_within_a_round(void **state)
{
	(void)state;
	run_task(look_at_clocks, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posts_of_many_threads_arrive_in_order),
		cmocka_unit_test(posts_after_the_end_are_still_called),
		cmocka_unit_test(a_poster_may_be_late_to_leave),
		cmocka_unit_test(
			a_task_that_is_started_at_the_end_runs_cancelled),
		cmocka_unit_test(stop_leaves_tasks_as_they_are),
		cmocka_unit_test(busy_polling_ends),
		cmocka_unit_test(a_post_wakes_a_loop_that_sleeps),
		cmocka_unit_test(dump_says_what_every_task_does),
		cmocka_unit_test(dump_keeps_to_the_limit),
		cmocka_unit_test(a_slot_for_the_owner),
		cmocka_unit_test(clocks_stand_still_within_a_round),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
