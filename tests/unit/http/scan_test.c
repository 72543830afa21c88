#include "http/scan.h"

#include "tests/unit/table.h"

enum {
	LEN_MAX = 40
};

static bool may_stand_in_value(uint8_t c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool may_stand_in_line(uint8_t c)
{
	return c != '\r' && c != '\n';
}

static bool may_stand_in_token(uint8_t c)
{
	return c != '\0' &&
	       strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		      c) != NULL;
}

/*
 * The long runs are looked at in blocks, where a byte may hide behind another:
 * every byte, at every place, before every kind of neighbour.
 */
static void every_byte_is_found_at_every_place(void **state)
{
	static const struct {
		const char *name;
		size_t (*scan)(struct str s);
		bool (*may_stand)(uint8_t c);
	} cases[] = {
		{ "value", scan_value, may_stand_in_value },
		{ "line", scan_line, may_stand_in_line },
		{ "token", scan_token, may_stand_in_token },
	};
	static const char fills[] = { 'a', '~', '!', '_' };
	char text[LEN_MAX];

	(void)state;
	for (size_t i = 0; i < countof(cases) * LEN_MAX * 256; i++) {
		size_t k = i / LEN_MAX / 256, at = i / 256 % LEN_MAX;
		uint8_t c = (uint8_t)i;
		size_t want = cases[k].may_stand(c) ? LEN_MAX : at;

		memset(text, fills[i % 257 % sizeof(fills)], LEN_MAX);
		text[at] = (char)c;
		check_int(cases[k].name,
			  cases[k].scan((struct str){ text, LEN_MAX }), want);
		check_int(cases[k].name,
			  cases[k].scan((struct str){ text, at }), at);
	}
}

/* A byte that is let through must not hide the next one. */
static void the_first_of_two_is_found(void **state)
{
	char text[LEN_MAX];

	(void)state;
	for (int i = 0; i < 256 * LEN_MAX; i++) {
		size_t at = (size_t)i / 256, want = LEN_MAX;
		uint8_t first = (uint8_t)i;

		if (at + 1 == LEN_MAX)
			break;
		memset(text, 'a', LEN_MAX);
		text[at] = (char)first;
		text[at + 1] = '\n';
		want = may_stand_in_value(first) ? at + 1 : at;
		check_int("value", scan_value((struct str){ text, LEN_MAX }),
			  want);
		want = may_stand_in_line(first) ? at + 1 : at;
		check_int("line", scan_line((struct str){ text, LEN_MAX }),
			  want);
	}
}

static void classes_are_those_of_the_standards(void **state)
{
	static const struct {
		const char *name;
		unsigned class;
		const char *marks; /* besides letters and digits */
	} cases[] = {
		{ "token", SCAN_TOKEN, "!#$%&'*+-.^_`|~" },
		{ "host", SCAN_HOST, "!$%&'()*+,-.:;=[]_~" },
		{ "plain", SCAN_PLAIN, "-._~" },
		{ "name", SCAN_NAME, "-._" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases) * 256; i++) {
		char c = (char)i;
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z');
		bool mark =
			c != '\0' && strchr(cases[i / 256].marks, c) != NULL;

		if (scan_is(c, cases[i / 256].class) != (alnum || mark))
			fail_msg("%s: byte 0x%02x", cases[i / 256].name,
				 (unsigned)(uint8_t)c);
	}
}

static void targets_are_visible(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char text[] = { '/', (char)i, 'a' };

		check_int("target",
			  scan_is_target((struct str){ text, sizeof(text) }),
			  i > ' ' && i < 0x7f && i != '#');
	}
	check_true("not empty", !scan_is_target(STR("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_is_found_at_every_place),
		cmocka_unit_test(the_first_of_two_is_found),
		cmocka_unit_test(classes_are_those_of_the_standards),
		cmocka_unit_test(targets_are_visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
