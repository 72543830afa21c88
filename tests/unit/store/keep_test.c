#include "tests/unit/store/fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/row.h"
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
	check_int("schema", info.schema, 3);
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

/* Opens it with retention, and waits until so many rows are left. */
static void wait_for_rows(const struct store_cfg *cfg, int64_t want)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	int64_t until = fixture_soon();
	struct store_info info = { .rows = -1 };
	struct store_counts counts;
	struct store *s;

	check_int("open", store_open(cfg, &s), 0);
	check_int("info", store_info(s, &info), 0);
	while (info.rows != want && clock_monotonic() < until) {
		(void)nanosleep(&pause, NULL);
		check_int("info", store_info(s, &info), 0);
	}
	check_int("rows that are left", info.rows, want);
	store_counts(s, &counts);
	check_int("counted", counts.expired, 1000 - want);
	fixture_close(s);
}

static void what_is_old_goes_by_itself(void **state)
{
	struct store_cfg cfg = { .uri = str_of(fixture_uri), .keep_s = 86400 };
	struct store *s = fixture_open();
	struct store_completion c;

	(void)state;
	for (unsigned n = 0; n < 1000; n++) {
		c = fixture_row(&arena, n);
		if (n >= 900)
			c.stored_at = 0; /* now */
		check_int("put", store_put_wait(s, 0, &c, fixture_soon()), 0);
	}
	fixture_close(s);
	wait_for_rows(&cfg, 100);
	fixture_close(fixture_open());
}

static void what_is_too_much_goes_by_itself(void **state)
{
	struct store_cfg cfg = { .uri = str_of(fixture_uri) };
	struct store *s = fixture_open();
	struct store_info info;

	(void)state;
	for (unsigned n = 0; n < 1000; n++)
		fixture_put(s, 0, n);
	check_int("info", store_info(s, &info), 0);
	fixture_close(s);
	cfg.keep_bytes = info.bytes;
	wait_for_rows(&cfg, 1000);
	cfg.keep_bytes = 1;
	wait_for_rows(&cfg, 0);
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

/* A message with base64 that is len long and begins with a sign. */
static struct str data_url(char sign, size_t len)
{
	char *text = arena_alloc(&arena, len);

	memset(text, 'A', len);
	if (len > 0)
		text[0] = sign;
	return arena_join(&arena,
			  (struct str[]){ STR("\"data:image/png;base64,"),
					  { text, len },
					  STR("\"") },
			  3);
}

static void put_request(struct store *s, unsigned n, struct str request)
{
	struct store_completion c = fixture_row(&arena, n), got;

	c.request = request;
	check_int("put", store_put(s, 0, &c), 0);
	check_int("get", store_get(s, STR(""), c.id, &arena, &got), 0);
	check_str("as it was sent", got.request, request);
}

static int64_t blobs_of(struct store *s)
{
	struct store_info info;

	check_int("info", store_info(s, &info), 0);
	return info.blobs;
}

static struct str messages_of(const struct str *parts, size_t count)
{
	struct buf b;
	struct str out;

	buf_init(&b, FIXTURE_ARENA);
	check_int("[", buf_add(&b, STR("[")), 0);
	for (size_t i = 0; i < count; i++) {
		check_int("part",
			  buf_printf(&b, "%s" STR_FMT, i > 0 ? ", " : "",
				     STR_ARG(parts[i])),
			  0);
	}
	check_int("]", buf_add(&b, STR(" ]")), 0);
	out = arena_str(&arena, (struct str){ b.ptr, b.len });
	buf_fini(&b);
	return out;
}

static void images_are_kept_once(void **state)
{
	struct str a = data_url('a', 5000), b = data_url('b', 90000);
	struct str small = data_url('c', 4095);
	struct str edge = data_url('d', 4096);
	struct store *s = fixture_open();
	struct store_info before, after;

	(void)state;
	put_request(s, 0, messages_of((struct str[]){ a, small, b }, 3));
	check_int("two", blobs_of(s), 2);
	check_int("info", store_info(s, &before), 0);
	for (unsigned n = 1; n < 20; n++)
		put_request(s, n, messages_of((struct str[]){ b, b, a }, 3));
	check_int("still two", blobs_of(s), 2);
	check_int("info", store_info(s, &after), 0);
	check_true("once", after.bytes - before.bytes < 20 * 2000);
	put_request(s, 20, messages_of(&edge, 1));
	check_int("three", blobs_of(s), 3);
	put_request(s, 20, messages_of(&small, 1));
	check_int("it was replaced", blobs_of(s), 2);
	for (unsigned n = 0; n < 19; n++)
		check_int("drop", store_drop(s, STR(""), id_of(n)), 0);
	check_int("one row uses both", blobs_of(s), 2);
	check_int("drop", store_drop(s, STR(""), id_of(19)), 0);
	check_int("nobody does", blobs_of(s), 0);
	fixture_close(s);
}

/* What only looks like a data URL, or is none to the end, is kept as well. */
static void any_text_comes_back(void **state)
{
	struct str a = data_url('a', 5000);
	struct str open = str_take(a, a.len - 1);
	struct str none = data_url('z', 0);
	static struct str many[ROW_BLOBS_MAX + 10];
	struct store *s = fixture_open();

	(void)state;
	for (size_t i = 0; i < countof(many); i++)
		many[i] = data_url('e', 4096 + i);
	put_request(s, 0, open);
	put_request(s, 1, str_drop(a, 1));
	put_request(s, 2, messages_of((struct str[]){ none, none, a, a }, 4));
	put_request(s, 3, messages_of(many, countof(many)));
	check_int("as many as are cut out", blobs_of(s), 1 + ROW_BLOBS_MAX);
	put_request(s, 4, STR(""));
	fixture_close(s);
}

static void found(void *arg, struct str what)
{
	unsigned *count = arg;

	printf("found: " STR_FMT "\n", STR_ARG(what));
	++*count;
}

static unsigned check_store(struct store *s)
{
	unsigned count = 0;

	if (store_check(s, &(struct store_finding){ found, &count }) != 0)
		fail_msg(STR_FMT, STR_ARG(err_text()));
	return count;
}

static void break_it(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(fixture_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static const char same_id[] =
	"UPDATE completions SET (id, key) = (SELECT id, key FROM"
	" completions WHERE seq = 5) WHERE seq = 2";

static const char *const damages[] = {
	"UPDATE totals SET rows = rows + 1 WHERE kind = 1",
	"UPDATE totals SET bytes = 7 WHERE kind = 3",
	"UPDATE completions SET key = 5 WHERE seq = 2",
	"UPDATE completions SET choices = '[1' WHERE seq = 3",
	"UPDATE completions SET usage = '[]' WHERE seq = 3",
	"UPDATE completions SET blobs = 1 WHERE seq = 4",
	"UPDATE blobs SET bytes = replace(bytes, 'A', 'B')",
	same_id,
	"UPDATE sqlite_sequence SET seq = 3",
};

static void damage_is_found(void **state)
{
	struct str a = data_url('a', 5000);

	(void)state;
	for (size_t i = 0; i < countof(damages); i++) {
		struct store *s = fixture_open();

		for (unsigned n = 0; n < 10; n++)
			put_request(s, n, STR("[{}]"));
		put_request(s, 10, messages_of(&a, 1));
		check_int("well", check_store(s), 0);
		check_int("vacuum", store_vacuum(s), 0);
		check_int("still well", check_store(s), 0);
		break_it(damages[i]);
		check_true(damages[i], check_store(s) > 0);
		fixture_close(s);
		break_it("DELETE FROM completions; DELETE FROM blobs;"
			 "DELETE FROM blob_uses; DELETE FROM sqlite_sequence;"
			 "UPDATE totals SET rows = 0, bytes = 0");
	}
}

static void what_is_well_is_called_well(void **state)
{
	struct str a = data_url('a', 5000), b = data_url('b', 5000);
	struct store *s = fixture_open();
	unsigned expired;

	(void)state;
	for (unsigned n = 0; n < 60; n++)
		fixture_put(s, 0, n);
	put_request(s, 60, messages_of((struct str[]){ a, b, a }, 3));
	put_request(s, 61, messages_of(&a, 1));
	put_request(s, 62, messages_of(&b, 1));
	put_request(s, 62, messages_of(&a, 1));
	check_int("set",
		  store_set_metadata(s, STR(""), id_of(61),
				     STR("{\"a\":\"\"}")),
		  0);
	check_int("drop", store_drop(s, STR(""), id_of(60)), 0);
	check_int("one is left", blobs_of(s), 1);
	check_int("expire",
		  store_expire(s,
			       &(struct store_expiry){ .before = 1700001002,
						       .max = 100 },
			       &expired),
		  0);
	check_int("expired", expired, 20);
	check_int("well", check_store(s), 0);
	check_int("vacuum", store_vacuum(s), 0);
	check_int("still well", check_store(s), 0);
	fixture_close(s);
}

static void a_vacuum_gives_room_back(void **state)
{
	struct store *s = fixture_open();
	struct store_info before, after;

	(void)state;
	for (unsigned n = 0; n < 3000; n++)
		fixture_put(s, 0, n);
	for (unsigned n = 0; n < 2900; n++)
		check_int("drop", store_drop(s, STR(""), id_of(n)), 0);
	check_int("info", store_info(s, &before), 0);
	check_int("vacuum", store_vacuum(s), 0);
	check_int("info", store_info(s, &after), 0);
	check_true("smaller", after.disk_bytes < before.disk_bytes / 4);
	check_int("rows", after.rows, 100);
	fixture_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_oldest_expire_in_batches),
		TEST(what_is_too_much_expires),
		TEST(what_is_old_goes_by_itself),
		TEST(what_is_too_much_goes_by_itself),
		TEST(a_walk_goes_along_all_rows),
		TEST(images_are_kept_once),
		TEST(any_text_comes_back),
		TEST(what_is_well_is_called_well),
	};
	const struct CMUnitTest of_files[] = {
		TEST(damage_is_found),
		TEST(a_vacuum_gives_room_back),
	};
	int failed = cmocka_run_group_tests(of_files, NULL, NULL);

	return failed + fixture_run(tests, countof(tests));
}
