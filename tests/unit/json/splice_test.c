#include "json/splice.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <stdio.h>

#define S(literal) STR_INIT(literal)

static const char *const none = NULL;

/*
 * Apply a step: "key=raw" sets, "-key" drops, "!path=raw" replaces; "@" and "~"
 * set and drop in the member "in".
 */
static void apply(struct splice *s, const struct json *doc, const char *step)
{
	struct str key, raw;
	uint32_t root = json_root(doc);
	int r;

	if (step[0] == '-') {
		r = splice_drop(s, doc, root, str_of(step + 1));
	} else if (step[0] == '!') {
		(void)str_cut(str_of(step + 1), '=', &key, &raw);
		r = splice_replace(s, doc, json_path(doc, root, key), raw);
	} else if (step[0] == '~') {
		r = splice_drop(s, doc, json_path(doc, root, STR("in")),
				str_of(step + 1));
	} else if (step[0] == '@') {
		(void)str_cut(str_of(step + 1), '=', &key, &raw);
		r = splice_set(s, doc, json_path(doc, root, STR("in")), key,
			       raw);
	} else {
		(void)str_cut(str_of(step), '=', &key, &raw);
		r = splice_set(s, doc, root, key, raw);
	}
	check_int(step, r, 0);
}

static const struct {
	const char *name;
	struct str text;
	const char *steps[4];
	struct str want;
} rows[] = {
	{ "nothing to do keeps the text",
	  S(" {\"a\" : 1 } "),
	  { none },
	  S(" {\"a\" : 1 } ") },
	{ "a value is replaced",
	  S("{\"model\":\"x\",\"n\":1}"),
	  { "model=\"gpt\"" },
	  S("{\"model\":\"gpt\",\"n\":1}") },
	{ "space and order stay",
	  S("{ \"n\" : 1 , \"model\" : \"x\" }"),
	  { "model=\"y\"" },
	  S("{ \"n\" : 1 , \"model\" : \"y\" }") },
	{ "a container is replaced",
	  S("{\"a\":[1,{\"b\":2}],\"c\":3}"),
	  { "a=null" },
	  S("{\"a\":null,\"c\":3}") },
	{ "each of equal keys is replaced",
	  S("{\"a\":1,\"b\":2,\"a\":3}"),
	  { "a=9" },
	  S("{\"a\":9,\"b\":2,\"a\":9}") },
	{ "an escaped key is found",
	  S("{\"mod\\u0065l\":1}"),
	  { "model=2" },
	  S("{\"mod\\u0065l\":2}") },
	{ "inner keys are left alone",
	  S("{\"x\":{\"a\":1},\"a\":2}"),
	  { "a=3" },
	  S("{\"x\":{\"a\":1},\"a\":3}") },
	{ "a member is added",
	  S("{\"a\":1}"),
	  { "b=2" },
	  S("{\"a\":1,\"b\":2}") },
	{ "a member is added behind space",
	  S("{\"a\":1 }"),
	  { "b=2" },
	  S("{\"a\":1 ,\"b\":2}") },
	{ "an empty object gets a member", S("{}"), { "a=1" }, S("{\"a\":1}") },
	{ "an empty object gets two",
	  S("{ }"),
	  { "a=1", "b=2" },
	  S("{ \"a\":1,\"b\":2}") },
	{ "three are added in order",
	  S("{\"x\":0}"),
	  { "a=1", "b=2", "c=3" },
	  S("{\"x\":0,\"a\":1,\"b\":2,\"c\":3}") },
	{ "the later of two adds wins",
	  S("{}"),
	  { "a=1", "b=2", "a=3" },
	  S("{\"a\":3,\"b\":2}") },
	{ "the later of two sets wins",
	  S("{\"a\":1}"),
	  { "a=2", "a=3" },
	  S("{\"a\":3}") },
	{ "the first is dropped",
	  S("{\"a\":1, \"b\":2}"),
	  { "-a" },
	  S("{\"b\":2}") },
	{ "the middle is dropped",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-b" },
	  S("{\"a\":1,\"c\":3}") },
	{ "the last is dropped",
	  S("{\"a\":1 ,\"b\":2 }"),
	  { "-b" },
	  S("{\"a\":1 }") },
	{ "the only one is dropped", S("{ \"a\":1 }"), { "-a" }, S("{  }") },
	{ "an absent one is not dropped",
	  S("{\"a\":1}"),
	  { "-b" },
	  S("{\"a\":1}") },
	{ "each of equal keys is dropped",
	  S("{\"a\":1,\"b\":2,\"a\":3}"),
	  { "-a" },
	  S("{\"b\":2}") },
	{ "equal keys are all there is",
	  S("{\"a\":1,\"a\":2}"),
	  { "-a" },
	  S("{}") },
	{ "neighbours are dropped in order",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-a", "-b" },
	  S("{\"c\":3}") },
	{ "neighbours are dropped backwards",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-b", "-a" },
	  S("{\"c\":3}") },
	{ "the tail is dropped in order",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-b", "-c" },
	  S("{\"a\":1}") },
	{ "the tail is dropped backwards",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-c", "-b" },
	  S("{\"a\":1}") },
	{ "both ends are dropped",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-a", "-c" },
	  S("{\"b\":2}") },
	{ "all are dropped",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-b", "-c", "-a" },
	  S("{}") },
	{ "all are dropped from the end",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "-c", "-b", "-a" },
	  S("{}") },
	{ "add, then drop the rest",
	  S("{\"a\":1}"),
	  { "b=2", "-a" },
	  S("{\"b\":2}") },
	{ "drop, then add", S("{\"a\":1}"), { "-a", "b=2" }, S("{\"b\":2}") },
	{ "drop, then add two",
	  S("{\"a\":1,\"c\":2}"),
	  { "-a", "-c", "b=2", "d=3" },
	  S("{\"b\":2,\"d\":3}") },
	{ "an added one is dropped",
	  S("{}"),
	  { "a=1", "b=2", "-a" },
	  S("{\"b\":2}") },
	{ "a replaced one is dropped",
	  S("{\"a\":1,\"b\":2}"),
	  { "b=3", "-b" },
	  S("{\"a\":1}") },
	{ "a dropped one is set again",
	  S("{\"a\":1,\"b\":2}"),
	  { "-a", "a=3" },
	  S("{\"b\":2,\"a\":3}") },
	{ "replace one, drop its neighbour",
	  S("{\"a\":1,\"b\":2,\"c\":3}"),
	  { "a=9", "-b", "c=8" },
	  S("{\"a\":9,\"c\":8}") },
	{ "an element is replaced",
	  S("{\"a\":[1,2,3]}"),
	  { "!a.1=\"x\"" },
	  S("{\"a\":[1,\"x\",3]}") },
	{ "the root is replaced", S(" {\"a\":1} "), { "!=[]" }, S(" [] ") },
	{ "inside of a replaced value nothing happens",
	  S("{\"in\":{\"a\":1}}"),
	  { "in=[]", "!in.a=2", "@a=3", "@b=4" },
	  S("{\"in\":[]}") },
	{ "nor is anything dropped there",
	  S("{\"in\":{\"a\":1,\"b\":2}}"),
	  { "in={}", "~a", "~b" },
	  S("{\"in\":{}}") },
	{ "a replaced value takes changes inside with it",
	  S("{\"in\":{\"a\":1}}"),
	  { "!in.a=2", "@b=4", "in=[]" },
	  S("{\"in\":[]}") },
	{ "a dropped value takes changes inside with it",
	  S("{\"in\":{\"a\":1},\"b\":2}"),
	  { "@b=4", "!in.a=3", "-in" },
	  S("{\"b\":2}") },
	{ "an inner object gets a member",
	  S("{\"in\":{},\"b\":2}"),
	  { "@x=1", "c=3" },
	  S("{\"in\":{\"x\":1},\"b\":2,\"c\":3}") },
	{ "ends that meet keep their members apart",
	  S("{\"in\":{}}"),
	  { "c=3", "@x=1" },
	  S("{\"in\":{\"x\":1},\"c\":3}") },
	{ "a key of UTF-8", S("{}"), { "\xc3\xa9=1" }, S("{\"\xc3\xa9\":1}") },
};

static void changes_give_the_wanted_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct splice s = { .text = rows[i].text };
		struct json_error e;
		struct json doc, again;
		struct buf out;

		buf_init(&out, 4096);
		check_int(rows[i].name,
			  json_parse(s.text, &(struct json_limits){ 0 }, &doc,
				     &e),
			  0);
		for (size_t k = 0; k < 4 && rows[i].steps[k] != NULL; k++)
			apply(&s, &doc, rows[i].steps[k]);
		check_int(rows[i].name, splice_write(&s, &out), 0);
		check_str(rows[i].name, buf_str(&out), rows[i].want);
		check_int(rows[i].name,
			  json_parse(buf_str(&out), &(struct json_limits){ 0 },
				     &again, &e),
			  0);
		json_fini(&again);
		json_fini(&doc);
		buf_fini(&out);
	}
}

static void pieces_are_slices_of_the_text(void **state)
{
	struct str text = STR("{\"model\":\"x\",\"n\":1}");
	struct splice s = { .text = text };
	struct str pieces[SPLICE_PIECES_MAX];
	struct json_error e;
	struct json doc;
	size_t n;

	(void)state;
	check_int("parse",
		  json_parse(text, &(struct json_limits){ 0 }, &doc, &e), 0);
	check_int("no change", splice_pieces(&s, pieces), 1);
	check_int("set", splice_set(&s, &doc, 0, STR("model"), STR("\"gpt\"")),
		  0);
	n = splice_pieces(&s, pieces);
	check_int("pieces", n, 3);
	assert_ptr_equal(pieces[0].ptr, text.ptr);
	check_str("value", pieces[1], STR("\"gpt\""));
	check_str("rest", pieces[2], STR(",\"n\":1}"));
	assert_ptr_equal(pieces[2].ptr, text.ptr + 12);
	json_fini(&doc);
}

static void the_number_of_changes_is_bounded(void **state)
{
	static const char *const keys[SPLICE_EDITS_MAX] = {
		"a", "b", "c", "d", "e", "f", "g", "h"
	};
	struct str text = STR("{\"x\":1,\"y\":2}");
	struct splice s = { .text = text };
	struct str pieces[SPLICE_PIECES_MAX];
	struct json_error e;
	struct json doc;

	(void)state;
	check_int("parse",
		  json_parse(text, &(struct json_limits){ 0 }, &doc, &e), 0);
	for (size_t i = 0; i < countof(keys); i++) {
		check_int(keys[i],
			  splice_set(&s, &doc, 0, str_of(keys[i]), STR("1")),
			  0);
	}
	check_int("pieces", splice_pieces(&s, pieces),
		  SPLICE_PIECES_MAX - (SPLICE_EDITS_MAX - 1));
	check_int("the same again", splice_set(&s, &doc, 0, STR("h"), STR("2")),
		  0);
	check_int("one more", splice_set(&s, &doc, 0, STR("i"), STR("1")),
		  -E2BIG);
	check_int("a replacement more",
		  splice_set(&s, &doc, 0, STR("x"), STR("1")), -E2BIG);
	check_int("a drop more", splice_drop(&s, &doc, 0, STR("y")), -E2BIG);
	json_fini(&doc);
}

/* Drops that meet are one change, whichever way they go. */
static void many_neighbours_can_be_dropped(void **state)
{
	static const char *const keys = "abcdefghijkl";
	struct str text = STR("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,"
			      "\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":0,"
			      "\"k\":1,\"l\":2}");
	struct splice s = { .text = text };
	struct json_error e;
	struct json doc;

	(void)state;
	check_int("parse",
		  json_parse(text, &(struct json_limits){ 0 }, &doc, &e), 0);
	for (size_t i = strlen(keys); i-- > 1;) {
		check_int("drop",
			  splice_drop(&s, &doc, 0, (struct str){ keys + i, 1 }),
			  0);
	}
	check_int("changes", s.edit_count, 1);
	json_fini(&doc);
}

static void new_keys_must_not_need_escapes(void **state)
{
	static const char *const keys[] = { "a\"b", "\\", "\n", "\xff" };
	struct splice s = { .text = STR("{}") };
	struct json_error e;
	struct json doc;

	(void)state;
	check_int("parse",
		  json_parse(s.text, &(struct json_limits){ 0 }, &doc, &e), 0);
	for (size_t i = 0; i < countof(keys); i++) {
		check_int(keys[i],
			  splice_set(&s, &doc, 0, str_of(keys[i]), STR("1")),
			  -EINVAL);
	}
	check_int("nothing was added", s.edit_count, 0);
	json_fini(&doc);
}

static void writing_over_the_limit_leaves_the_buffer(void **state)
{
	struct splice s = { .text = STR("{}") };
	struct json_error e;
	struct json doc;
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	check_int("parse",
		  json_parse(s.text, &(struct json_limits){ 0 }, &doc, &e), 0);
	check_int("set", splice_set(&s, &doc, 0, STR("a"), STR("12")), 0);
	check_int("before", buf_add(&out, STR("x")), 0);
	check_int("over", splice_write(&s, &out), -EMSGSIZE);
	check_str("as it was", buf_str(&out), STR("x"));
	json_fini(&doc);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_give_the_wanted_text),
		cmocka_unit_test(pieces_are_slices_of_the_text),
		cmocka_unit_test(the_number_of_changes_is_bounded),
		cmocka_unit_test(many_neighbours_can_be_dropped),
		cmocka_unit_test(new_keys_must_not_need_escapes),
		cmocka_unit_test(writing_over_the_limit_leaves_the_buffer),
	};

	return cmocka_run_group_tests_name("splice", tests, NULL, NULL);
}
