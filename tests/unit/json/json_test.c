#include "json/json.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <float.h>
#include <math.h>

#define S(literal) STR_INIT(literal)

static struct json doc;
static struct arena arena;

static uint32_t parse(struct str text)
{
	struct json_error e = { 0 };

	json_fini(&doc);
	if (json_parse(text, &(struct json_limits){ 0 }, &doc, &e) != 0) {
		fail_msg(STR_FMT ": %s at %zu", STR_ARG(text), e.what,
			 e.offset);
	}
	return json_root(&doc);
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	json_fini(&doc);
	arena_fini(&arena);
	return 0;
}

static void values_keep_their_source_text(void **state)
{
	struct str text = STR(" { \"a\" : [ 1.50 , \"x\\n\" ] , \"b\":{ } } ");
	uint32_t root = parse(text), a, x;

	(void)state;
	a = json_get(&doc, root, STR("a"));
	x = json_path(&doc, root, STR("a.1"));
	check_str("root", json_raw(&doc, root), str_trim(text));
	check_str("array", json_raw(&doc, a), STR("[ 1.50 , \"x\\n\" ]"));
	check_str("number", json_raw(&doc, json_first(&doc, a)), STR("1.50"));
	check_str("string", json_raw(&doc, x), STR("\"x\\n\""));
	check_str("key", json_raw(&doc, json_key(&doc, a)), STR("\"a\""));
	check_int("offset", json_offset(&doc, a), 9);
	check_int("count", json_count(&doc, a), 2);
	check_int("members", json_count(&doc, root), 2);
	check_int("none", json_key(&doc, x), JSON_NONE);
	check_int("root key", json_key(&doc, root), JSON_NONE);
	check_int("empty", json_first(&doc, json_get(&doc, root, STR("b"))),
		  JSON_NONE);
}

static void walking_visits_each_child_once(void **state)
{
	static const char *const want[] = { "[1,[2]]", "{\"x\":[]}", "3" };
	static const struct str texts[] = {
		S("{\"a\":[1,[2]],\"b\":{\"x\":[]},\"c\":3}"),
		S("[[1,[2]],{\"x\":[]},3]"),
	};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		uint32_t v = json_first(&doc, parse(texts[i]));

		for (size_t n = 0; n < countof(want); n++) {
			check_str("child", json_raw(&doc, v), str_of(want[n]));
			v = json_next(&doc, v);
		}
		check_int("end", v, JSON_NONE);
	}
}

static void none_may_be_passed_everywhere(void **state)
{
	int64_t n = 7;
	double d = 7;

	(void)state;
	(void)parse(STR("1"));
	check_int("type", json_type(&doc, JSON_NONE), JSON_NONE_TYPE);
	check_int("raw", json_raw(&doc, JSON_NONE).len, 0);
	check_int("get", json_get(&doc, JSON_NONE, STR("a")), JSON_NONE);
	check_int("key", json_key(&doc, JSON_NONE), JSON_NONE);
	check_int("path", json_path(&doc, JSON_NONE, STR("a")), JSON_NONE);
	check_int("count", json_count(&doc, JSON_NONE), 0);
	check_int("first", json_first(&doc, JSON_NONE), JSON_NONE);
	check_int("next", json_next(&doc, JSON_NONE), JSON_NONE);
	check_int("string", json_string(&doc, JSON_NONE, &arena).len, 0);
	check_true("is", !json_is(&doc, JSON_NONE, STR("")));
	check_true("true", !json_is_true(&doc, JSON_NONE));
	check_true("twice", !json_has_duplicates(&doc, JSON_NONE));
	check_true("i64", !json_to_i64(&doc, JSON_NONE, &n) && n == 7);
	check_true("double", !json_to_double(&doc, JSON_NONE, &d) && d == 7);
	check_int("empty doc", json_root(&(struct json){ 0 }), JSON_NONE);
}

static void paths_lead_to_values(void **state)
{
	static const struct {
		const char *path;
		const char *want; /* NULL: JSON_NONE */
	} rows[] = {
		{ "", "{\"choices\":[{\"delta\":{\"a\":1}},2],\"0\":true}" },
		{ "choices", "[{\"delta\":{\"a\":1}},2]" },
		{ "choices.0.delta.a", "1" },
		{ "choices.1", "2" },
		{ "choices.2", NULL },
		{ "choices.01", NULL },
		{ "choices.-0", NULL },
		{ "choices.x", NULL },
		{ "choices.1.x", NULL },
		{ "choices.99999999999999999999", NULL },
		{ "0", "true" },
		{ "nothing", NULL },
	};
	uint32_t root = parse(str_of(rows[0].want)), v;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		v = json_path(&doc, root, str_of(rows[i].path));
		check_str(rows[i].path, json_raw(&doc, v),
			  str_of(rows[i].want));
	}
}

static void the_last_of_equal_keys_counts(void **state)
{
	static const struct {
		const char *name;
		struct str text;
		const char *want;
		bool twice;
	} rows[] = {
		{ "one", S("{\"a\":1}"), "1", false },
		{ "two", S("{\"a\":1,\"a\":2}"), "2", true },
		{ "with others between", S("{\"a\":1,\"b\":0,\"a\":2,\"c\":3}"),
		  "2", true },
		{ "one escaped", S("{\"a\":1,\"\\u0061\":2}"), "2", true },
		{ "a prefix is another key", S("{\"a\":1,\"ab\":2,\"\":3}"),
		  "1", false },
		{ "other keys twice", S("{\"a\":1,\"\\n\":2,\"\\u000A\":3}"),
		  "1", true },
		{ "\xc3\xa9 twice",
		  S("{\"\xc3\xa9x\":1,\"\\u00e9x\":2,\"a\":3}"), "3", true },
		{ "halves of \xc3\xa9", S("{\"\xc3\xa9\":1,\"\\u00c3\":2}"),
		  NULL, false },
		{ "inner keys do not count", S("{\"a\":1,\"b\":{\"a\":2}}"),
		  "1", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		uint32_t root = parse(rows[i].text);

		check_str(rows[i].name,
			  json_raw(&doc, json_get(&doc, root, STR("a"))),
			  str_of(rows[i].want));
		check_int(rows[i].name, json_has_duplicates(&doc, root),
			  rows[i].twice);
	}
}

static void strings_are_decoded(void **state)
{
	static const struct {
		const char *name;
		struct str text, want;
	} rows[] = {
		{ "plain", S("\"abc\""), S("abc") },
		{ "empty", S("\"\""), S("") },
		{ "short escapes", S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
		  S("\"\\/\b\f\n\r\t") },
		{ "text around an escape", S("\"ab\\ncd\""), S("ab\ncd") },
		{ "a NUL", S("\"a\\u0000b\""), S("a\0b") },
		{ "7 bits, last", S("\"\\u007F\""), S("\x7f") },
		{ "2 bytes", S("\"\\u0080\\u07ff\""), S("\xc2\x80\xdf\xbf") },
		{ "3 bytes", S("\"\\u0800\\uFfFf\""),
		  S("\xe0\xa0\x80\xef\xbf\xbf") },
		{ "a pair", S("\"\\uD83E\\udd99\""), S("\xf0\x9f\xa6\x99") },
		{ "the first pair", S("\"\\ud800\\udc00\""),
		  S("\xf0\x90\x80\x80") },
		{ "the last pair", S("\"\\udbff\\udfff\""),
		  S("\xf4\x8f\xbf\xbf") },
		{ "below the surrogates", S("\"\\ud7ff\\ue000\""),
		  S("\xed\x9f\xbf\xee\x80\x80") },
		{ "a lone high half", S("\"\\ud83e\""), S("\xef\xbf\xbd") },
		{ "a lone high half and text", S("\"\\ud83ex12345\""),
		  S("\xef\xbf\xbdx12345") },
		{ "a lone low half", S("\"\\udc00\""), S("\xef\xbf\xbd") },
		{ "halves in the wrong order", S("\"\\udd99\\ud83e\""),
		  S("\xef\xbf\xbd\xef\xbf\xbd") },
		{ "a high half, then a pair", S("\"\\ud83e\\ud83e\\udd99\""),
		  S("\xef\xbf\xbd\xf0\x9f\xa6\x99") },
		{ "a high half, then another escape", S("\"\\ud83e\\n12345\""),
		  S("\xef\xbf\xbd\n12345") },
		{ "a high half, then a character", S("\"\\ud83e\\u0041\""),
		  S("\xef\xbf\xbd"
		    "A") },
		{ "UTF-8 with an escape", S("\"\xc3\xa9\\n\""),
		  S("\xc3\xa9\n") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		uint32_t v = parse(rows[i].text);

		check_str(rows[i].name, json_string(&doc, v, &arena),
			  rows[i].want);
		check_true(rows[i].name, json_is(&doc, v, rows[i].want));
		check_true(rows[i].name, !json_is(&doc, v, STR("abd")));
		if (rows[i].want.len > 0) {
			check_true(rows[i].name,
				   !json_is(&doc, v,
					    str_take(rows[i].want,
						     rows[i].want.len - 1)));
		}
	}
	check_true("a number is no string",
		   !json_is(&doc, parse(STR("1")), STR("1")));
}

static void integers_are_exact_or_refused(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want;
	} rows[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "7", true, 7 },
		{ "1.0", true, 1 },
		{ "-1.000e0", true, -1 },
		{ "1e2", true, 100 },
		{ "1.5e1", true, 15 },
		{ "1.50e1", true, 15 },
		{ "120e-1", true, 12 },
		{ "0.00012e5", true, 12 },
		{ "0e99999999999999999999", true, 0 },
		{ "0.0e-99999999999999999999", true, 0 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775807.0", true, INT64_MAX },
		{ "922337203685477580700e-2", true, INT64_MAX },
		{ "9.223372036854775807e18", true, INT64_MAX },
		{ "9007199254740993", true, 9007199254740993 },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "1e19", false, 0 },
		{ "1e99999999999999999999", false, 0 },
		{ "1e-99999999999999999999", false, 0 },
		{ "1.5", false, 0 },
		{ "15e-1", false, 0 },
		{ "\"1\"", false, 0 },
		{ "true", false, 0 },
		{ "null", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		uint32_t v = parse(str_of(rows[i].text));
		int64_t n = 0;

		check_int(rows[i].text, json_to_i64(&doc, v, &n), rows[i].ok);
		check_int(rows[i].text, n, rows[i].want);
	}
}

static void doubles_are_read(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		double want;
	} rows[] = {
		{ "0.7", true, 0.7 },
		{ "-1e-3", true, -0.001 },
		{ "12", true, 12 },
		{ "1e400", false, 7 },
		{ "-1e400", false, 7 },
		{ "1e-400", true, 0 },
		{ "\"1\"", false, 7 },
		{ "0.1000000000000000055511151231257827021181583404541015625"
		  "000000000000000000000",
		  true, 0.1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		uint32_t v = parse(str_of(rows[i].text));
		double d = 7;

		check_int(rows[i].text, json_to_double(&doc, v, &d),
			  rows[i].ok);
		check_true(rows[i].text, d == rows[i].want);
	}
}

static void text_is_quoted(void **state)
{
	static const struct {
		const char *name;
		struct str text, want;
	} rows[] = {
		{ "nothing", S(""), S("\"\"") },
		{ "plain", S("abc/<>'\x7f"), S("\"abc/<>'\x7f\"") },
		{ "what must be escaped", S("\"\\\n\r\t\b\f"),
		  S("\"\\\"\\\\\\n\\r\\t\\b\\f\"") },
		{ "other controls", S("\0\x1f"), S("\"\\u0000\\u001f\"") },
		{ "UTF-8 as it is", S("\xc3\xa9\xf0\x9f\xa6\x99"),
		  S("\"\xc3\xa9\xf0\x9f\xa6\x99\"") },
		{ "what is not UTF-8", S("a\xff\xc3z"),
		  S("\"a\xef\xbf\xbd\xef\xbf\xbdz\"") },
		{ "a character cut short", S("\xe2\x82"),
		  S("\"\xef\xbf\xbd\xef\xbf\xbd\"") },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		check_str(rows[i].name, json_quoted(&arena, rows[i].text),
			  rows[i].want);
		(void)parse(rows[i].want);
	}
	check_str("NULL", json_quoted(&arena, STR_NULL), STR("\"\""));
}

static void quoting_over_the_limit_leaves_the_buffer(void **state)
{
	(void)state;
	for (size_t max = 3; max < 9; max++) {
		struct buf b;

		buf_init(&b, max);
		check_int("before", buf_add(&b, STR("xy")), 0);
		check_int("over", json_quote(&b, STR("ab\nc")), -EMSGSIZE);
		check_str("as it was", buf_str(&b), STR("xy"));
		buf_fini(&b);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_keep_their_source_text),
		TEST(walking_visits_each_child_once),
		TEST(none_may_be_passed_everywhere),
		TEST(paths_lead_to_values),
		TEST(the_last_of_equal_keys_counts),
		TEST(strings_are_decoded),
		TEST(integers_are_exact_or_refused),
		TEST(doubles_are_read),
		TEST(text_is_quoted),
		TEST(quoting_over_the_limit_leaves_the_buffer),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
