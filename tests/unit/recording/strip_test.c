#include "recording/strip.h"

#include "tests/unit/table.h"

#define S(literal) STR_INIT(literal)

static const struct {
	const char *name;
	enum recording_framing framing;
	struct str body, want;
	size_t found;
} rows[] = {
	{ "the last member", RECORDING_SSE,
	  S("data: {\"a\":1,\"obfuscation\":\"xY\"}\n\ndata: [DONE]\n\n"),
	  S("data: {\"a\":1}\n\ndata: [DONE]\n\n"), 1 },
	{ "the first of a named event", RECORDING_SSE,
	  S("event: x\ndata: {\"obfuscation\":\"xY\",\"a\":1}\n\n"),
	  S("event: x\ndata: {\"a\":1}\n\n"), 1 },
	{ "p in a line", RECORDING_NDJSON, S("{\"p\":\"abc\",\"a\":1}\n{}\n"),
	  S("{\"a\":1}\n{}\n"), 1 },
	{ "not inside", RECORDING_SSE, S("data: {\"a\":{\"p\":\"x\"}}\n\n"),
	  S("data: {\"a\":{\"p\":\"x\"}}\n\n"), 0 },
	{ "not a number", RECORDING_SSE, S("data: {\"p\":1}\n\n"),
	  S("data: {\"p\":1}\n\n"), 0 },
	{ "not in a whole body", RECORDING_WHOLE, S("{\"p\":\"x\"}"),
	  S("{\"p\":\"x\"}"), 0 },
	{ "torn", RECORDING_SSE, S("data: {\"p\":\"x\""),
	  S("data: {\"p\":\"x\""), 0 },
	{ "nothing", RECORDING_SSE, S(""), S(""), 0 },
};

static void padding_goes(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct recording r = { .response = { .framing = rows[i].framing,
						     .body = rows[i].body } };
		struct arena a;

		arena_init(&a, 1 << 20);
		check_int(rows[i].name, strip_padding(&r, &a), rows[i].found);
		check_str(rows[i].name, r.response.body, rows[i].want);
		check_int(rows[i].name, r.stripped, rows[i].found > 0);
		arena_fini(&a);
	}
}

static void marks_follow(void **state)
{
	struct recording_mark marks[] = {
		{ 3, 1 }, { 33, 2 }, { 39, 3 }, { 66, 4 }
	};
	struct recording r = {
		.response = { .framing = RECORDING_SSE,
			      .body = STR(
				      "data: {\"a\":1,\"obfuscation\":\"x\"}"
				      "\n\n"
				      "data: {\"a\":2,\"obfuscation\":\"x\"}"
				      "\n\n"),
			      .marks = marks,
			      .mark_count = countof(marks) },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_int("body", r.response.body.len, 66);
	check_int("found", strip_padding(&r, &a), 2);
	check_int("body", r.response.body.len, 30);
	check_int("inside", r.response.marks[0].end, 3);
	check_int("an end", r.response.marks[1].end, 15);
	check_int("in the second", r.response.marks[2].end, 21);
	check_int("the end", r.response.marks[3].end, 30);
	check_int("time", r.response.marks[3].ms, 4);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_goes),
		cmocka_unit_test(marks_follow),
	};

	return cmocka_run_group_tests_name("strip", tests, NULL, NULL);
}
