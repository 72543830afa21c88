#include "core/session.h"

#include "tests/unit/table.h"

#include <stdio.h>

enum {
	THREADS = 4,
	TIMES = 500,
};

static struct session_set set;

static void *count_and_note(void *arg)
{
	int64_t *sum = arg;

	for (int i = 0; i < TIMES; i++) {
		struct session *s = session_get(&set, STR("one"));

		*sum += session_occurrence(&set, s, STR("key"));
		session_note(&set, s, SESSION_SERVED, STR("a.json"));
	}
	return NULL;
}

static void each_occurrence_is_given_once(void **state)
{
	int64_t sums[THREADS] = { 0 }, sum = 0, n = THREADS * TIMES;
	pthread_t threads[THREADS];
	struct session_list notes;
	struct arena a;

	(void)state;
	session_set_init(&set);
	for (int i = 0; i < THREADS; i++) {
		check_int("thread",
			  pthread_create(&threads[i], NULL, count_and_note,
					 &sums[i]),
			  0);
	}
	for (int i = 0; i < THREADS; i++) {
		(void)pthread_join(threads[i], NULL);
		sum += sums[i];
	}
	check_int("1 to n", sum, n * (n + 1) / 2);
	arena_init(&a, 1 << 20);
	notes = session_notes(&set, session_get(&set, STR("one")),
			      SESSION_SERVED, &a);
	check_int("all are counted", notes.total, n);
	check_int("some are kept", notes.count, SESSION_NOTES_MAX);
	arena_fini(&a);
	session_set_fini(&set);
}

static void names_that_are_too_many_are_one(void **state)
{
	struct session *last = NULL;
	char name[32];

	(void)state;
	session_set_init(&set);
	check_true("unknown", session_find(&set, STR("0")) == NULL);
	for (int i = 0; i < SESSIONS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		last = session_get(&set, str_of(name));
	}
	check_true("the last", last == session_get(&set, str_of(name)));
	last = session_get(&set, STR("one more"));
	check_str("others", last->name, STR("_others"));
	check_true("the same", last == session_get(&set, STR("and more")));
	session_set_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_occurrence_is_given_once),
		cmocka_unit_test(names_that_are_too_many_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
