#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

static void str_to_i64_reads_what_it_should(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t want;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "", false, 0 },
		{ "-", false, 0 },
		{ "+1", false, 0 },
		{ " 1", false, 0 },
		{ "1a", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		int64_t n = 0;
		bool ok = str_to_i64(str_of(cases[i].text), INT64_MIN,
				     INT64_MAX, &n);

		check_int(cases[i].text, ok, cases[i].ok);
		check_int(cases[i].text, n, cases[i].want);
	}
}

static void str_distance_counts_edits(void **state)
{
	static const struct {
		const char *a, *b;
		size_t want;
	} cases[] = {
		{ "", "", 0 },
		{ "abc", "abc", 0 },
		{ "abc", "", 3 },
		{ "prot", "port", 1 },
		{ "potr", "port", 1 },
		{ "por", "port", 1 },
		{ "kitten", "sitting", 3 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		check_int(cases[i].a,
			  str_distance(str_of(cases[i].a), str_of(cases[i].b)),
			  cases[i].want);
	}
}

/* Every byte against every byte, at every place of every length. */
static void str_eq_nocase_knows_letters_only(void **state)
{
	char a[20], b[20];

	(void)state;
	memset(a, 'x', sizeof(a));
	memset(b, 'X', sizeof(b));
	for (size_t len = 1; len <= sizeof(a); len++) {
		for (int pair = 0; pair < 256 * 256; pair++) {
			size_t at = (size_t)pair % len;
			bool want = str_lower((char)(pair >> 8)) ==
				    str_lower((char)pair);

			a[at] = (char)(pair >> 8);
			b[at] = (char)pair;
			if (str_eq_nocase((struct str){ a, len },
					  (struct str){ b, len }) != want)
				fail_msg("%04x at %zu of %zu", pair, at, len);
			a[at] = 'x';
			b[at] = 'X';
		}
	}
	assert_false(str_eq_nocase(STR("abcdefgh"), STR("abcdefghi")));
}

static void str_parts(void **state)
{
	struct str head, tail;

	(void)state;
	assert_true(str_cut(STR("a=b=c"), '=', &head, &tail));
	check_str("head", head, STR("a"));
	check_str("tail", tail, STR("b=c"));
	assert_false(str_cut(STR("abc"), '=', &head, &tail));
	check_str("no mark", head, STR("abc"));
	check_str("trim", str_trim(STR(" \t a b\r\n")), STR("a b"));
	check_int("find", str_find(STR("hello"), STR("ll")), 2);
	check_int("find none", str_find(STR("hello"), STR("x")), 5);
	assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
	assert_true(str_cmp(STR("a"), STR("ab")) < 0);
}

static void buf_keeps_its_limit(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	check_int("add", buf_add(&b, STR("12345")), 0);
	check_int("too much", buf_add(&b, STR("6789")), -EMSGSIZE);
	check_str("as it was", buf_str(&b), STR("12345"));
	check_int("exactly full", buf_printf(&b, "%d", 678), 0);
	check_str("full", buf_str(&b), STR("12345678"));
	check_int("over", buf_printf(&b, "x"), -EMSGSIZE);
	buf_drop(&b, 5);
	check_str("dropped", buf_str(&b), STR("678"));
	buf_fini(&b);
}

/* How much of a key lies in memory that was an arena's, as malloc() gives it. */
static size_t left_behind(void (*end)(struct arena *a))
{
	enum {
		KEY = 3000
	};
	struct arena a;
	size_t n = 0;
	char *p;

	arena_init(&a, 1 << 20);
	memset(arena_alloc(&a, KEY), 'k', KEY);
	end(&a);
	p = xmalloc(KEY + 32);
	for (size_t i = 0; i < KEY; i++) {
		__asm__ volatile("" : : "r"(p) : "memory");
		n += p[i] == 'k';
	}
	free(p);
	return n;
}

static void a_wiped_arena_leaves_nothing(void **state)
{
	(void)state;
	/* Sanitizers do not give it out again, valgrind minds the looking. */
	if (RUNNING_ON_VALGRIND || left_behind(arena_fini) < 1000)
		skip();
	check_int("bytes of the key", left_behind(arena_wipe), 0);
}

static void arena_marks_and_rewinds(void **state)
{
	struct arena a;
	struct arena_mark mark;

	(void)state;
	arena_init(&a, 1 << 20);
	for (int round = 0; round < 100; round++) {
		mark = arena_mark(&a);
		for (int i = 0; i < 100; i++) {
			char *p = arena_zalloc(&a, (size_t)(1 + i * 37));

			assert_true((uintptr_t)p % 16 == 0);
			p[i * 37] = 1;
		}
		arena_rewind(&a, mark);
		check_int("used", a.used, 0);
	}
	assert_non_null(arena_try(&a, 1 << 20));
	assert_null(arena_try(&a, 1));
	arena_reset(&a);
	check_str("printf", arena_printf(&a, "%s-%d", "x", 7), STR("x-7"));
	arena_fini(&a);
}

static void map_finds_what_was_put(void **state)
{
	static char keys[1000][8];
	struct map m = { 0 };
	size_t at = 0, seen = 0;

	(void)state;
	assert_null(map_get(&m, STR("x")));
	assert_null(map_drop(&m, STR("x")));
	for (size_t i = 0; i < 1000; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
		assert_null(map_put(&m, str_of(keys[i]), keys[i]));
	}
	for (size_t i = 0; i < 1000; i += 2)
		assert_ptr_equal(map_drop(&m, str_of(keys[i])), keys[i]);
	for (size_t i = 0; i < 1000; i++) {
		assert_ptr_equal(map_get(&m, str_of(keys[i])),
				 i % 2 ? keys[i] : NULL);
	}
	while (map_next(&m, &at) != NULL)
		seen++;
	check_int("walk", seen, 500);
	check_int("len", m.len, 500);
	map_fini(&m);
}

static void list_adds_and_drops(void **state)
{
	struct node {
		int n;
		struct list link;
	} nodes[3] = { { .n = 1 }, { .n = 2 }, { .n = 3 } };
	struct list head;
	int sum = 0;

	(void)state;
	list_init(&head);
	assert_null(list_take(&head));
	for (int i = 0; i < 3; i++)
		list_add(&head, &nodes[i].link);
	list_drop(&nodes[1].link);
	list_drop(&nodes[1].link);
	list_for_each(l, &head)
		sum = 10 * sum + list_entry(l, struct node, link)->n;
	check_int("order", sum, 13);
	assert_ptr_equal(list_take(&head), &nodes[0].link);
}

static int fail_deep(void)
{
	return err_new(-EPROTO, "line over %d bytes", 7);
}

static void times_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} cases[] = {
		{ "2026-05-01T12:00:00Z", 1777636800 },
		{ "2026-05-01T12:00:00.123Z", 1777636800 },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-05-01T12:00:00+00:00", 1777636800 },
		{ "2026-05-01T12:00:00.123456+00:00", 1777636800 },
		{ "2026-12-31T23:59:60Z", 1798761600 },
		{ "2026-05-01T12:00:00+02:00", -1 },
		{ "2026-05-01T12:00:00 and more Z", -1 },
		{ "2026-05-01T12:00:00Z and more", -1 },
		{ "2026-05-01T12:00:00.Z", -1 },
		{ "2026-05-01T12:00:00.", -1 },
		{ "2026-00-01T12:00:00Z", -1 },
		{ "2026-13-01T12:00:00Z", -1 },
		{ "2026-05-00T12:00:00Z", -1 },
		{ "2026-05-32T12:00:00Z", -1 },
		{ "2026-05-01T24:00:00Z", -1 },
		{ "2026-05-01T12:60:00Z", -1 },
		{ "2026-05-01T12:00:61Z", -1 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "2026-05-01T12:00:00", -1 },
		{ "2026-05-01T12:00Z", -1 },
		{ "2026-05-01 12:00:00Z", -1 },
		{ "2026-5-01T12:00:00Z", -1 },
		{ "9999-05-01T12:00:00Z", -1 },
		{ "Z", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		int64_t got = -1;
		bool ok = clock_read(str_of(cases[i].text), &got);

		check_int(cases[i].text, ok, cases[i].want >= 0);
		check_int(cases[i].text, got, cases[i].want);
	}
}

static void err_keeps_text_and_frames(void **state)
{
	int r = fail_deep();

	(void)state;
	r = err_up(r);
	check_int("code", r, -EPROTO);
	check_str("text", err_text(), STR("line over 7 bytes"));
	check_int("frames", context_get()->frame_count, 2);
	context_set_request_id(STR("req_1"));
	check_str("request id", context_request_id(), STR("req_1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(str_to_i64_reads_what_it_should),
		cmocka_unit_test(str_distance_counts_edits),
		cmocka_unit_test(str_eq_nocase_knows_letters_only),
		cmocka_unit_test(str_parts),
		cmocka_unit_test(buf_keeps_its_limit),
		cmocka_unit_test(arena_marks_and_rewinds),
		cmocka_unit_test(a_wiped_arena_leaves_nothing),
		cmocka_unit_test(map_finds_what_was_put),
		cmocka_unit_test(list_adds_and_drops),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(err_keeps_text_and_frames),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
