#include "json/json.h"
#include "json/scan.h"

#include "tests/unit/table.h"

#include <stdlib.h>

#define S(literal) STR_INIT(literal)

static const struct json_limits limits = { .depth = 8, .nodes = 40 };

/*
 * A copy of exactly its size, so that AddressSanitizer sees a read past the
 * end; with a NUL behind it would not.
 */
static struct str exact(struct str text)
{
	char *copy = xmalloc(text.len);

	memcpy(copy, text.ptr, text.len);
	return (struct str){ copy, text.len };
}

static int parse_exact(struct str text, struct json_error *error)
{
	struct str copy = exact(text);
	struct json doc;
	int r = json_parse(copy, &limits, &doc, error);

	if (r == 0)
		json_fini(&doc);
	free((void *)(uintptr_t)copy.ptr);
	return r;
}

static const struct {
	const char *name;
	struct str text;
} valid[] = {
	{ "an empty object", S("{}") },
	{ "an empty array", S("[]") },
	{ "space in an empty object", S("{ }") },
	{ "space in an empty array", S("[\t\r\n ]") },
	{ "space around everything",
	  S(" \n{ \"a\" : [ 1 , 2 ] , \"b\":{}}\t") },
	{ "null alone", S("null") },
	{ "true alone", S("true") },
	{ "false alone", S("false") },
	{ "zero", S("[0]") },
	{ "minus zero", S("[-0]") },
	{ "an integer", S("[-1234567890123456789012345678901234567890]") },
	{ "a fraction", S("[0.5,-0.0,10.25]") },
	{ "exponents", S("[1e5,1E+5,1.5e-5,0e0,1e99999]") },
	{ "a number alone", S("12") },
	{ "an empty string", S("\"\"") },
	{ "all short escapes", S("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"") },
	{ "unicode escapes", S("\"\\u0000\\u00e9\\uABCD\\uabcd\"") },
	{ "a surrogate pair", S("\"\\ud83e\\udd99\"") },
	{ "a lone high surrogate", S("\"\\ud83e\"") },
	{ "a lone low surrogate", S("\"\\udd99x\"") },
	{ "DEL in a string", S("\"\x7f\"") },
	{ "UTF-8 of 2 bytes, first and last", S("\"\xc2\x80\xdf\xbf\"") },
	{ "UTF-8 of 3 bytes, first", S("\"\xe0\xa0\x80\"") },
	{ "UTF-8 below the surrogates", S("\"\xed\x9f\xbf\"") },
	{ "UTF-8 above the surrogates", S("\"\xee\x80\x80\xef\xbf\xbf\"") },
	{ "UTF-8 of 4 bytes, first", S("\"\xf0\x90\x80\x80\"") },
	{ "U+10FFFF", S("\"\xf4\x8f\xbf\xbf\"") },
	{ "characters of all lengths in a row",
	  S("\"\xc3\xa9\xe6\x95\x8f\xf0\x9f\xa6\x99\xe6\x95\x8f\xe6\x95\x8f"
	    "\xc3\xa9\\n\\t\\t\xe0\xa0\x80x\xed\x9f\xbf\"") },
	{ "a byte order mark inside a string", S("\"\xef\xbb\xbf\"") },
	{ "an empty key", S("{\"\":0}") },
	{ "equal keys", S("{\"a\":1,\"a\":2}") },
	{ "escapes in a key", S("{\"mod\\u0065l\":1}") },
	{ "as deep as allowed", S("[[[[[[[[]]]]]]]]") },
	{ "deep and mixed", S("{\"a\":[{\"b\":[{\"c\":{}}]},1]}") },
	{ "as many values as allowed",
	  S("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
	    "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]") },
	{ "a string longer than a vector",
	  S("\"0123456789abcdef0123456789abcdef0123456789abcdef0123\"") },
	{ "an escape at a vector's edge",
	  S("[\"0123456789abcd\\n\",\"0123456789abc\\n0123456789abcde\"]") },
	{ "a chat request",
	  S("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
	    "\"Hi \xf0\x9f\xa6\x99\\n\"}],\"stream\":true,\"n\":1.5}") },
};

static void valid_texts_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(valid); i++) {
		struct json_error e = { 0 };

		if (parse_exact(valid[i].text, &e) != 0) {
			fail_msg("%s: %s at %zu", valid[i].name, e.what,
				 e.offset);
		}
	}
}

/* A number alone is the one text of which a beginning may be whole as well. */
static void beginnings_of_valid_texts_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(valid); i++) {
		struct str text = str_trim(valid[i].text);

		if (text.ptr[0] >= '0' && text.ptr[0] <= '9')
			continue;
		for (size_t n = 0; n < text.len; n++) {
			struct json_error e = { 0 };

			check_int(valid[i].name,
				  parse_exact(str_take(text, n), &e), JSON_BAD);
			check_true(valid[i].name, e.what != NULL);
			check_true(valid[i].name, e.offset <= n);
		}
	}
}

static const struct {
	const char *name;
	struct str text;
	size_t offset;
	const char *what; /* is in the reason */
} refused[] = {
	{ "nothing", S(""), 0, "empty" },
	{ "only space", S("  "), 2, "ends where a value" },
	{ "a byte order mark", S("\xef\xbb\xbf{}"), 0, "byte order mark" },
	{ "two values", S("{} {}"), 3, "nothing after" },
	{ "a bracket too many", S("[]]"), 2, "nothing after" },
	{ "a NUL behind", S("[]\0"), 2, "nothing after" },
	{ "a trailing comma in an array", S("[1,]"), 3, "no comma before" },
	{ "a trailing comma in an object", S("{\"a\":1,}"), 7,
	  "no comma before" },
	{ "a comma only", S("[,]"), 1, "expected a value" },
	{ "two commas", S("[1,,2]"), 3, "expected a value" },
	{ "no comma", S("[1 2]"), 3, "',' or ']'" },
	{ "no comma between members", S("{\"a\":1 \"b\":2}"), 7, "',' or '}'" },
	{ "the wrong bracket", S("[1}"), 2, "',' or ']'" },
	{ "the wrong brace", S("{\"a\":1]"), 6, "',' or '}'" },
	{ "the wrong brace at once", S("[}"), 1, "expected a value" },
	{ "a brace for a value", S("{\"a\":}"), 5, "expected a value" },
	{ "a bracket for a value", S("{\"a\":]"), 5, "expected a value" },
	{ "no colon", S("{\"a\" 1}"), 5, "':'" },
	{ "a comma for the colon", S("{\"a\",1}"), 4, "':'" },
	{ "a bare key", S("{a:1}"), 1, "key in double quotes, or '}'" },
	{ "a bare second key", S("{\"b\":2,a:1}"), 7, "key in double quotes" },
	{ "a number for a key", S("{1:1}"), 1, "key in double quotes" },
	{ "a key in single quotes", S("{'a':1}"), 1, "double quotes" },
	{ "an open array", S("[1"), 2, "inside an array" },
	{ "an open object", S("{\"a\":1"), 6, "inside an object" },
	{ "an open string", S("[\"abc"), 1, "closing quote" },
	{ "an open key", S("{\"abc"), 1, "closing quote" },
	{ "a string in single quotes", S("['a']"), 1, "double quotes" },
	{ "Python's True", S("[True]"), 1, "lower case" },
	{ "Python's None", S("[None]"), 1, "None" },
	{ "NaN", S("[NaN]"), 1, "NaN" },
	{ "minus infinity", S("[-Infinity]"), 2, "digit after the minus" },
	{ "a comment", S("[ // x\n]"), 2, "comments" },
	{ "a comment for a key", S("{ # x\n}"), 2, "comments" },
	{ "a word cut short", S("[tru]"), 1, "bare words" },
	{ "a word too long", S("[nulls]"), 5, "',' or ']'" },
	{ "another word", S("[nil]"), 1, "bare words" },
	{ "a vertical tab", S("[\v1]"), 1, "expected a value" },
	{ "a no-break space", S("[\xc2\xa0]"), 1, "expected a value" },
	{ "a plus sign", S("[+1]"), 1, "plus" },
	{ "a leading zero", S("[01]"), 2, "leading zeros" },
	{ "a negative leading zero", S("[-01]"), 3, "leading zeros" },
	{ "a point first", S("[.5]"), 1, "starts with a digit" },
	{ "a point last", S("[1.]"), 3, "decimal point" },
	{ "a point then e", S("[1.e1]"), 3, "decimal point" },
	{ "no exponent", S("[1e]"), 3, "exponent" },
	{ "no exponent after its sign", S("[1e+]"), 4, "exponent" },
	{ "two signs in the exponent", S("[1e+-1]"), 4, "exponent" },
	{ "hexadecimal", S("[0x1]"), 2, "',' or ']'" },
	{ "a minus alone", S("-"), 1, "minus" },
	{ "a line break in a string", S("\"a\nb\""), 2, "control" },
	{ "a NUL in a string", S("\"a\0b\""), 2, "control" },
	{ "0x1f in a string", S("\"\x1f\""), 1, "control" },
	{ "an unknown escape", S("\"\\x41\""), 1, "unknown escape" },
	{ "an upper case escape", S("\"\\N\""), 1, "unknown escape" },
	{ "an escape at the end", S("\"\\"), 1, "inside an escape" },
	{ "three digits", S("\"\\u123\""), 1, "4 hexadecimal" },
	{ "a digit that is none", S("\"\\u12g4\""), 1, "4 hexadecimal" },
	{ "a sign for a digit", S("\"\\u+123\""), 1, "4 hexadecimal" },
	{ "a tail byte alone", S("\"\x80\""), 1, "UTF-8" },
	{ "an overlong slash", S("\"\xc0\xaf\""), 1, "UTF-8" },
	{ "an overlong 0x7f", S("\"\xc1\xbf\""), 1, "UTF-8" },
	{ "an overlong of 3 bytes", S("\"\xe0\x9f\xbf\""), 1, "UTF-8" },
	{ "an overlong of 4 bytes", S("\"\xf0\x8f\xbf\xbf\""), 1, "UTF-8" },
	{ "the first surrogate", S("\"\xed\xa0\x80\""), 1, "UTF-8" },
	{ "the last surrogate", S("\"\xed\xbf\xbf\""), 1, "UTF-8" },
	{ "above U+10FFFF", S("\"\xf4\x90\x80\x80\""), 1, "UTF-8" },
	{ "a byte that UTF-8 never has", S("\"ab\xf5\x80\x80\x80\""), 3,
	  "UTF-8" },
	{ "a bad character after good ones",
	  S("\"\xe6\x95\x8f\xe6\x95\x8f\xed\xa0\x80\""), 7, "UTF-8" },
	{ "a bad escape after good ones", S("\"\\n\\t\\x\""), 5,
	  "unknown escape" },
	{ "0xff", S("\"\xff\""), 1, "UTF-8" },
	{ "2 bytes cut by the quote", S("\"\xc3\""), 1, "UTF-8" },
	{ "3 bytes cut by the quote", S("\"\xe2\x82\""), 1, "UTF-8" },
	{ "4 bytes cut by the quote", S("\"\xf0\x9f\xa6\""), 1, "UTF-8" },
	{ "3 bytes with a bad second", S("\"\xe2\x28\xa1\""), 1, "UTF-8" },
	{ "4 bytes with a bad third", S("\"\xf0\x9f\x28\x99\""), 1, "UTF-8" },
	{ "UTF-8 outside of strings", S("[\xc3\xa9]"), 1, "expected a value" },
	{ "too deep", S("[[[[[[[[[]]]]]]]]]"), 8, "nested deeper" },
	{ "too deep in objects",
	  S("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}"
	    "}"),
	  40, "nested deeper" },
	{ "too many values",
	  S("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
	    "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"),
	  79, "more values" },
};

static void bad_texts_are_refused_with_place_and_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(refused); i++) {
		struct json_error e = { 0 };

		check_int(refused[i].name, parse_exact(refused[i].text, &e),
			  JSON_BAD);
		check_int(refused[i].name, e.offset, refused[i].offset);
		if (strstr(e.what, refused[i].what) == NULL) {
			fail_msg("%s: got '%s', want '%s'", refused[i].name,
				 e.what, refused[i].what);
		}
	}
}

static void errors_have_line_and_column(void **state)
{
	static const struct {
		const char *name;
		struct str text;
		uint32_t line, column;
	} rows[] = {
		{ "the first line", S("[x]"), 1, 2 },
		{ "after a line break", S("[\n  x]"), 2, 3 },
		{ "right behind a line break", S("[\nx]"), 2, 1 },
		{ "CR LF is one line break", S("[\r\n\r\n x]"), 3, 2 },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct json_error e = { 0 };

		check_int(rows[i].name, parse_exact(rows[i].text, &e),
			  JSON_BAD);
		check_int(rows[i].name, e.line, rows[i].line);
		check_int(rows[i].name, e.column, rows[i].column);
	}
}

static void zero_limits_are_the_standard_ones(void **state)
{
	char text[2 * 129];
	struct json_error e;
	struct json doc;

	(void)state;
	memset(text, '[', 129);
	memset(text + 129, ']', 129);
	check_int("129 deep",
		  json_parse((struct str){ text, 258 },
			     &(struct json_limits){ 0 }, &doc, &e),
		  JSON_BAD);
	check_int("where", e.offset, 128);
	check_int("128 deep",
		  json_parse((struct str){ text + 1, 256 },
			     &(struct json_limits){ 0 }, &doc, &e),
		  0);
	check_int("memory", doc.node_cap, 128);
	json_fini(&doc);
}

/* Each special byte at each place of buffers of each length up to 40. */
static void both_scanners_find_the_same_byte(void **state)
{
	uint8_t text[40];

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++) {
		for (unsigned k = 0; k < 256 * (len + 1); k++) {
			const uint8_t *end = text + len;
			size_t at = k / 256, want;
			uint8_t c = (uint8_t)k;

			memset(text, 'a', sizeof(text));
			if (at < len)
				text[at] = c;
			want = scan_is_plain(c) ? len : at;
			check_int("vector", scan_plain(text, end) - text, want);
			check_int("portable",
				  scan_plain_portable(text, end) - text, want);
		}
	}
}

/* Of three bytes and what fills four: the fast way says what the slow says. */
static void characters_end_where_the_table_says(void **state)
{
	static const uint8_t thirds[] = { 'a', 0x7f, 0x80, 0xbf, 0xc0, 0xe4 };

	(void)state;
	for (unsigned k = 0; k < 256 * 256 * countof(thirds); k++) {
		uint8_t text[5] = { (uint8_t)(k >> 8), (uint8_t)k,
				    thirds[k >> 16], 'a', 'a' };
		size_t want = 0, n = 1;

		while (text[want] >= 0x80 && n > 0) {
			n = utf8_len(text + want, text + sizeof(text));
			want += n;
		}
		check_int("whole", scan_utf8(text, text + sizeof(text)) - text,
			  want);
		if (want <= 3) {
			check_true("short", scan_utf8(text, text + 3) - text <=
						    (ptrdiff_t)want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_texts_are_accepted),
		cmocka_unit_test(beginnings_of_valid_texts_are_refused),
		cmocka_unit_test(bad_texts_are_refused_with_place_and_reason),
		cmocka_unit_test(errors_have_line_and_column),
		cmocka_unit_test(zero_limits_are_the_standard_ones),
		cmocka_unit_test(both_scanners_find_the_same_byte),
		cmocka_unit_test(characters_end_where_the_table_says),
	};

	return cmocka_run_group_tests_name("json parse", tests, NULL, NULL);
}
