#include "telemetry/trace.h"

#include "base/rand.h"
#include "tests/unit/table.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN  "b7ad6b7169203331"
#define GOOD  "00-" TRACE "-" SPAN "-01"

static void values_are_read_or_ignored(void **state)
{
	static const struct {
		const char *name;
		struct str value;
		int want; /* -1: ignored; else sampled */
	} rows[] = {
		{ "sampled", STR_INIT(GOOD), 1 },
		{ "not sampled", STR_INIT("00-" TRACE "-" SPAN "-00"), 0 },
		{ "other flags", STR_INIT("00-" TRACE "-" SPAN "-fe"), 0 },
		{ "all flags", STR_INIT("00-" TRACE "-" SPAN "-ff"), 1 },
		{ "a later version", STR_INIT("01-" TRACE "-" SPAN "-01"), 1 },
		{ "a later version with more",
		  STR_INIT("cc-" TRACE "-" SPAN "-01-what-will-be"), 1 },
		{ "a later version with a bare dash",
		  STR_INIT("cc-" TRACE "-" SPAN "-01-"), 1 },
		{ "a later version without a dash",
		  STR_INIT("cc-" TRACE "-" SPAN "-01.what"), -1 },
		{ "version 00 with more", STR_INIT(GOOD "-x"), -1 },
		{ "version 00 with a space", STR_INIT(GOOD " "), -1 },
		{ "version ff", STR_INIT("ff-" TRACE "-" SPAN "-01"), -1 },
		{ "version in upper case", STR_INIT("0A-" TRACE "-" SPAN "-01"),
		  -1 },
		{ "no version", STR_INIT(TRACE "-" SPAN "-01"), -1 },
		{ "a trace of zeroes",
		  STR_INIT("00-00000000000000000000000000000000-" SPAN "-01"),
		  -1 },
		{ "a span of zeroes",
		  STR_INIT("00-" TRACE "-0000000000000000-01"), -1 },
		{ "a trace in upper case",
		  STR_INIT("00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01"),
		  -1 },
		{ "a span with another letter",
		  STR_INIT("00-" TRACE "-b7ad6b716920333g-01"), -1 },
		{ "flags with another letter",
		  STR_INIT("00-" TRACE "-" SPAN "-0x"), -1 },
		{ "one flag", STR_INIT("00-" TRACE "-" SPAN "-1"), -1 },
		{ "other dashes", STR_INIT("00_" TRACE "-" SPAN "-01"), -1 },
		{ "other dashes", STR_INIT("00-" TRACE "_" SPAN "-01"), -1 },
		{ "other dashes", STR_INIT("00-" TRACE "-" SPAN "_01"), -1 },
		{ "two values", STR_INIT(GOOD "," GOOD), -1 },
		{ "nothing", STR_INIT(""), -1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct trace_context c = { .sampled = true };
		bool ok = trace_parse(rows[i].value, &c);

		check_int(rows[i].name, ok ? c.sampled : -1, rows[i].want);
		if (!ok) {
			check_true(rows[i].name, c.trace[0] == '\0');
			continue;
		}
		check_str(rows[i].name, ((struct str){ c.trace, 32 }),
			  STR(TRACE));
		check_str(rows[i].name, ((struct str){ c.span, 16 }),
			  STR(SPAN));
	}
}

static void every_cut_is_ignored(void **state)
{
	struct trace_context c;

	(void)state;
	for (size_t n = 0; n < sizeof(GOOD) - 1; n++) {
		char *copy = test_malloc(n > 0 ? n : 1);

		memcpy(copy, GOOD, n);
		check_true("a cut", !trace_parse((struct str){ copy, n }, &c));
		test_free(copy);
	}
}

static void what_is_made_can_be_read(void **state)
{
	struct trace_context own, child, back;
	char text[TRACE_TEXT_LEN];

	(void)state;
	rand_seed(1);
	trace_new(&own);
	assert_false(own.sampled);
	own.sampled = true;
	assert_true(trace_parse(trace_text(&own, text), &back));
	assert_memory_equal(&back, &own, sizeof(own));
	trace_child(&own, &child);
	assert_true(trace_parse(trace_text(&child, text), &back));
	assert_memory_equal(child.trace, own.trace, TRACE_ID_LEN);
	assert_memory_not_equal(child.span, own.span, TRACE_SPAN_LEN);
	assert_true(back.sampled);
	own.sampled = false;
	assert_true(trace_parse(trace_text(&own, text), &back));
	assert_false(back.sampled);
}

static void a_state_is_passed_or_not(void **state)
{
	char big[TRACE_STATE_MAX + 1];

	(void)state;
	memset(big, 'a', sizeof(big));
	check_true("plain", trace_state_is_good(STR("a=1,b@c=2\t, d=~")));
	check_true("empty", !trace_state_is_good(STR("")));
	check_true("control", !trace_state_is_good(STR("a=\x01")));
	check_true("high", !trace_state_is_good(STR("a=\xc3\xa4")));
	check_true("largest", trace_state_is_good((struct str){ big, 512 }));
	check_true("larger", !trace_state_is_good((struct str){ big, 513 }));
}

static void samplers_decide(void **state)
{
	static const struct {
		struct str name;
		double ratio;
		int without, on, off; /* of 100: parent's sampling */
	} rows[] = {
		{ STR_INIT("always_on"), 0, 100, 100, 100 },
		{ STR_INIT("always_off"), 1, 0, 0, 0 },
		{ STR_INIT("traceidratio"), 1, 100, 100, 100 },
		{ STR_INIT("traceidratio"), 0, 0, 0, 0 },
		{ STR_INIT("parentbased_always_on"), 0, 100, 100, 0 },
		{ STR_INIT("parentbased_always_off"), 1, 0, 100, 0 },
		{ STR_INIT("parentbased_traceidratio"), 1, 100, 100, 0 },
		{ STR_INIT("parentbased_traceidratio"), 0, 0, 100, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct trace_sampler s =
			trace_sampler(rows[i].name, rows[i].ratio);
		struct trace_context on = { .sampled = true }, off = { 0 };
		int got[3] = { 0 };

		for (int n = 0; n < 100; n++) {
			struct trace_context own;

			trace_new(&own);
			got[0] += trace_is_sampled(&s, NULL, &own);
			got[1] += trace_is_sampled(&s, &on, &own);
			got[2] += trace_is_sampled(&s, &off, &own);
		}
		check_int(rows[i].name.ptr, got[0], rows[i].without);
		check_int(rows[i].name.ptr, got[1], rows[i].on);
		check_int(rows[i].name.ptr, got[2], rows[i].off);
	}
}

static void a_ratio_is_kept(void **state)
{
	struct trace_sampler s = trace_sampler(STR("traceidratio"), 0.25);
	int got = 0;

	(void)state;
	rand_seed(1);
	for (int n = 0; n < 10000; n++) {
		struct trace_context own;

		trace_new(&own);
		got += trace_is_sampled(&s, NULL, &own);
	}
	assert_in_range(got, 2300, 2700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_or_ignored),
		cmocka_unit_test(every_cut_is_ignored),
		cmocka_unit_test(what_is_made_can_be_read),
		cmocka_unit_test(a_state_is_passed_or_not),
		cmocka_unit_test(samplers_decide),
		cmocka_unit_test(a_ratio_is_kept),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
