#include "recording/idmap.h"

#include "tests/unit/table.h"

#define A "\"call_aaaaaaaa\""
#define B "\"call_bbbbbbbb\""
#define X "\"call_xxxxxxxxxx\""
#define Y "\"call_yyyyyyyyyy\""

static const struct {
	const char *name;
	/* Two requests of a session, recorded and live. */
	const char *recorded[2], *live[2];
	int learned[2];
	size_t count;
} rows[] = {
	{ "the same ids",
	  { "[" A "]", "[" B "]" },
	  { "[" A "]", "[" B "]" },
	  { 0, 0 },
	  0 },
	{ "others",
	  { "[" A "]", "[" A "," B "]" },
	  { "[" X "]", "[" X "," Y "]" },
	  { 0, 0 },
	  2 },
	{ "members by their names",
	  { "{\"a\":" A ",\"b\":" B "}", "{}" },
	  { "{\"b\":" Y ",\"a\":" X "}", "{}" },
	  { 0, 0 },
	  2 },
	{ "one stands for two",
	  { "[" A "," B "]", "1" },
	  { "[" X "," X "]", "1" },
	  { IDMAP_CLASH, 0 },
	  0 },
	{ "two stand for one",
	  { "[" A "," A "]", "1" },
	  { "[" X "," Y "]", "1" },
	  { IDMAP_CLASH, 0 },
	  0 },
	{ "swapped in a later request",
	  { "[" A "," B "]", "[" A "]" },
	  { "[" X "," Y "]", "[" Y "]" },
	  { 0, IDMAP_CLASH },
	  2 },
	{ "texts are no ids",
	  { "[\"hello\"]", "[" A "]" },
	  { "[\"world\"]", "[\"x\"]" },
	  { 0, 0 },
	  0 },
	{ "what is no JSON",
	  { "a", "[" A "]" },
	  { "b", "[" X "]" },
	  { 0, 0 },
	  1 },
};

static void ids_are_paired(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct idmap m;

		idmap_init(&m);
		for (size_t k = 0; k < 2; k++) {
			check_int(rows[i].name,
				  idmap_learn(&m, str_of(rows[i].recorded[k]),
					      str_of(rows[i].live[k])),
				  rows[i].learned[k]);
		}
		check_int(rows[i].name, idmap_count(&m), rows[i].count);
		idmap_fini(&m);
	}
}

static void answers_get_the_live_ids(void **state)
{
	struct recording_mark marks[] = { { 23, 5 }, { 48, 6 }, { 62, 7 } };
	struct recording r = {
		.response = { .body = STR("data: {\"id\":" A "}\n\n"
					  "data: {\"t\":\"call_aaaaaaaa!\"}\n\n"
					  "data: [" B "]\n\n"),
			      .marks = marks,
			      .mark_count = 3 },
	};
	struct idmap m;
	struct arena a;

	(void)state;
	marks[0].end = str_find(r.response.body, STR("data: {\"t\""));
	marks[1].end = str_find(r.response.body, STR("data: ["));
	marks[2].end = r.response.body.len;
	arena_init(&a, 1 << 20);
	idmap_init(&m);
	idmap_apply(&m, &r, &a);
	assert_ptr_equal(r.response.marks, marks);
	check_int("learn", idmap_learn(&m, STR("[" A "]"), STR("[" X "]")), 0);
	idmap_apply(&m, &r, &a);
	check_str("body", r.response.body,
		  STR("data: {\"id\":" X "}\n\n"
		      "data: {\"t\":\"call_aaaaaaaa!\"}\n\n"
		      "data: [" B "]\n\n"));
	check_int("first", r.response.marks[0].end, marks[0].end + 2);
	check_int("last", r.response.marks[2].end, r.response.body.len);
	check_int("time", r.response.marks[2].ms, 7);
	idmap_fini(&m);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_paired),
		cmocka_unit_test(answers_get_the_live_ids),
	};

	return cmocka_run_group_tests_name("idmap", tests, NULL, NULL);
}
