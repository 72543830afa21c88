#include "core/choice.h"

#include "tests/unit/table.h"

#include "base/log.h"
#include "base/rand.h"

enum {
	DRAWS = 100000
};

static const struct target targets[] = {
	{ .key = STR_INIT("a/m"), .weight = 3, .priority = 2 },
	{ .key = STR_INIT("b/m"), .weight = 1, .priority = 2 },
	{ .key = STR_INIT("c/m"), .weight = 5, .priority = 7 },
	{ .key = STR_INIT("d/m"), .weight = 4, .priority = 2 },
};

/* Open the breakers of the targets whose letters are in names. */
static void open_some(struct breakers *all, const char *names)
{
	for (; *names != '\0'; names++) {
		char key[] = { *names, '/', 'm', '\0' };

		breaker_pause(all, str_of(key), 0,
			      (*names - 'a' + 1) * CLOCK_S);
	}
}

/* What share of the draws each has, in percent. */
static void targets_are_chosen_by_priority_and_weight(void **state)
{
	static const struct {
		const char *name;
		uint64_t tried;
		const char *open;
		int64_t now_ns;
		int percent[5]; /* of a, b, c, d and none */
	} cases[] = {
		{ "by weight within the first priority",
		  0,
		  "",
		  0,
		  { 38, 12, 0, 50, 0 } },
		{ "what was tried is left out", 1, "", 0, { 0, 20, 0, 80, 0 } },
		{ "the next priority comes last",
		  1 | 2 | 8,
		  "",
		  0,
		  { 0, 0, 100, 0, 0 } },
		{ "all were tried", 15, "", 0, { 0, 0, 0, 0, 100 } },
		{ "open ones are left out", 0, "ad", 0, { 0, 100, 0, 0, 0 } },
		{ "open ones and tried ones", 2, "ad", 0, { 0, 0, 100, 0, 0 } },
		{ "all are open", 0, "abcd", 0, { 0, 0, 0, 0, 100 } },
		{ "some may be probed",
		  0,
		  "abcd",
		  2 * CLOCK_S,
		  { 75, 25, 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct choice c = { targets, countof(targets), cases[i].tried };
		struct breakers all = { 0 };
		int drawn[5] = { 0 };

		rand_seed(i);
		open_some(&all, cases[i].open);
		for (int n = 0; n < DRAWS; n++)
			drawn[choice_next(&c, &all, cases[i].now_ns)]++;
		for (size_t j = 0; j < 5; j++) {
			int percent = (drawn[j] * 100 + DRAWS / 2) / DRAWS;

			if (percent < cases[i].percent[j] - 1 ||
			    percent > cases[i].percent[j] + 1 ||
			    (cases[i].percent[j] == 0 && drawn[j] > 0))
				fail_msg("%s: %zu has %d of %d", cases[i].name,
					 j, drawn[j], DRAWS);
		}
		breaker_fini(&all);
	}
}

static void the_soonest_is_asked_when_all_are_open(void **state)
{
	struct choice c = { targets, countof(targets), 0 };
	struct breakers all = { 0 };

	(void)state;
	open_some(&all, "abcd");
	assert_int_equal(choice_soonest(&c, &all), 0);
	c.tried = 1 | 2;
	assert_int_equal(choice_soonest(&c, &all), 2);
	c.tried = 15;
	assert_int_equal(choice_soonest(&c, &all), 4);
	breaker_fini(&all);
}

static int silence(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_chosen_by_priority_and_weight),
		cmocka_unit_test(the_soonest_is_asked_when_all_are_open),
	};

	return cmocka_run_group_tests(tests, silence, NULL);
}
