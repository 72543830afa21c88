#include "json/writer.h"

#include "tests/unit/table.h"
#include "json/json.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

static struct buf out;
static struct json_writer w;

static int set_up(void **state)
{
	(void)state;
	buf_init(&out, 4096);
	json_writer_init(&w, &out);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_fini(&out);
	return 0;
}

static void commas_stand_between_values(void **state)
{
	(void)state;
	json_object(&w);
	json_member_str(&w, STR("id"), STR("a\"b"));
	json_member(&w, STR("list"));
	json_array(&w);
	json_add_int(&w, 1);
	json_object(&w);
	json_end(&w);
	json_array(&w);
	json_end(&w);
	json_add_bool(&w, false);
	json_end(&w);
	json_member_int(&w, STR("n"), INT64_MIN);
	json_member_bool(&w, STR("t"), true);
	json_member_null(&w, STR("z"));
	json_member_raw(&w, STR("r"), STR("{\"x\": 1}"));
	json_member_double(&w, STR("\n"), 0.5);
	json_end(&w);
	check_int("done", json_writer_done(&w), 0);
	check_str("text", buf_str(&out),
		  STR("{\"id\":\"a\\\"b\",\"list\":[1,{},[],false],"
		      "\"n\":-9223372036854775808,\"t\":true,\"z\":null,"
		      "\"r\":{\"x\": 1},\"\\n\":0.5}"));
}

static void one_value_is_a_text(void **state)
{
	(void)state;
	json_add_str(&w, STR_NULL);
	check_int("done", json_writer_done(&w), 0);
	check_str("text", buf_str(&out), STR("\"\""));
}

static void levels_remember_what_they_are(void **state)
{
	struct json_error e;
	struct json doc;

	(void)state;
	for (int i = 0; i < JSON_WRITER_DEPTH; i++) {
		if (i % 3 == 0) {
			json_array(&w);
			continue;
		}
		if (i % 3 == 2)
			json_member(&w, STR("k"));
		json_object(&w);
		if (i % 3 == 2)
			json_member(&w, STR("k"));
	}
	json_add_null(&w);
	for (int i = 0; i < JSON_WRITER_DEPTH; i++)
		json_end(&w);
	check_int("done", json_writer_done(&w), 0);
	check_int("is JSON",
		  json_parse(buf_str(&out), &(struct json_limits){ 0 }, &doc,
			     &e),
		  0);
	json_fini(&doc);
}

static void doubles_are_short_and_exact(void **state)
{
	static const struct {
		double d;
		const char *want;
	} rows[] = {
		{ 0, "0" },
		{ -0.0, "-0" },
		{ 1, "1" },
		{ 0.1, "0.1" },
		{ 0.7, "0.7" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 1e21, "1e+21" },
		{ 1e-7, "1e-07" },
		{ 5e-324, "5e-324" },
		{ 1e-310, "1e-310" },
		{ DBL_MIN, "2.2250738585072014e-308" },
		{ DBL_MAX, "1.7976931348623157e+308" },
		{ 9007199254740993.0, "9007199254740992" },
		{ HUGE_VAL, "null" },
		{ __builtin_nan(""), "null" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		buf_clear(&out);
		json_writer_init(&w, &out);
		json_add_double(&w, rows[i].d);
		check_int(rows[i].want, json_writer_done(&w), 0);
		check_str(rows[i].want, buf_str(&out), str_of(rows[i].want));
	}
}

static void random_doubles_round_trip(void **state)
{
	uint64_t seed = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct json_error e;
		struct json doc;
		double d, back = 0;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		memcpy(&d, &seed, sizeof(d));
		if (!isfinite(d))
			continue;
		buf_clear(&out);
		json_writer_init(&w, &out);
		json_add_double(&w, d);
		check_int("done", json_writer_done(&w), 0);
		check_int("is JSON",
			  json_parse(buf_str(&out), &(struct json_limits){ 0 },
				     &doc, &e),
			  0);
		check_true("read", json_to_double(&doc, 0, &back));
		check_true("the same",
			   d == back && signbit(d) == signbit(back));
		json_fini(&doc);
	}
}

static void passing_the_limit_is_told_at_the_end(void **state)
{
	static const size_t whole = sizeof("{\"abc\":[\"x\",1]}") - 1;

	(void)state;
	for (size_t max = 1; max <= whole; max++) {
		struct buf small;

		buf_init(&small, max);
		json_writer_init(&w, &small);
		json_object(&w);
		json_member(&w, STR("abc"));
		json_array(&w);
		json_add_str(&w, STR("x"));
		json_add_int(&w, 1);
		json_end(&w);
		json_end(&w);
		check_int("done", json_writer_done(&w),
			  max < whole ? -EMSGSIZE : 0);
		buf_fini(&small);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commas_stand_between_values),
		TEST(one_value_is_a_text),
		TEST(levels_remember_what_they_are),
		TEST(doubles_are_short_and_exact),
		TEST(random_doubles_round_trip),
		TEST(passing_the_limit_is_told_at_the_end),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
