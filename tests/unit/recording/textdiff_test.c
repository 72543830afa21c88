#include "recording/textdiff.h"

#include "tests/unit/table.h"

#include "base/arena.h"
#include "recording/differ.h"

#define S(literal) STR_INIT(literal)

struct result {
	struct arena arena;
	struct str text;
};

static void note(void *arg, enum textdiff_kind kind, struct str text)
{
	static const char *const marks[] = { "=", "-", "+" };
	struct result *r = arg;

	r->text = arena_printf(&r->arena, STR_FMT "%s" STR_FMT "|",
			       STR_ARG(r->text), marks[kind], STR_ARG(text));
}

static const struct {
	const char *name;
	enum textdiff_unit unit;
	struct str was, now, want;
} rows[] = {
	{ "nothing", TEXTDIFF_WORDS, S(""), S(""), S("") },
	{ "the same", TEXTDIFF_WORDS, S("a b"), S("a b"), S("=a b|") },
	{ "all new", TEXTDIFF_WORDS, S(""), S("a b"), S("+a b|") },
	{ "all gone", TEXTDIFF_WORDS, S("a b"), S(""), S("-a b|") },
	{ "a word", TEXTDIFF_WORDS, S("the quick fox"), S("the slow fox"),
	  S("=the |-quick|+slow|= fox|") },
	{ "a word more", TEXTDIFF_WORDS, S("a c"), S("a b c"),
	  S("=a |+b |=c|") },
	{ "words apart", TEXTDIFF_WORDS, S("a b c d e"), S("x b c y e"),
	  S("-a|+x|= b c |-d|+y|= e|") },
	{ "a line in the middle", TEXTDIFF_LINES, S("1\n2\n3\n"), S("1\n3\n"),
	  S("=1\n|-2\n|=3\n|") },
	{ "no newline at the end", TEXTDIFF_LINES, S("1\n2"), S("1\n2\n"),
	  S("=1\n|-2|+2\n|") },
	{ "repeats", TEXTDIFF_LINES, S("a\na\nb\n"), S("a\nb\nb\n"),
	  S("=a\n|-a\n|+b\n|=b\n|") },
};

static void texts_are_compared(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct result r = { .text = STR("") };

		arena_init(&r.arena, 1 << 20);
		textdiff(rows[i].was, rows[i].now, rows[i].unit, note, &r);
		check_str(rows[i].name, r.text, rows[i].want);
		arena_fini(&r.arena);
	}
}

static void count_bytes(void *arg, enum textdiff_kind kind, struct str text)
{
	size_t *counts = arg;

	counts[kind] += text.len;
}

static void what_is_too_long_is_one_change(void **state)
{
	size_t counts[3] = { 0 }, n = (size_t)40 << 10;
	struct arena a;
	char *was, *now;

	(void)state;
	arena_init(&a, 1 << 20);
	was = arena_alloc(&a, n);
	now = arena_alloc(&a, n);
	for (size_t i = 0; i < n; i++) {
		was[i] = i % 2 == 0 ? 'a' : ' ';
		now[i] = i % 2 == 0 ? 'b' : ' ';
	}
	was[0] = now[0] = '=';
	textdiff((struct str){ was, n }, (struct str){ now, n }, TEXTDIFF_WORDS,
		 count_bytes, counts);
	check_int("gone and new", counts[TEXTDIFF_GONE], counts[TEXTDIFF_NEW]);
	check_int("all is said", counts[TEXTDIFF_GONE] + counts[TEXTDIFF_SAME],
		  n);
	check_int("both ends are the same", counts[TEXTDIFF_SAME], 3);
	arena_fini(&a);
}

static void note_change(void *arg, const struct differ_change *c)
{
	struct result *r = arg;

	r->text = arena_printf(&r->arena,
			       STR_FMT STR_FMT "%s" STR_FMT ">%s" STR_FMT "%s|",
			       STR_ARG(r->text), STR_ARG(c->pointer),
			       c->was.ptr == NULL ? "?" : ":", STR_ARG(c->was),
			       c->now.ptr == NULL ? "?" : "", STR_ARG(c->now),
			       c->is_text ? "t" : "");
}

static void each_difference_is_said(void **state)
{
	struct result r = { .text = STR("") };
	struct json_error e;
	struct json was, now;

	(void)state;
	arena_init(&r.arena, 1 << 20);
	check_int(
		"was",
		json_parse(STR("{\"a\":1,\"b\":\"x\",\"c\":[\"\",2],\"g\":0}"),
			   NULL, &was, &e),
		0);
	check_int("now",
		  json_parse(
			  STR("{\"a\":1.0,\"b\":\"y\",\"c\":[\"z\"],\"n\":{}}"),
			  NULL, &now, &e),
		  0);
	check_int("count", differ_each(&was, &now, &r.arena, note_change, &r),
		  5);
	check_str("all", r.text,
		  STR("/b:x>yt|/c/0:>zt|/c/1:2>?|/n?>{}|/g:0>?|"));
	json_fini(&was);
	json_fini(&now);
	arena_fini(&r.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_compared),
		cmocka_unit_test(what_is_too_long_is_one_change),
		cmocka_unit_test(each_difference_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
