#include "io/offload.h"

#include "tests/unit/io/run.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Jobs that were freed because nobody waited any more. */
static atomic_int freed;
static atomic_int ran;
/* Jobs do not end while it is closed. */
static atomic_bool gate_open;

struct job {
	struct offload_work work;
	bool wait;
	int result;
};

static void run_job(struct offload_work *w)
{
	struct job *job = (struct job *)(void *)w;

	assert_null(task_self());
	while (job->wait && !atomic_load(&gate_open))
		block_us(200);
	job->result = 42;
	atomic_fetch_add(&ran, 1);
}

static void free_job(struct offload_work *w)
{
	atomic_fetch_add(&freed, 1);
	free(w);
}

static struct job *make_job(bool wait)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->work.run = run_job;
	job->work.free = free_job;
	job->wait = wait;
	return job;
}

static int set_up(void **state)
{
	(void)state;
	atomic_store(&freed, 0);
	atomic_store(&ran, 0);
	atomic_store(&gate_open, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	atomic_store(&gate_open, true);
	offload_stop();
	err_clear();
	return 0;
}

static void run_one(struct task *t, void *arg)
{
	struct job *job = make_job(false);

	assert_int_equal(offload_run(t, &job->work, in_ms(t, 10000)), 0);
	assert_int_equal(job->result, 42);
	assert_ptr_equal(task_self(), t);
	++*(size_t *)arg;
	free(job);
}

static void run_many(struct task *t, void *arg)
{
	for (int i = 0; i < 200; i++) {
		assert_int_equal(task_spawn(task_loop(t), "one", run_one, arg),
				 0);
	}
}

static void jobs_run_on_threads(void **state)
{
	size_t done = 0;

	(void)state;
	run_task(run_many, &done);
	check_int("all", done, 200);
	check_int("none was given away", atomic_load(&freed), 0);
}

static void stop_waiting(struct task *t, void *arg)
{
	struct job *job = make_job(true);

	(void)arg;
	assert_int_equal(offload_run(t, &job->work, in_ms(t, 5)), -ETIMEDOUT);
	check_int("still running", atomic_load(&freed), 0);
}

static void a_job_that_timed_out_is_freed_after_it_ran(void **state)
{
	(void)state;
	run_task(stop_waiting, NULL);
	atomic_store(&gate_open, true);
	offload_stop();
	check_int("it ran", atomic_load(&ran), 1);
	check_int("and was freed", atomic_load(&freed), 1);
}

static void wait_cancelled(struct task *t, void *arg)
{
	struct job *job = make_job(true);

	*(int *)arg = offload_run(t, &job->work, CLOCK_NEVER);
}

static void cancel_one(struct task *t, void *arg)
{
	struct task_group g;

	task_group_init(&g);
	assert_int_equal(task_group_spawn(t, &g, "w", wait_cancelled, arg), 0);
	assert_int_equal(task_sleep(t, in_ms(t, 3)), 0);
	task_group_cancel(&g);
	task_group_join(t, &g, CLOCK_NEVER);
}

static void a_job_outlives_the_loop_of_a_cancelled_task(void **state)
{
	int r = 1;

	(void)state;
	run_task(cancel_one, &r);
	check_int("cancelled", r, -ECANCELED);
	check_int("still running", atomic_load(&freed), 0);
	atomic_store(&gate_open, true);
	offload_stop();
	check_int("freed", atomic_load(&freed), 1);
}

/* Deadlines at every distance from the job's end. */
static void race(struct task *t, void *arg)
{
	size_t *counts = arg;

	for (int i = 0; i < 400; i++) {
		struct job *job = make_job(false);
		int64_t until = task_now(t) + 1 + i * 250;
		int r = offload_run(t, &job->work, until);

		assert_true(r == 0 || r == -ETIMEDOUT);
		if (r == 0) {
			assert_int_equal(job->result, 42);
			free(job);
		}
		counts[r == 0]++;
		assert_int_equal(task_yield(t), 0);
	}
}

static void the_end_may_race_with_the_deadline(void **state)
{
	size_t counts[2] = { 0, 0 };

	(void)state;
	run_task(race, counts);
	offload_stop();
	check_int("each ends once", counts[0] + counts[1], 400);
	check_int("given away", atomic_load(&freed), counts[0]);
	check_int("each ran", atomic_load(&ran), 400);
}

static void run_slow(struct task *t, void *arg)
{
	struct job *job = make_job(true);

	job->work.is_slow = true;
	*(int *)arg = offload_run(t, &job->work, CLOCK_NEVER);
	free(job);
}

/* Slow ones, of which some must wait, and one that is not slow behind them. */
static void run_beside_slow(struct task *t, void *arg)
{
	enum {
		SLOW = 2 * OFFLOAD_THREADS
	};
	static int r[SLOW];
	struct job *job = make_job(false);

	(void)arg;
	for (int i = 0; i < SLOW; i++) {
		r[i] = 1;
		assert_int_equal(task_spawn(task_loop(t), "slow", run_slow,
					    &r[i]),
				 0);
	}
	assert_int_equal(task_sleep(t, in_ms(t, 1)), 0);
	assert_int_equal(offload_run(t, &job->work, in_ms(t, 10000)), 0);
	check_int("the only one that ran", atomic_load(&ran), 1);
	free(job);
	atomic_store(&gate_open, true);
	for (int i = 0; i < SLOW; i++) {
		while (r[i] == 1)
			assert_int_equal(task_sleep(t, in_ms(t, 1)), 0);
		check_int("each ran", r[i], 0);
	}
}

static void slow_jobs_leave_room_for_others(void **state)
{
	(void)state;
	run_task(run_beside_slow, NULL);
	check_int("all", atomic_load(&ran), 1 + 2 * OFFLOAD_THREADS);
	check_int("none was given away", atomic_load(&freed), 0);
}

static void fill(struct task *t, void *arg)
{
	*(int *)arg = offload_run(t, &make_job(true)->work, in_ms(t, 200));
}

static void overfill(struct task *t, void *arg)
{
	enum {
		FULL = OFFLOAD_QUEUE_MAX + OFFLOAD_THREADS
	};
	static int r[FULL];
	struct job *job = make_job(true);

	(void)arg;
	for (int i = 0; i < FULL; i++) {
		assert_int_equal(task_spawn(task_loop(t), "fill", fill, &r[i]),
				 0);
		/* So that the threads take the first ones. */
		if (i < OFFLOAD_THREADS)
			assert_int_equal(task_sleep(t, in_ms(t, 20)), 0);
	}
	assert_int_equal(task_yield(t), 0);
	assert_int_equal(task_yield(t), 0);
	assert_int_equal(offload_run(t, &job->work, CLOCK_NEVER), -EAGAIN);
	free(job);
}

static void a_full_queue_takes_no_more(void **state)
{
	(void)state;
	run_task(overfill, NULL);
	atomic_store(&gate_open, true);
	offload_stop();
	check_int("all that were taken ran", atomic_load(&ran),
		  OFFLOAD_QUEUE_MAX + OFFLOAD_THREADS);
}

static void a_cancelled_task(struct task *t, void *arg)
{
	struct job *job = make_job(false);

	(void)arg;
	task_cancel(t);
	/* Either way the job is not lost. */
	if (offload_run(t, &job->work, CLOCK_NEVER) == 0)
		free(job);
}

static void a_job_of_a_cancelled_task_is_not_lost(void **state)
{
	(void)state;
	run_task(a_cancelled_task, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(slow_jobs_leave_room_for_others),
		TEST(jobs_run_on_threads),
		TEST(a_job_that_timed_out_is_freed_after_it_ran),
		TEST(a_job_outlives_the_loop_of_a_cancelled_task),
		TEST(the_end_may_race_with_the_deadline),
		TEST(a_full_queue_takes_no_more),
		TEST(a_job_of_a_cancelled_task_is_not_lost),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
