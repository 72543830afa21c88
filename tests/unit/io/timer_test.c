#include "io/timer.h"

#include "base/rand.h"

#include "tests/unit/table.h"

enum {
	COUNT = 500
};

struct model {
	struct timer_heap heap;
	struct timer timers[COUNT];
	int64_t want[COUNT]; /* CLOCK_NEVER: not armed */
	int64_t now;
};

static void timers_fire_in_order(void **state)
{
	static const int64_t at[] = { 5, 3, 9, 3, 1, 7, 100, 2 };
	static const int64_t want[] = { 1, 2, 3, 3, 5, 7, 9, 100 };
	struct timer timers[countof(at)];
	struct timer_heap heap = { 0 };

	(void)state;
	check_int("nothing armed", timer_next(&heap), CLOCK_NEVER);
	assert_null(timer_expire(&heap, INT64_MAX - 1));
	for (size_t i = 0; i < countof(at); i++) {
		timer_init(&timers[i]);
		timer_arm(&heap, &timers[i], at[i]);
	}
	for (size_t i = 0; i < countof(want); i++) {
		struct timer *t;

		check_int("next", timer_next(&heap), want[i]);
		assert_null(timer_expire(&heap, want[i] - 1));
		t = timer_expire(&heap, want[i]);
		assert_non_null(t);
		check_int("which", at[t - timers], want[i]);
	}
	check_int("all gone", heap.len, 0);
	timer_heap_fini(&heap);
}

static void a_later_deadline_costs_nothing_until_the_key_comes(void **state)
{
	struct timer_heap heap = { 0 };
	struct timer t;

	(void)state;
	timer_init(&t);
	timer_arm(&heap, &t, 10);
	timer_disarm(&t);
	timer_arm(&heap, &t, 20);
	check_int("the key stays", heap.slots[0].key_ns, 10);
	check_int("so this is early", timer_next(&heap), 10);
	assert_null(timer_expire(&heap, 10));
	check_int("the key moved", timer_next(&heap), 20);
	timer_arm(&heap, &t, 12);
	check_int("sooner is at once", timer_next(&heap), 12);
	timer_disarm(&t);
	check_int("disarmed only", heap.len, 1);
	assert_null(timer_expire(&heap, 12));
	check_int("now it is out", heap.len, 0);
	timer_arm(&heap, &t, CLOCK_NEVER);
	check_int("never", heap.len, 0);
	timer_drop(&heap, &t);
	timer_heap_fini(&heap);
}

/* Arm, disarm or drop one at random. */
static void change(struct model *m)
{
	size_t i = (size_t)rand_below(COUNT);
	int64_t at = m->now + 1 + (int64_t)rand_below(1000);

	switch (rand_below(4)) {
	case 0:
		timer_disarm(&m->timers[i]);
		m->want[i] = CLOCK_NEVER;
		return;
	case 1:
		timer_drop(&m->heap, &m->timers[i]);
		timer_init(&m->timers[i]);
		m->want[i] = CLOCK_NEVER;
		return;
	default:
		timer_arm(&m->heap, &m->timers[i], at);
		m->want[i] = at;
	}
}

static int64_t soonest(const struct model *m)
{
	int64_t best = CLOCK_NEVER;

	for (size_t i = 0; i < COUNT; i++)
		best = m->want[i] < best ? m->want[i] : best;
	return best;
}

static void expire(struct model *m)
{
	struct timer *t;

	while ((t = timer_expire(&m->heap, m->now)) != NULL) {
		int64_t *want = &m->want[t - m->timers];

		assert_true(*want <= m->now);
		check_int("the soonest first", *want, soonest(m));
		*want = CLOCK_NEVER;
	}
	assert_true(soonest(m) > m->now);
	assert_true(timer_next(&m->heap) > m->now);
}

static void the_heap_agrees_with_a_plain_search(void **state)
{
	static struct model m;

	(void)state;
	rand_seed(11);
	for (size_t i = 0; i < COUNT; i++) {
		timer_init(&m.timers[i]);
		m.want[i] = CLOCK_NEVER;
	}
	for (int round = 0; round < 3000; round++) {
		for (int i = 0; i < 20; i++)
			change(&m);
		assert_true(timer_next(&m.heap) <= soonest(&m));
		m.now += (int64_t)rand_below(30);
		expire(&m);
	}
	for (size_t i = 0; i < COUNT; i++)
		timer_drop(&m.heap, &m.timers[i]);
	timer_heap_fini(&m.heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order),
		cmocka_unit_test(
			a_later_deadline_costs_nothing_until_the_key_comes),
		cmocka_unit_test(the_heap_agrees_with_a_plain_search),
	};

	return cmocka_run_group_tests_name("timer", tests, NULL, NULL);
}
