#include "core/breaker.h"

#include "tests/unit/table.h"

#include "base/log.h"

#include <stdio.h>

#define KEY STR("a/m")

/*
 * A script, a letter for each step: g, b, u an attempt that ends well, badly,
 * or does not reach the target; B and U as b and u, but probes only; ? expects
 * that an attempt is admitted, ! that none is; s, m, h wait a second, a minute,
 * an hour; p is Retry-After: 5; ( begins an attempt, ) ends it well, ] badly, }
 * without a result.
 */
static void attempt(struct breakers *all, int64_t now, enum breaker_sign sign)
{
	struct breaker_attempt a;

	breaker_begin(all, KEY, now, &a);
	breaker_end(all, KEY, now, &a, sign);
}

static bool step(struct breakers *all, char c, int64_t *now,
		 struct breaker_attempt *held)
{
	bool admits = breaker_admits(breaker_find(all, KEY), *now);

	switch (c) {
	case 'g':
		attempt(all, *now, BREAKER_GOOD);
		return true;
	case 'b':
		attempt(all, *now, BREAKER_BAD);
		return true;
	case 'u':
		attempt(all, *now, BREAKER_UNREACHABLE);
		return true;
	case '?':
		return admits;
	case '!':
		return !admits;
	case 's':
		*now += CLOCK_S;
		return true;
	case 'm':
		*now += 60 * CLOCK_S;
		return true;
	case 'h':
		*now += 3600 * CLOCK_S;
		return true;
	case 'p':
		breaker_pause(all, KEY, *now, 5 * CLOCK_S);
		return true;
	case '(':
		breaker_begin(all, KEY, *now, held);
		return true;
	case ')':
		breaker_end(all, KEY, *now, held, BREAKER_GOOD);
		return true;
	case ']':
		breaker_end(all, KEY, *now, held, BREAKER_UNREACHABLE);
		return true;
	case '}':
		breaker_end(all, KEY, *now, held, BREAKER_NONE);
		return true;
	default:
		return c == ' ';
	}
}

static void breakers_open_and_close(void **state)
{
	static const struct {
		const char *name, *script;
	} cases[] = {
		{ "what never failed is closed", "?ggg?" },
		{ "three in a row open it", "u?u?u!" },
		{ "an answer in between is a new row", "uuguu?u!" },
		{ "a bad answer is an answer", "uubuu?" },
		{ "half of ten are bad", "bgbgbgbgb?g?b!" },
		{ "less than half are bad", "bggbggbggbgg?" },
		{ "nine are too few", "bbbbbbbbb?b!" },
		{ "of ten seconds", "bbbbbbbbb ssssssssss b?" },
		{ "open for two seconds", "uuu!s!s?" },
		{ "one probe at a time", "uuu ss ?(! }?" },
		{ "a good probe closes", "uuu ss (! )??" },
		{ "a bad probe opens for twice as long", "uuu ss (]!s!ss!s?" },
		{ "no longer than a minute",
		  "uuu m(] m(] m(] m(] m(] m(] m(]! m?(] m?" },
		{ "what was well for long begins anew",
		  "uuu ss(] ssss(] ssssssss g h uuu!s!s?" },
		{ "what flaps stays open for longer", "uuu ss g? uuu!ss!s!s?" },
		{ "a late failure of before changes nothing", "( uuu ss ] ?" },
		{ "a late success of before changes nothing", "( uuu s ) !s?" },
		{ "asked all the same, a good answer closes", "uuu s! g?" },
		{ "asked all the same, a bad one changes nothing",
		  "uuu s! uuu !s?" },
		{ "Retry-After is kept to", "p!ssss!s?" },
		{ "Retry-After also after a failure", "bp!sssss?g?" },
		{ "the longer pause counts", "uuu p !ss!sss?" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct breakers all = { 0 };
		struct breaker_attempt held = { 0 };
		int64_t now = 1000 * CLOCK_S;

		for (const char *c = cases[i].script; *c != '\0'; c++) {
			if (!step(&all, *c, &now, &held)) {
				fail_msg("%s: '%s' at %d", cases[i].name,
					 cases[i].script,
					 (int)(c - cases[i].script));
			}
		}
		breaker_fini(&all);
	}
}

static void retry_after_has_a_limit(void **state)
{
	struct breakers all = { 0 };

	(void)state;
	breaker_pause(&all, KEY, 0, 100 * 3600 * CLOCK_S);
	assert_false(
		breaker_admits(breaker_find(&all, KEY), 3600 * CLOCK_S - 1));
	assert_true(breaker_admits(breaker_find(&all, KEY), 3600 * CLOCK_S));
	assert_string_equal(breaker_state(breaker_find(&all, KEY), 0), "open");
	assert_string_equal(breaker_state(breaker_find(&all, KEY),
					  3600 * CLOCK_S),
			    "half_open");
	assert_int_equal(all.opened, 1);
	breaker_clear(&all);
	assert_null(breaker_find(&all, KEY));
	breaker_fini(&all);
}

/* Names that clients make up must not fill the memory. */
static void there_are_not_too_many(void **state)
{
	struct breakers all = { 0 };
	struct breaker_attempt a;
	char name[32];

	(void)state;
	attempt(&all, 0, BREAKER_UNREACHABLE);
	for (int i = 0; i < 3 * BREAKERS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "a/%d", i);
		breaker_begin(&all, str_of(name), 0, &a);
		breaker_end(&all, str_of(name), 0, &a, BREAKER_BAD);
		assert_true(all.by_key.len <= BREAKERS_MAX);
	}
	assert_non_null(breaker_find(&all, str_of(name)));
	/* All open: none makes room. */
	breaker_clear(&all);
	for (int i = 0; i < 2 * BREAKERS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "a/%d", i);
		breaker_pause(&all, str_of(name), 0, CLOCK_S);
		breaker_begin(&all, str_of(name), 0, &a);
		breaker_end(&all, str_of(name), 0, &a, BREAKER_GOOD);
	}
	breaker_clear(&all);
	for (int i = 0; i < 2 * BREAKERS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "a/%d", i);
		breaker_pause(&all, str_of(name), 0, CLOCK_S);
	}
	assert_int_equal(all.by_key.len, BREAKERS_MAX);
	assert_null(breaker_find(&all, str_of(name)));
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
		cmocka_unit_test(breakers_open_and_close),
		cmocka_unit_test(retry_after_has_a_limit),
		cmocka_unit_test(there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, silence, NULL);
}
