#include "tests/unit/store/objects.h"

#include <errno.h>
#include <stdio.h>

enum {
	TURNS = 1000,
	WALKED = 300,
};

static void write_ten(void)
{
	for (unsigned n = 0; n < 10; n++) {
		struct store_object o =
			objects_object(STORE_RESPONSE, objects_name("r", n));

		o.parent = n % 2 == 0 ? STR("even") : STR("odd");
		o.label = n % 3 == 0 ? STR("gpt") : STR("echo");
		o.state = n == 4 ? STR("deleted") : STR("completed");
		o.is_root = n == 5;
		o.body = STR("b");
		o.input = STR("i");
		o.aux = STR("a");
		o.created = 1700000000 - n;
		check_int("post", objects_post(STORE_PUT, &o), 0);
	}
}

static void lists_are_filtered(void **state)
{
	struct store_objects_query q = { .kind = STORE_RESPONSE, .limit = 20 };
	struct store_objects page;

	(void)state;
	write_ten();
	objects_check_list("all", &q,
			   STR("r_0,r_1,r_2,r_3,r_4,r_5,r_6,r_7,r_8,r_9"));
	q.newest_first = true;
	q.not_state = STR("deleted");
	objects_check_list("but one", &q,
			   STR("r_9,r_8,r_7,r_6,r_5,r_3,r_2,r_1,r_0"));
	q.label = STR("gpt");
	objects_check_list("of a model", &q, STR("r_9,r_6,r_3,r_0"));
	q.parent = STR("odd");
	objects_check_list("below a parent", &q, STR("r_9,r_3"));
	q = (struct store_objects_query){ .kind = STORE_RESPONSE,
					  .parent = STR("odd"),
					  .from_root = true,
					  .limit = 20 };
	objects_check_list("from its root", &q, STR("r_5,r_7,r_9"));
	q.parent = STR("even");
	objects_check_list("it has none", &q, STR("r_0,r_2,r_4,r_6,r_8"));
	q.state = STR("deleted");
	objects_check_list("by state", &q, STR("r_4"));
	q.without = STORE_BODY | STORE_AUX;
	page = objects_list(&q);
	check_str("no body", page.rows[0].body, STR(""));
	check_str("input", page.rows[0].input, STR("i"));
	check_str("no aux", page.rows[0].aux, STR(""));
	q.kind = STORE_ITEM;
	objects_check_list("another kind", &q, STR(""));
}

static void pages_are_walked(void **state)
{
	struct store_objects_query q = { .kind = STORE_RESPONSE, .limit = 4 };
	struct store_objects page;

	(void)state;
	write_ten();
	page = objects_list(&q);
	check_str("first", objects_ids(page.rows, page.count),
		  STR("r_0,r_1,r_2,r_3"));
	check_int("more", page.has_more, true);
	q.after = STR("r_5");
	page = objects_list(&q);
	check_str("last", objects_ids(page.rows, page.count),
		  STR("r_6,r_7,r_8,r_9"));
	check_int("no more", page.has_more, false);
	q.newest_first = true;
	page = objects_list(&q);
	check_str("down", objects_ids(page.rows, page.count),
		  STR("r_4,r_3,r_2,r_1"));
	check_int("more", page.has_more, true);
	q.before = q.after;
	q.after = STR("");
	page = objects_list(&q);
	check_str("ahead", objects_ids(page.rows, page.count),
		  STR("r_9,r_8,r_7,r_6"));
	check_int("no more", page.has_more, false);
	q.newest_first = false;
	page = objects_list(&q);
	check_str("up", objects_ids(page.rows, page.count),
		  STR("r_1,r_2,r_3,r_4"));
	check_int("more", page.has_more, true);
	q.label = STR("gpt");
	objects_check_list("an edge beside the filter", &q, STR("r_0,r_3"));
	q.before = STR("nothing");
	check_int("cursor",
		  store_object_list(objects_store, &q, &objects_arena, &page),
		  STORE_BAD_CURSOR);
	q.after = STR("r_1");
	check_int("two",
		  store_object_list(objects_store, &q, &objects_arena, &page),
		  -EINVAL);
	q.before = STR("");
	q.limit = STORE_OBJECTS_MAX + 1;
	check_int("limit",
		  store_object_list(objects_store, &q, &objects_arena, &page),
		  -EINVAL);
	q.limit = 0;
	check_int("limit",
		  store_object_list(objects_store, &q, &objects_arena, &page),
		  -EINVAL);
}

static void *add_rows(void *arg)
{
	struct store_op op = { .what = STORE_PUT };
	char id[32];

	(void)arg;
	op.object.kind = STORE_RESPONSE;
	op.object.id.ptr = id;
	for (unsigned n = 0; n < 20000 && !fixture_is_over(); n++) {
		op.object.id.len = (size_t)snprintf(id, sizeof(id), "x_%u", n);
		if (store_post_wait(objects_store, 1, &op, 1, fixture_soon()) !=
		    0)
			break;
	}
	return NULL;
}

/* Each of the rows that were there is met once, in both directions. */
static void cursors_hold_while_rows_are_added(void **state)
{
	struct store_objects_query q = { .kind = STORE_RESPONSE, .limit = 7 };
	unsigned next = 0;
	struct store_objects page;

	(void)state;
	for (unsigned n = 0; n < WALKED; n++) {
		struct store_object o =
			objects_object(STORE_RESPONSE, objects_name("r", n));

		check_int("post", objects_post(STORE_PUT, &o), 0);
	}
	check_int("flush", store_flush(objects_store, fixture_soon()), 0);
	fixture_spawn(add_rows, NULL);
	do {
		page = objects_list(&q);
		for (size_t i = 0; i < page.count && next < WALKED; i++)
			check_str("up", page.rows[i].id,
				  objects_name("r", next++));
		q.after = page.rows[page.count - 1].id;
	} while (next < WALKED);
	q.newest_first = true;
	q.after = objects_name("r", WALKED - 1);
	next = WALKED - 1;
	do {
		page = objects_list(&q);
		for (size_t i = 0; i < page.count; i++)
			check_str("down", page.rows[i].id,
				  objects_name("r", --next));
		q.after = page.rows[page.count - 1].id;
	} while (page.has_more);
	check_int("all of them", next, 0);
	fixture_stop();
}

static struct store_chain chain(struct str id, unsigned max)
{
	struct store_chain got = { 0 };

	check_int("chain",
		  store_object_chain(objects_store,
				     &(struct store_chain_query){
					     .from = { STORE_RESPONSE, STR(""),
						       id },
					     .max = max,
					     .without = STORE_BODY },
				     &objects_arena, &got),
		  0);
	return got;
}

static void write_turn(unsigned n, bool is_root)
{
	struct store_object o =
		objects_object(STORE_RESPONSE, objects_name("r", n));

	o.parent = n > 0 ? objects_name("r", n - 1) : STR("");
	o.is_root = is_root;
	o.body = arena_printf(&objects_arena, "{\"n\":%u,%0*d}", n, 1000, 0);
	o.aux = arena_printf(&objects_arena, "[%u,%0*d]", n, 500, 0);
	check_int("post", objects_post(STORE_PUT, &o), 0);
}

static void a_chain_goes_to_its_root(void **state)
{
	struct store_chain_query q = {
		.from = { STORE_RESPONSE, STR(""), STR("nothing") }, .max = 5
	};
	struct store_object o = objects_object(STORE_RESPONSE, STR("r_0"));
	struct store_chain got;

	(void)state;
	for (unsigned n = 0; n < 5; n++)
		write_turn(n, false);
	got = chain(STR("r_3"), 100);
	check_str("all", objects_ids(got.rows, got.count),
		  STR("r_0,r_1,r_2,r_3"));
	check_int("whole", got.is_whole, true);
	check_str("no body", got.rows[0].body, STR(""));
	check_true("aux", got.rows[3].aux.len > 500);
	got = chain(STR("r_4"), 3);
	check_str("newest", objects_ids(got.rows, got.count),
		  STR("r_2,r_3,r_4"));
	check_int("more", got.is_whole, false);
	write_turn(2, true);
	check_int("flush", store_flush(objects_store, fixture_soon()), 0);
	got = chain(STR("r_4"), 100);
	check_str("to a root", objects_ids(got.rows, got.count),
		  STR("r_2,r_3,r_4"));
	check_int("whole", got.is_whole, true);
	check_str("itself", objects_ids(chain(STR("r_2"), 9).rows, 1),
		  STR("r_2"));
	check_int("delete", objects_apply_one(STORE_DELETE, &o, 0), 0);
	got = chain(STR("r_1"), 100);
	check_str("a stump", objects_ids(got.rows, got.count), STR("r_1"));
	check_int("not whole", got.is_whole, false);
	check_int("unknown",
		  store_object_chain(objects_store, &q, &objects_arena, &got),
		  STORE_UNKNOWN);
	q.from = (struct store_key){ STORE_RESPONSE, STR("bob"), STR("r_1") };
	check_int("another's",
		  store_object_chain(objects_store, &q, &objects_arena, &got),
		  STORE_UNKNOWN);
	q.max = 0;
	check_int("max",
		  store_object_chain(objects_store, &q, &objects_arena, &got),
		  -EINVAL);
}

static void a_circle_ends(void **state)
{
	struct store_object a = objects_object(STORE_RESPONSE, STR("a"));
	struct store_object b = objects_object(STORE_RESPONSE, STR("b"));
	struct store_chain got;

	(void)state;
	a.parent = b.id;
	b.parent = a.id;
	check_int("post", objects_post(STORE_PUT, &a), 0);
	check_int("post", objects_post(STORE_PUT, &b), 0);
	got = chain(STR("b"), 5);
	check_str("five", objects_ids(got.rows, got.count), STR("b,a,b,a,b"));
	check_int("not whole", got.is_whole, false);
}

static void long_chains_are_walked(void **state)
{
	int64_t best = CLOCK_NEVER;

	(void)state;
	for (unsigned n = 0; n < TURNS; n++)
		write_turn(n, false);
	check_int("flush", store_flush(objects_store, fixture_soon()), 0);
	for (unsigned i = 0; i < 5; i++) {
		int64_t start = clock_monotonic();
		struct store_chain got =
			chain(objects_name("r", TURNS - 1), STORE_CHAIN_MAX);
		int64_t took = clock_monotonic() - start;

		best = took < best ? took : best;
		check_int("rows", got.count, TURNS);
		check_int("whole", got.is_whole, true);
		for (unsigned n = 0; n < TURNS; n++)
			check_str("row", got.rows[n].id, objects_name("r", n));
	}
	printf("a chain of %d rows took %.2f ms\n", TURNS,
	       (double)best / CLOCK_MS);
	check_true("in no time", best < CLOCK_S);
}

static void what_does_not_fit_is_told(void **state)
{
	struct store_key key = { STORE_RESPONSE, STR(""), STR("r_0") };
	struct store_objects_query q = { .kind = STORE_RESPONSE, .limit = 10 };
	struct store_objects page;
	struct store_object got;
	struct arena small;

	(void)state;
	write_turn(0, false);
	arena_init(&small, 1000);
	check_int("get", store_object_get(objects_store, &key, &small, &got),
		  -EMSGSIZE);
	check_int("list", store_object_list(objects_store, &q, &small, &page),
		  -EMSGSIZE);
	arena_fini(&small);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, objects_begin, objects_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lists_are_filtered),
		TEST(pages_are_walked),
		TEST(cursors_hold_while_rows_are_added),
		TEST(a_chain_goes_to_its_root),
		TEST(a_circle_ends),
		TEST(long_chains_are_walked),
		TEST(what_does_not_fit_is_told),
	};

	return fixture_run(tests, countof(tests));
}
