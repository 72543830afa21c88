#include "llm/metadata.h"

#include "base/buf.h"
#include "tests/unit/table.h"

#define PAIR(n) "\"k" #n "\":\"v\""
#define FOUR(n) PAIR(n##1) "," PAIR(n##2) "," PAIR(n##3) "," PAIR(n##4)
#define SIXTEEN FOUR(1) "," FOUR(2) "," FOUR(3) "," FOUR(4)

/* Parse, check, and say what is wrong as "param code", or "". */
static void check_text(const char *name, const char *text, const char *want)
{
	struct api_error e = { 0 };
	struct json_error bad;
	struct arena a;
	struct json doc;
	struct field_checker c = { &doc, &a, &e };
	struct str got = STR("");
	int r;

	arena_init(&a, 1 << 16);
	assert_int_equal(json_parse(str_of(text), NULL, &doc, &bad), 0);
	r = metadata_check(&c, json_root(&doc));
	if (r != 0) {
		got = arena_printf(&a, STR_FMT " " STR_FMT, STR_ARG(e.param),
				   STR_ARG(e.code));
		check_int(name, r, API_FAIL);
		check_int(name, e.status, 400);
		check_true(name, e.message.len > 0);
	}
	check_str(name, got, str_of(want));
	json_fini(&doc);
	arena_fini(&a);
}

static void metadata_is_as_openai_has_it(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "none", "{}", "" },
		{ "one pair", "{\"a\":\"b\"}", "" },
		{ "empty key and value", "{\"\":\"\"}", "" },
		{ "sixteen pairs", "{" SIXTEEN "}", "" },
		{ "seventeen pairs", "{" SIXTEEN "," PAIR(5) "}",
		  "metadata object_above_max_properties" },
		{ "an array", "[]", "metadata invalid_type" },
		{ "a string", "\"a\"", "metadata invalid_type" },
		{ "a number as a value", "{\"a\":\"b\",\"c\":1}",
		  "metadata.c invalid_type" },
		{ "null as a value", "{\"c\":null}",
		  "metadata.c invalid_type" },
		{ "an object as a value", "{\"c\":{}}",
		  "metadata.c invalid_type" },
		{ "a key twice", "{\"a\":\"b\",\"\\u0061\":\"c\"}",
		  "metadata invalid_value" },
		{ "a NUL in a value", "{\"a\":\"b\\u0000\"}",
		  "metadata invalid_value" },
		{ "a NUL in a key", "{\"a\\u0000\":\"b\"}",
		  "metadata invalid_value" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		check_text(cases[i].name, cases[i].text, cases[i].want);
}

/* One character is two bytes, or six in JSON. */
static void check_lengths(const char *unit, int key_len, int value_len,
			  const char *want)
{
	struct buf text;

	buf_init(&text, 1 << 16);
	assert_int_equal(buf_add(&text, STR("{\"")), 0);
	for (int i = 0; i < key_len; i++)
		assert_int_equal(buf_add(&text, str_of(unit)), 0);
	assert_int_equal(buf_add(&text, STR("\":\"")), 0);
	for (int i = 0; i < value_len; i++)
		assert_int_equal(buf_add(&text, str_of(unit)), 0);
	assert_int_equal(buf_add(&text, STR("\"}")), 0);
	assert_int_equal(buf_add(&text, STR("\0")), 0);
	text.len--;
	check_text(unit, text.ptr, want);
	buf_fini(&text);
}

static void lengths_are_in_characters(void **state)
{
	static const char *const units[] = { "x", "\xc3\xa9", "\\u00e9" };

	(void)state;
	for (size_t i = 0; i < countof(units); i++)
		check_lengths(units[i], 64, 512, "");
	check_lengths("x", 1, 513, "metadata.x string_above_max_length");
	check_lengths("x", 3, 513, "metadata.xxx string_above_max_length");
	check_lengths(
		"x", 65, 1,
		"metadata.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxx string_above_max_length");
	/* Only whole characters of a long key are told. */
	check_lengths(
		"\xe2\x82\xac", 65, 1,
		"metadata.\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82"
		"\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2"
		"\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		" string_above_max_length");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_is_as_openai_has_it),
		cmocka_unit_test(lengths_are_in_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
