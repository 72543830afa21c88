#include "io/loop.h"
#include "io/task.h"

#include "tests/unit/io/run.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* What ran, in order. */
static struct buf trail;

static void note(const char *text)
{
	assert_int_equal(buf_printf(&trail, "%s ", text), 0);
}

static int start_trail(void **state)
{
	(void)state;
	buf_init(&trail, 4096);
	return 0;
}

static int end_trail(void **state)
{
	(void)state;
	buf_fini(&trail);
	return 0;
}

static void say_twice(struct task *t, void *arg)
{
	note(arg);
	assert_int_equal(task_yield(t), 0);
	note(arg);
}

static void start_three(struct task *t, void *arg)
{
	static char names[3][2] = { "a", "b", "c" };

	(void)arg;
	assert_ptr_equal(task_self(), t);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(task_spawn(task_loop(t), "child", say_twice,
					    names[i]),
				 0);
	}
	note("parent");
}

static void tasks_run_in_the_order_of_starting(void **state)
{
	(void)state;
	run_task(start_three, NULL);
	assert_null(task_self());
	check_str("order", buf_str(&trail), STR("parent a b c a b c "));
}

static void sleep_a_while(struct task *t, void *arg)
{
	static const int64_t us[] = { 0, 100, 1000, 1500, 20000 };

	(void)arg;
	for (size_t i = 0; i < countof(us); i++) {
		int64_t until = task_now(t) + us[i] * CLOCK_US;
		int64_t late;

		assert_int_equal(task_sleep(t, until), 0);
		late = task_now(t) - until;
		assert_true(late >= 0);
		/* Far more than the promised 1 ms: the machine is shared. */
		assert_true(late < 500 * CLOCK_MS);
	}
	assert_int_equal(err_text().len, 0);
}

static void sleep_ends_after_the_deadline(void **state)
{
	(void)state;
	run_task(sleep_a_while, NULL);
}

struct sleeper {
	int ms;
	char name[4];
};

static void sleep_and_note(struct task *t, void *arg)
{
	struct sleeper *s = arg;

	assert_int_equal(task_sleep(t, in_ms(t, s->ms)), 0);
	note(s->name);
}

static void start_sleepers(struct task *t, void *arg)
{
	static struct sleeper s[] = {
		{ 60, "60" }, { 20, "20" }, { 40, "40" }, { 1, "1" }
	};

	(void)arg;
	for (size_t i = 0; i < countof(s); i++) {
		assert_int_equal(task_spawn(task_loop(t), "s", sleep_and_note,
					    &s[i]),
				 0);
	}
}

static void sleepers_wake_in_the_order_of_deadlines(void **state)
{
	(void)state;
	run_task(start_sleepers, NULL);
	check_str("order", buf_str(&trail), STR("1 20 40 60 "));
}

static void cancelled_before(struct task *t, void *arg)
{
	struct task_event e;

	(void)arg;
	task_event_init(&e);
	task_event_set(&e);
	task_cancel(t);
	assert_true(task_is_cancelled(t));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(task_sleep(t, in_ms(t, 1000)), -ECANCELED);
		assert_int_equal(task_sleep(t, 0), -ECANCELED);
		assert_int_equal(task_yield(t), -ECANCELED);
		assert_int_equal(task_event_wait(t, &e, CLOCK_NEVER),
				 -ECANCELED);
	}
}

static void cancellation_is_sticky(void **state)
{
	(void)state;
	run_task(cancelled_before, NULL);
}

static void sleep_for_ever(struct task *t, void *arg)
{
	*(int *)arg = task_sleep(t, CLOCK_NEVER);
}

static void yield_for_ever(struct task *t, void *arg)
{
	do {
		*(int *)arg = task_yield(t);
	} while (*(int *)arg == 0);
}

static void wait_for_ever(struct task *t, void *arg)
{
	struct task_event e;

	task_event_init(&e);
	*(int *)arg = task_event_wait(t, &e, CLOCK_NEVER);
	assert_true(list_is_empty(&e.waiters));
}

static void cancel_waiting(struct task *t, void *arg)
{
	void (*const fns[])(struct task *, void *) = { sleep_for_ever,
						       yield_for_ever,
						       wait_for_ever };
	struct task_group g;
	int r[countof(fns)];

	(void)arg;
	task_group_init(&g);
	for (size_t i = 0; i < countof(fns); i++) {
		r[i] = 1;
		assert_int_equal(task_group_spawn(t, &g, "w", fns[i], &r[i]),
				 0);
	}
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	assert_int_equal(g.running, countof(fns));
	task_group_cancel(&g);
	task_group_join(t, &g, CLOCK_NEVER);
	for (size_t i = 0; i < countof(fns); i++)
		assert_int_equal(r[i], -ECANCELED);
}

static void cancellation_ends_every_wait(void **state)
{
	(void)state;
	run_task(cancel_waiting, NULL);
}

static void join_at_deadline(struct task *t, void *arg)
{
	struct task_group g;
	int r = 1;

	(void)arg;
	task_group_init(&g);
	assert_int_equal(task_group_spawn(t, &g, "w", sleep_for_ever, &r), 0);
	task_group_join(t, &g, in_ms(t, 3));
	assert_int_equal(g.running, 0);
	assert_int_equal(r, -ECANCELED);
	assert_false(task_is_cancelled(t));
}

static void join_cancels_at_its_deadline(void **state)
{
	(void)state;
	run_task(join_at_deadline, NULL);
}

/* Does not end at once when it is cancelled. */
static void leave_slowly(struct task *t, void *arg)
{
	int r = task_sleep(t, CLOCK_NEVER);

	assert_int_equal(r, -ECANCELED);
	*(int *)arg = r;
}

static void join_for_ever(struct task *t, void *arg)
{
	struct task_group g;
	int r = 1;

	task_group_init(&g);
	assert_int_equal(task_group_spawn(t, &g, "w", leave_slowly, &r), 0);
	task_group_join(t, &g, CLOCK_NEVER);
	assert_int_equal(r, -ECANCELED);
	assert_true(task_is_cancelled(t));
	*(bool *)arg = true;
}

static void cancel_the_parent(struct task *t, void *arg)
{
	struct task_group g;
	bool joined = false;

	(void)arg;
	task_group_init(&g);
	assert_int_equal(task_group_spawn(t, &g, "p", join_for_ever, &joined),
			 0);
	assert_int_equal(task_sleep(t, in_ms(t, 2)), 0);
	task_group_cancel(&g);
	task_group_join(t, &g, CLOCK_NEVER);
	assert_true(joined);
}

static void a_cancelled_parent_takes_its_children_along(void **state)
{
	(void)state;
	run_task(cancel_the_parent, NULL);
}

static struct task_event gate;

static void pass_the_gate(struct task *t, void *arg)
{
	*(int *)arg = task_event_wait(t, &gate, in_ms(t, 2000));
}

static void open_and_close(struct task *t, void *arg)
{
	struct task_group g;
	int r[3] = { 1, 1, 1 };

	(void)arg;
	task_group_init(&g);
	task_event_init(&gate);
	for (size_t i = 0; i < countof(r); i++) {
		assert_int_equal(task_group_spawn(t, &g, "w", pass_the_gate,
						  &r[i]),
				 0);
	}
	assert_int_equal(task_yield(t), 0);
	task_event_set(&gate);
	task_event_clear(&gate);
	task_group_join(t, &g, CLOCK_NEVER);
	for (size_t i = 0; i < countof(r); i++)
		assert_int_equal(r[i], 0);
	assert_int_equal(task_event_wait(t, &gate, in_ms(t, 1)), -ETIMEDOUT);
	assert_int_equal(task_event_wait(t, &gate, task_now(t)), -ETIMEDOUT);
	task_event_set(&gate);
	assert_int_equal(task_event_wait(t, &gate, task_now(t)), 0);
}

static void an_event_wakes_all_that_wait(void **state)
{
	(void)state;
	run_task(open_and_close, NULL);
}

static void fail_with_own_text(struct task *t, void *arg)
{
	struct str id = { arg, 1 };

	context_set_request_id(id);
	assert_int_equal(err_new(-EIO, "text of %s", (char *)arg), -EIO);
	assert_int_equal(task_yield(t), 0);
	check_str("request id", context_request_id(), id);
	assert_int_equal(err_text().ptr[8], *(char *)arg);
}

static void spawn_failing(struct task *t, void *arg)
{
	static char names[2][2] = { "x", "y" };

	(void)arg;
	for (size_t i = 0; i < countof(names); i++) {
		assert_int_equal(task_spawn(task_loop(t), "f",
					    fail_with_own_text, names[i]),
				 0);
	}
}

static void errors_belong_to_their_task(void **state)
{
	(void)state;
	err_clear();
	run_task(spawn_failing, NULL);
	assert_int_equal(err_text().len, 0);
}

static void wait_then_count(struct task *t, void *arg)
{
	assert_int_equal(task_sleep(t, in_ms(t, 5)), 0);
	++*(size_t *)arg;
}

static void spawn_many(struct task *t, void *arg)
{
	size_t *counts = arg;

	for (size_t i = 0; i < counts[0]; i++) {
		assert_int_equal(task_spawn(task_loop(t), "many",
					    wait_then_count, &counts[1]),
				 0);
	}
	check_int("alive", loop_task_count(task_loop(t)), counts[0] + 1);
}

/* ThreadSanitizer keeps megabytes for each. */
#ifdef __SANITIZE_THREAD__
#define MANY_TASKS 500
#else
#define MANY_TASKS 10000
#endif

static void many_tasks_wait_together(void **state)
{
	size_t counts[2] = { MANY_TASKS, 0 };

	(void)state;
	run_task(spawn_many, counts);
	assert_int_equal(counts[1], counts[0]);
}

static void no_more_than_allowed(void **state)
{
	struct loop_cfg cfg = { .task_max = 2 };
	struct loop *loop = loop_new(&cfg);
	int r = 1;

	(void)state;
	assert_int_equal(task_spawn(loop, "1", sleep_for_ever, &r), 0);
	assert_int_equal(task_spawn(loop, "2", sleep_for_ever, &r), 0);
	assert_int_equal(task_spawn(loop, "3", sleep_for_ever, &r), -EAGAIN);
	loop_free(loop);
	assert_int_equal(r, -ECANCELED);
	err_clear();
}

/* Several pages deep, and everything is still there afterwards. */
static int dive(struct task *t, int depth)
{
	char bytes[512];

	memset(bytes, depth, sizeof(bytes));
	if (depth == 0)
		return task_yield(t);
	if (dive(t, depth - 1) < 0)
		return -1;
	return bytes[0] == depth && bytes[511] == depth ? 0 : -1;
}

static void dive_deep(struct task *t, void *arg)
{
	*(int *)arg = dive(t, 100);
}

static void stacks_are_deep_and_apart(void **state)
{
	struct loop *loop = loop_new(NULL);
	int r[20];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < countof(r); i++) {
			r[i] = 1;
			assert_int_equal(task_spawn(loop, "dive", dive_deep,
						    &r[i]),
					 0);
		}
		loop_run(loop);
		for (size_t i = 0; i < countof(r); i++)
			assert_int_equal(r[i], 0);
	}
	loop_free(loop);
}

/* Each call needs the one before, so that no compiler makes a loop of it. */
static size_t eat(const volatile char *up, size_t depth)
{
	volatile char bytes[256];

	bytes[0] = *up;
	return depth == 0 ? (size_t)bytes[0]
			  : eat(bytes, depth - 1) + (size_t)bytes[0];
}

static void overflow(struct task *t, void *arg)
{
	volatile char c = 1;

	(void)t;
	*(size_t *)arg = eat(&c, 1000);
}

static void an_overflow_ends_the_program(void **state)
{
	const struct sigaction plain = { .sa_handler = SIG_DFL };
	int status;
	size_t n;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		/* Of the sanitizers' reports nobody wants to know. */
		(void)close(STDOUT_FILENO);
		(void)close(STDERR_FILENO);
		(void)sigaction(SIGSEGV, &plain, NULL);
		run_task(overflow, &n);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* A sanitizer reports it and exits. */
	if (WIFEXITED(status))
		assert_int_not_equal(WEXITSTATUS(status), 0);
	else
		assert_int_equal(WTERMSIG(status), SIGSEGV);
}

static void nap(struct task *t, void *arg)
{
	(void)arg;
	assert_int_equal(task_sleep(t, CLOCK_NEVER), -ECANCELED);
}

/* Returns what the spawn that failed said. */
static int spawn_until_full(void)
{
	const struct rlimit limit = { 1 << 30, 1 << 30 };
	struct loop *loop = loop_new(NULL);
	int r = 0;

	if (setrlimit(RLIMIT_AS, &limit) < 0)
		return -1;
	while (r == 0)
		r = task_spawn(loop, "nap", nap, NULL);
	/* The loop goes on with what it has. */
	loop_free(loop);
	return r;
}

static void without_memory_for_a_stack_spawn_says_so(void **state)
{
	int status;
	pid_t pid;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	defined(__clang__)
	/* They need more address space than there is to limit. */
	skip();
#endif
	pid = fork();
	if (pid == 0)
		_exit(spawn_until_full() == -EAGAIN ? 0 : 1);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	check_int("status", status, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_trail, end_trail)
	const struct CMUnitTest tests[] = {
		TEST(tasks_run_in_the_order_of_starting),
		TEST(sleep_ends_after_the_deadline),
		TEST(sleepers_wake_in_the_order_of_deadlines),
		TEST(cancellation_is_sticky),
		TEST(cancellation_ends_every_wait),
		TEST(join_cancels_at_its_deadline),
		TEST(a_cancelled_parent_takes_its_children_along),
		TEST(an_event_wakes_all_that_wait),
		TEST(errors_belong_to_their_task),
		TEST(many_tasks_wait_together),
		TEST(no_more_than_allowed),
		TEST(stacks_are_deep_and_apart),
		TEST(an_overflow_ends_the_program),
		TEST(without_memory_for_a_stack_spawn_says_so),
	};

	return cmocka_run_group_tests_name("task", tests, NULL, NULL);
}
