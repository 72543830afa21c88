#include "json/mold.h"

#include "tests/unit/table.h"

#define S(literal) STR_INIT(literal)

#define MADE "{\"id\":\"a1\",\"model\":\"m\",\"n\":12,\"list\":[\"x\",null]}"

/* The model's source text, or none: the mold cannot tell. */
static const struct {
	const char *name;
	struct str made, text, want;
} rows[] = {
	{ "the same text fits", S(MADE), S(MADE), S("\"m\"") },
	{ "strings and integers may differ, also in length", S(MADE),
	  S("{\"id\":\"\",\"model\":\"gpt-4\",\"n\":0,\"list\":[\"yy\",null]}"),
	  S("\"gpt-4\"") },
	{ "characters beyond ASCII fit", S(MADE),
	  S("{\"id\":\"\xc3\xa9\",\"model\":\"\xf0\x9f\xa6\x99\",\"n\":3,"
	    "\"list\":[\"\",null]}"),
	  S("\"\xf0\x9f\xa6\x99\"") },
	{ "short escapes fit", S(MADE),
	  S("{\"id\":\"\\\"\\n\\\\\",\"model\":\"\\/\",\"n\":3,"
	    "\"list\":[\"\",null]}"),
	  S("\"\\/\"") },
	{ "an escape with u is left to the parser", S(MADE),
	  S("{\"id\":\"\\u0041\",\"model\":\"m\",\"n\":1,\"list\":[\"\",null]}"),
	  S("") },
	{ "an escape that is none does not fit", S(MADE),
	  S("{\"id\":\"\\x\",\"model\":\"m\",\"n\":1,\"list\":[\"\",null]}"),
	  S("") },
	{ "a NUL is no escape", S(MADE),
	  S("{\"id\":\"\\\0\",\"model\":\"m\",\"n\":1,\"list\":[\"\",null]}"),
	  S("") },
	{ "a control character does not fit", S(MADE),
	  S("{\"id\":\"\t\",\"model\":\"m\",\"n\":1,\"list\":[\"\",null]}"),
	  S("") },
	{ "half a character does not fit", S(MADE),
	  S("{\"id\":\"\xc3\",\"model\":\"m\",\"n\":1,\"list\":[\"\",null]}"),
	  S("") },
	{ "another key does not fit", S(MADE),
	  S("{\"ix\":\"a\",\"model\":\"m\",\"n\":1,\"list\":[\"\",null]}"),
	  S("") },
	{ "another type does not fit", S(MADE),
	  S("{\"id\":null,\"model\":\"m\",\"n\":1,\"list\":[\"x\",null]}"),
	  S("") },
	{ "a fraction does not fit an integer", S(MADE),
	  S("{\"id\":\"a\",\"model\":\"m\",\"n\":1.5,\"list\":[\"x\",null]}"),
	  S("") },
	{ "a leading zero does not fit", S(MADE),
	  S("{\"id\":\"a\",\"model\":\"m\",\"n\":01,\"list\":[\"x\",null]}"),
	  S("") },
	{ "no number does not fit", S(MADE),
	  S("{\"id\":\"a\",\"model\":\"m\",\"n\":,\"list\":[\"xxxx\",null]}"),
	  S("") },
	{ "a text that ends early does not fit", S(MADE),
	  S("{\"id\":\"aaaaaaaaaaaaaaaa\",\"model\":\"m\",\"n\":1,\"list\":["),
	  S("") },
	{ "an open string does not fit", S(MADE),
	  S("{\"id\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
	  S("") },
	{ "more text does not fit", S(MADE), S(MADE " "), S("") },
	{ "nothing does not fit", S(MADE), S(""), S("") },
	{ "one more member does not fit", S("{\"model\":\"m\"}"),
	  S("{\"model\":\"m\",\"error\":{}}"), S("") },
	{ "of equal keys the last is asked for",
	  S("{\"model\":\"a\",\"model\":\"b\"}"),
	  S("{\"model\":\"c\",\"model\":\"d\"}"), S("\"d\"") },
	{ "a negative number is part of the mold",
	  S("{\"n\":-1,\"model\":\"m\"}"), S("{\"n\":-1,\"model\":\"x\"}"),
	  S("\"x\"") },
	{ "a key may look like a value",
	  S("{\"model\":\"m\",\"a\":\"b\",\"c\":\"d\"}"),
	  S("{\"model\":\"m\",\"x\":\"b\",\"c\":\"d\"}"), S("") },
	{ "a text of many values makes no mold",
	  S("{\"model\":\"m\",\"n\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
	    "1,1,1,1,1,1]}"),
	  S("{\"model\":\"m\",\"n\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
	    "1,1,1,1,1,1]}"),
	  S("") },
};

static void texts_fit_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct str raw = STR_NULL;
		struct json_error bad;
		struct mold m = { 0 };
		struct json doc;
		bool fits;

		check_int(rows[i].name,
			  json_parse(rows[i].made, NULL, &doc, &bad), 0);
		mold_make(&m, &doc,
			  json_get(&doc, json_root(&doc), STR("model")));
		json_fini(&doc);
		fits = mold_fits(&m, rows[i].text, &raw);
		check_int(rows[i].name, fits, rows[i].want.len > 0);
		if (fits)
			check_str(rows[i].name, raw, rows[i].want);
	}
}

static void an_empty_mold_fits_nothing(void **state)
{
	static const struct mold none = { 0 };
	struct str raw;

	(void)state;
	check_true("empty", !mold_fits(&none, STR(""), &raw));
	check_true("empty", !mold_fits(&none, STR("{}"), &raw));
}

/* What is cut anywhere is refused, and nothing beyond its end is read. */
static void every_cut_is_refused(void **state)
{
	struct str text = STR(MADE), raw;
	struct json_error bad;
	struct json doc;
	struct mold m;

	(void)state;
	check_int("made", json_parse(text, NULL, &doc, &bad), 0);
	mold_make(&m, &doc, json_get(&doc, json_root(&doc), STR("model")));
	json_fini(&doc);
	for (size_t n = 0; n < text.len; n++) {
		char *copy = test_malloc(n > 0 ? n : 1);

		memcpy(copy, text.ptr, n);
		check_true("a cut",
			   !mold_fits(&m, (struct str){ copy, n }, &raw));
		test_free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_fit_or_not),
		cmocka_unit_test(an_empty_mold_fits_nothing),
		cmocka_unit_test(every_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
