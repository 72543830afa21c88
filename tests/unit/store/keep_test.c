#include "tests/unit/store/fixture.h"

#include "store/walk.h"

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, FIXTURE_ARENA);
	return fixture_make(state);
}

static int end(void **state)
{
	arena_fini(&arena);
	return fixture_drop(state);
}

static struct str id_of(unsigned n)
{
	return arena_printf(&arena, "chatcmpl-%u", n);
}

static void the_oldest_expire_in_batches(void **state)
{
	const struct store_expiry e = { .before = 1700001003, .max = 20 };
	struct store *s = fixture_open();
	struct store_info info;
	unsigned count = 0;

	(void)state;
	for (unsigned n = 0; n < 100; n++)
		fixture_put(s, 0, n);
	check_int("info", store_info(s, &info), 0);
	check_int("rows", info.rows, 100);
	check_int("oldest", info.oldest, 1700000000);
	check_int("newest", info.newest, 1700000009);
	check_int("schema", info.schema, 2);
	check_int("expire", store_expire(s, &e, &count), 0);
	check_int("as many as asked", count, 20);
	check_int("expire", store_expire(s, &e, &count), 0);
	check_int("those that are left", count, 10);
	check_int("info", store_info(s, &info), 0);
	check_int("rows", info.rows, 70);
	check_int("oldest", info.oldest, 1700000003);
	fixture_close(s);
}

static void what_is_too_much_expires(void **state)
{
	struct store_expiry e = { .max = 7 };
	struct store *s = fixture_open();
	struct store_completion got;
	struct store_info info;
	unsigned count = 7, gone = 0;

	(void)state;
	for (unsigned n = 0; n < 100; n++)
		fixture_put(s, 0, n);
	/* The oldest comes again: it is the youngest then. */
	got = fixture_row(&arena, 0);
	got.stored_at = 1800000000;
	check_int("put", store_put(s, 0, &got), 0);
	check_int("info", store_info(s, &info), 0);
	e.bytes_max = info.bytes / 2;
	while (count == 7) {
		check_int("expire", store_expire(s, &e, &count), 0);
		gone += count;
	}
	check_int("info", store_info(s, &info), 0);
	check_true("below", info.bytes <= e.bytes_max);
	check_true("hardly", info.bytes > e.bytes_max - 1000);
	check_int("rows", info.rows, 100 - gone);
	check_int("get", store_get(s, STR(""), id_of(0), &arena, &got), 0);
	check_int("get", store_get(s, STR(""), id_of(1), &arena, &got),
		  STORE_UNKNOWN);
	check_int("get", store_get(s, STR(""), id_of(99), &arena, &got), 0);
	fixture_close(s);
}

static int count_row(void *arg, const struct store_completion *c)
{
	struct store_completion *last = arg;

	check_true("by sequence", c->seq > last->seq);
	last->seq = c->seq;
	last->total_us++;
	return 0;
}

static const struct walk_row {
	const char *name;
	struct store_query q;
	int64_t want;
} walks[] = {
	{ "all owners", { .walk = true }, 301 },
	{ "one owner", { .walk = true, .one_owner = true }, 300 },
	{ "since", { .walk = true, .since = 1700000029 }, 11 },
	{ "until", { .walk = true, .until = 1700000001 }, 10 },
	{ "both",
	  { .walk = true, .since = 1700000001, .until = 1700000003 },
	  20 },
	{ "a model", { .walk = true, .model = STR_INIT("echo/echo") }, 101 },
	{ "metadata",
	  { .walk = true,
	    .metadata = { { STR_INIT("k"), STR_INIT("2") } },
	    .metadata_count = 1 },
	  60 },
};

static void a_walk_goes_along_all_rows(void **state)
{
	struct store *s = fixture_open();
	struct store_completion c;

	(void)state;
	for (unsigned n = 0; n < 300; n++)
		fixture_put(s, 0, n);
	c = fixture_row(&arena, 300);
	c.owner = STR("bob");
	check_int("put", store_put(s, 0, &c), 0);
	for (size_t i = 0; i < countof(walks); i++) {
		c = (struct store_completion){ 0 };
		check_int(walks[i].name,
			  store_walk(s, &walks[i].q, count_row, &c), 0);
		check_int(walks[i].name, c.total_us, walks[i].want);
	}
	fixture_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_oldest_expire_in_batches),
		TEST(what_is_too_much_expires),
		TEST(a_walk_goes_along_all_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
