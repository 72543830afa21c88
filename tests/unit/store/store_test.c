#include "tests/unit/store/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/rand.h"

enum {
	MANY = 1000,
	THREADS = 4,
	EACH = 400,
};

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

static void a_row_comes_back_as_it_was(void **state)
{
	struct store *s = fixture_open();
	struct store_completion got;

	(void)state;
	for (unsigned n = 0; n < 10; n++)
		fixture_put(s, n % 4, n);
	for (unsigned n = 0; n < 10; n++) {
		check_int("get", store_get(s, STR(""), id_of(n), &arena, &got),
			  0);
		fixture_check_row(&got, n);
	}
	check_int("another owner",
		  store_get(s, STR("bob"), id_of(1), &arena, &got),
		  STORE_UNKNOWN);
	check_int("no such id",
		  store_get(s, STR(""), STR("nothing"), &arena, &got),
		  STORE_UNKNOWN);
	fixture_close(s);
	s = fixture_open();
	check_int("get", store_get(s, STR(""), id_of(9), &arena, &got), 0);
	fixture_check_row(&got, 9);
	fixture_close(s);
}

static void owners_are_apart(void **state)
{
	struct store *s = fixture_open();
	struct store_completion c = fixture_row(&arena, 1), got;
	struct store_query q = { .owner = STR("bob"), .limit = 10 };
	struct store_page page;

	(void)state;
	fixture_put(s, 0, 1);
	c.owner = STR("bob");
	c.user = STR("the other one");
	check_int("put", store_put(s, 1, &c), 0);
	check_int("get", store_get(s, STR("bob"), c.id, &arena, &got), 0);
	check_str("bob's", got.user, c.user);
	check_int("list", store_list(s, &q, &arena, &page), 0);
	check_int("rows", page.count, 1);
	check_int("drop", store_drop(s, STR("bob"), c.id), 0);
	check_int("get", store_get(s, STR(""), c.id, &arena, &got), 0);
	q.owner = STR("");
	q.after = c.id;
	check_int("own cursor", store_list(s, &q, &arena, &page), 0);
	q.owner = STR("bob");
	check_int("another's cursor", store_list(s, &q, &arena, &page),
		  STORE_BAD_CURSOR);
	fixture_close(s);
}

static void the_newest_of_an_id_stays(void **state)
{
	struct store *s = fixture_open();
	struct store_completion c = fixture_row(&arena, 7), got, old;
	struct store_counts counts;
	struct store_info info, after;

	(void)state;
	for (unsigned n = 4; n < 8; n++)
		fixture_put(s, 0, n);
	check_int("get", store_get(s, STR(""), id_of(5), &arena, &old), 0);
	check_int("info", store_info(s, &info), 0);
	c.id = id_of(5);
	check_int("put", store_put(s, 1, &c), 0);
	check_int("flush", store_flush(s, fixture_soon()), 0);
	check_int("get", store_get(s, STR(""), c.id, &arena, &got), 0);
	check_int("in its place", got.seq, old.seq);
	c.id = got.id = id_of(7);
	fixture_check_row(&got, 7);
	check_int("info", store_info(s, &after), 0);
	check_int("rows", after.rows, 4);
	check_int("bytes", after.bytes - info.bytes, 2);
	check_int("another's status", after.by_status[7 % 3],
		  info.by_status[7 % 3] + 1);
	store_counts(s, &counts);
	check_int("replaced", counts.replaced, 1);
	check_int("written", counts.written, 5);
	check_int("put", counts.put, 5);
	fixture_close(s);
}

static void metadata_is_replaced(void **state)
{
	struct store *s = fixture_open();
	struct store_completion got;
	struct store_info info, after;

	(void)state;
	fixture_put(s, 0, 5);
	check_int("info", store_info(s, &info), 0);
	check_int("set",
		  store_set_metadata(s, STR(""), id_of(5), STR("{\"a\":\"\"}")),
		  0);
	check_int("get", store_get(s, STR(""), id_of(5), &arena, &got), 0);
	check_str("metadata", got.metadata, STR("{\"a\":\"\"}"));
	check_int("info", store_info(s, &after), 0);
	check_int("bytes", info.bytes - after.bytes,
		  sizeof("{\"k\":\"0\",\"a\\\"b.c\":\"always\"}") -
			  sizeof("{\"a\":\"\"}"));
	check_int("no such id",
		  store_set_metadata(s, STR(""), STR("x"), STR("{}")),
		  STORE_UNKNOWN);
	check_int("another's",
		  store_set_metadata(s, STR("bob"), id_of(5), STR("{}")),
		  STORE_UNKNOWN);
	fixture_close(s);
}

static void rows_are_dropped(void **state)
{
	struct store *s = fixture_open();
	struct store_completion got;

	(void)state;
	fixture_put(s, 0, 5);
	check_int("another's", store_drop(s, STR("bob"), id_of(5)),
		  STORE_UNKNOWN);
	check_int("drop", store_drop(s, STR(""), id_of(5)), 0);
	check_int("get", store_get(s, STR(""), id_of(5), &arena, &got),
		  STORE_UNKNOWN);
	check_int("again", store_drop(s, STR(""), id_of(5)), STORE_UNKNOWN);
	fixture_close(s);
}

static const struct page_row {
	const char *name;
	struct store_query q;
	unsigned first, last; /* numbers, of 0 to 29 */
	unsigned count;
	bool has_more;
} pages[] = {
	{ "oldest first", { .limit = 10 }, 0, 9, 10, true },
	{ "newest first",
	  { .limit = 10, .newest_first = true },
	  29,
	  20,
	  10,
	  true },
	{ "all of them", { .limit = 30 }, 0, 29, 30, false },
	{ "after, up",
	  { .limit = 5, .after = STR_INIT("chatcmpl-7") },
	  8,
	  12,
	  5,
	  true },
	{ "after, down",
	  { .limit = 5, .after = STR_INIT("chatcmpl-7"), .newest_first = true },
	  6,
	  2,
	  5,
	  true },
	{ "before, up",
	  { .limit = 5, .before = STR_INIT("chatcmpl-7") },
	  2,
	  6,
	  5,
	  true },
	{ "before, down",
	  { .limit = 5,
	    .before = STR_INIT("chatcmpl-7"),
	    .newest_first = true },
	  12,
	  8,
	  5,
	  true },
	{ "before, to the edge",
	  { .limit = 7, .before = STR_INIT("chatcmpl-7") },
	  0,
	  6,
	  7,
	  false },
	{ "after the last",
	  { .limit = 7, .after = STR_INIT("chatcmpl-29") },
	  0,
	  0,
	  0,
	  false },
	{ "a model",
	  { .limit = 4, .model = STR_INIT("echo/echo") },
	  0,
	  9,
	  4,
	  true },
	{ "a model, down, after",
	  { .limit = 100,
	    .model = STR_INIT("echo/echo"),
	    .newest_first = true,
	    .after = STR_INIT("chatcmpl-10") },
	  9,
	  0,
	  4,
	  false },
	{ "metadata",
	  { .limit = 3,
	    .metadata = { { STR_INIT("k"), STR_INIT("2") } },
	    .metadata_count = 1 },
	  2,
	  12,
	  3,
	  true },
	{ "two of metadata, a key with signs",
	  { .limit = 100,
	    .metadata = { { STR_INIT("k"), STR_INIT("4") },
			  { STR_INIT("a\"b.c"), STR_INIT("always") } },
	    .metadata_count = 2,
	    .model = STR_INIT("echo/echo") },
	  9,
	  24,
	  2,
	  false },
	{ "metadata that none has",
	  { .limit = 3,
	    .metadata = { { STR_INIT("k"), STR_INIT("9") } },
	    .metadata_count = 1 },
	  0,
	  0,
	  0,
	  false },
	{ "another owner",
	  { .limit = 3, .owner = STR_INIT("bob") },
	  0,
	  0,
	  0,
	  false },
};

static void pages_are_what_was_asked_for(void **state)
{
	struct store *s = fixture_open();
	struct store_page page;

	(void)state;
	/* Of one producer, so that the order is theirs. */
	for (unsigned n = 0; n < 30; n++)
		fixture_put(s, 0, n);
	for (size_t i = 0; i < countof(pages); i++) {
		const struct page_row *p = &pages[i];

		check_int(p->name, store_list(s, &p->q, &arena, &page), 0);
		check_int(p->name, page.count, p->count);
		check_int(p->name, page.has_more, p->has_more);
		if (p->count == 0)
			continue;
		fixture_check_row(&page.rows[0], p->first);
		fixture_check_row(&page.rows[p->count - 1], p->last);
	}
	fixture_close(s);
}

static void bad_queries_are_told_apart(void **state)
{
	struct store *s = fixture_open();
	struct store_query q = { .limit = 10, .after = STR("nothing") };
	struct store_page page;

	(void)state;
	check_int("after", store_list(s, &q, &arena, &page), STORE_BAD_CURSOR);
	q.before = q.after;
	check_int("both", store_list(s, &q, &arena, &page), -EINVAL);
	q.after = STR_NULL;
	check_int("before", store_list(s, &q, &arena, &page), STORE_BAD_CURSOR);
	q = (struct store_query){ .limit = 0 };
	check_int("limit 0", store_list(s, &q, &arena, &page), -EINVAL);
	q.limit = STORE_LIMIT_MAX + 1;
	check_int("limit 101", store_list(s, &q, &arena, &page), -EINVAL);
	fixture_close(s);
}

static void an_answer_has_a_limit(void **state)
{
	struct store *s = fixture_open();
	struct store_query q = { .limit = 100 };
	struct store_page page;
	struct store_completion got;
	struct arena small;

	(void)state;
	for (unsigned n = 600; n < 700; n++)
		fixture_put(s, 0, n);
	arena_init(&small, 32 << 10);
	check_int("list", store_list(s, &q, &small, &page), -EMSGSIZE);
	arena_reset(&small);
	small.max = 300;
	check_int("get", store_get(s, STR(""), id_of(699), &small, &got),
		  -EMSGSIZE);
	arena_fini(&small);
	check_int("still well", store_list(s, &q, &arena, &page), 0);
	fixture_close(s);
}

static void rows_have_limits(void **state)
{
	struct store *s = fixture_open();
	struct store_completion c = fixture_row(&arena, 1);
	char *large = xcalloc(1, (size_t)STORE_ROW_BYTES_MAX + 1);

	(void)state;
	c.request = (struct str){ large, (size_t)STORE_ROW_BYTES_MAX + 1 };
	check_int("too large", store_put(s, 0, &c), -EMSGSIZE);
	c = fixture_row(&arena, 1);
	c.id = (struct str){ large, STORE_TEXT_MAX + 1 };
	check_int("a long id", store_put(s, 0, &c), -EMSGSIZE);
	c.id = STR("");
	check_int("no id", store_put(s, 0, &c), -EMSGSIZE);
	free(large);
	fixture_close(s);
}

/* Several producers at once, each looking for its own row at once. */
struct job {
	struct store *s;
	unsigned p;
	atomic_uint *wrong;
};

static void *put_and_get(void *arg)
{
	const struct job *job = arg;
	struct store_completion c, got;
	struct arena a;

	arena_init(&a, FIXTURE_ARENA);
	for (unsigned i = 0; i < EACH; i++) {
		c = fixture_row(&a, job->p * EACH + i);
		if (store_put_wait(job->s, job->p, &c, fixture_soon()) != 0)
			atomic_fetch_add(job->wrong, 1);
		if (i % 8 == 0 &&
		    (store_get(job->s, c.owner, c.id, &a, &got) != 0 ||
		     !str_eq(got.request, c.request)))
			atomic_fetch_add(job->wrong, 1);
		arena_reset(&a);
	}
	arena_fini(&a);
	return NULL;
}

static void what_was_put_is_found_at_once(void **state)
{
	struct store *s = fixture_open();
	pthread_t threads[THREADS];
	struct job jobs[THREADS];
	struct store_counts counts;
	atomic_uint wrong = 0;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ s, i, &wrong };
		pthread_create(&threads[i], NULL, put_and_get, &jobs[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check_int("wrong", wrong, 0);
	check_int("flush", store_flush(s, fixture_soon()), 0);
	store_counts(s, &counts);
	check_int("written", counts.written, THREADS * EACH);
	check_int("failures", counts.failures, 0);
	fixture_close(s);
}

/* Rows come while a walk is under way, as many as fit between two pages. */
static void *put_many(void *arg)
{
	struct store *s = arg;

	for (unsigned n = MANY; n < 3 * MANY && !fixture_is_over(); n++) {
		if (fixture_try_put(s, 1, n) != 0)
			break;
	}
	return NULL;
}

static void walk(struct store *s, bool down, unsigned limit, unsigned *seen)
{
	struct store_query q = { .limit = limit, .newest_first = down };
	struct store_page page = { .has_more = true };
	struct arena a;
	struct str after = STR_NULL;

	arena_init(&a, FIXTURE_ARENA);
	while (page.has_more) {
		q.after = after;
		check_int("list", store_list(s, &q, &a, &page), 0);
		for (size_t i = 0; i < page.count; i++) {
			struct str digits = str_drop(page.rows[i].id,
						     sizeof("chatcmpl-") - 1);
			int64_t n = -1;

			check_true("a number",
				   str_to_i64(digits, 0, 3 * MANY, &n));
			seen[n]++;
			after = arena_str(&arena, page.rows[i].id);
		}
		arena_reset(&a);
	}
	arena_fini(&a);
}

static void no_row_is_skipped_or_shown_twice(void **state)
{
	struct store *s = fixture_open();
	struct store_counts counts;

	(void)state;
	for (unsigned n = 0; n < MANY; n++)
		fixture_put(s, 0, n);
	check_int("flush", store_flush(s, fixture_soon()), 0);
	fixture_spawn(put_many, s);
	for (unsigned round = 0; round < 8; round++) {
		static unsigned seen[3 * MANY];

		memset(seen, 0, sizeof(seen));
		walk(s, round % 2 == 0,
		     (unsigned)(10 + rand_below(STORE_LIMIT_MAX - 9)), seen);
		for (unsigned n = 0; n < MANY; n++)
			check_int("a row that was there", seen[n], 1);
		for (unsigned n = MANY; n < 3 * MANY; n++)
			check_true("a row that came", seen[n] <= 1);
	}
	fixture_join();
	store_counts(s, &counts);
	check_int("all were put", counts.put, 3 * MANY);
	fixture_close(s);
}

/* The rings of the producers are emptied in turn; the rows' order is another. */
static void rows_stay_in_the_order_they_were_put(void **state)
{
	struct store_query q = { .limit = 60 };
	struct store *s = fixture_open();
	struct store_page page;

	(void)state;
	for (unsigned n = 0; n < 60; n++) {
		struct store_completion c = fixture_row(&arena, n);

		c.created = 1700000000;
		check_int("put",
			  store_put_wait(s, n / 7 % 4, &c, fixture_soon()), 0);
	}
	check_int("list", store_list(s, &q, &arena, &page), 0);
	check_int("all", page.count, 60);
	for (unsigned n = 0; n < 60; n++)
		check_str("in order", page.rows[n].id, id_of(n));
	fixture_close(s);
}

static void others_cannot_read_the_file(void **state)
{
	struct store *s = fixture_open();
	const char *ends[] = { "", "-wal", "-shm" };
	char path[160];
	struct stat st;

	(void)state;
	fixture_put(s, 0, 1);
	check_int("flush", store_flush(s, fixture_soon()), 0);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", fixture_path,
			       ends[i]);
		check_int(path, stat(path, &st), 0);
		check_int(path, st.st_mode & 0777, 0600);
	}
	fixture_close(s);
}

static void a_flush_waits_for_no_others(void **state)
{
	struct store *s;

	(void)state;
	check_int("open",
		  store_open(&(struct store_cfg){ .uri = str_of(fixture_uri),
						  .group_ns = 60 * CLOCK_S },
			     &s),
		  0);
	for (unsigned n = 0; n < 200; n++) {
		fixture_put(s, 0, n);
		check_int("flush",
			  store_flush(s, clock_monotonic() + 10 * CLOCK_S), 0);
	}
	fixture_close(s);
}

static void looking_through_rows_has_an_end(void **state)
{
	struct store_query q = { .limit = 3,
				 .metadata = { { STR("k"), STR("none") } },
				 .metadata_count = 1 };
	struct store_page page;
	struct store *s;

	(void)state;
	check_int("open",
		  store_open(&(struct store_cfg){ .uri = str_of(fixture_uri),
						  .read_ms = 1 },
			     &s),
		  0);
	for (unsigned n = 0; n < 10000; n++)
		fixture_put(s, 0, n);
	check_int("list", store_list(s, &q, &arena, &page), -ETIMEDOUT);
	fixture_close(s);
	s = fixture_open();
	q.metadata_count = 0;
	check_int("what is short", store_list(s, &q, &arena, &page), 0);
	fixture_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_comes_back_as_it_was),
		TEST(owners_are_apart),
		TEST(the_newest_of_an_id_stays),
		TEST(metadata_is_replaced),
		TEST(rows_are_dropped),
		TEST(pages_are_what_was_asked_for),
		TEST(bad_queries_are_told_apart),
		TEST(an_answer_has_a_limit),
		TEST(rows_have_limits),
		TEST(what_was_put_is_found_at_once),
		TEST(no_row_is_skipped_or_shown_twice),
		TEST(rows_stay_in_the_order_they_were_put),
		TEST(looking_through_rows_has_an_end),
		TEST(a_flush_waits_for_no_others),
	};

	const struct CMUnitTest of_files[] = {
		TEST(others_cannot_read_the_file),
	};

	int failed = cmocka_run_group_tests(of_files, NULL, NULL);

	return failed + fixture_run(tests, countof(tests));
}
