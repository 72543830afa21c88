#include "provider/shown.h"

#include "tests/unit/table.h"

static void foreign_text_is_one_readable_line(void **state)
{
	static const struct {
		const char *name, *in, *out;
	} cases[] = {
		{ "nothing", "", "" },
		{ "text", " Bad\r\n\tGateway ", "Bad Gateway" },
		{ "UTF-8 stays", "caf\xc3\xa9 \xe2\x82\xac",
		  "caf\xc3\xa9 \xe2\x82\xac" },
		{ "what is none does not",
		  "a\xff\xc3"
		  "b\x7f\x01"
		  "c",
		  "a??b? c" },
		{ "signs in text are no tags", "a<b and c>d", "a<b and c>d" },
		{ "a page",
		  "<!DOCTYPE html>\n<html><head><title>502</title><STYLE>h1 "
		  "{}</STYLE></head><body><h1>Bad</h1><p class=x>Gateway</p>"
		  "<script>a<b</script></body>",
		  "502 Bad Gateway" },
		{ "a page cut in a tag", "<p>a<b", "a" },
		{ "a page cut in a style", "<p>a<style>b", "a" },
	};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct str got = shown_text(str_of(cases[i].in), &a);

		if (!str_eq(got, str_of(cases[i].out)))
			fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(got));
	}
	arena_fini(&a);
}

static void it_is_short_and_cuts_no_character(void **state)
{
	char text[1001];
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i == 0 ? 'x' : (i % 2 ? '\xc3' : '\xa9');
	assert_int_equal(shown_text((struct str){ text, 1001 }, &a).len, 299);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_text_is_one_readable_line),
		cmocka_unit_test(it_is_short_and_cuts_no_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
