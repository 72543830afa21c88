#include "tests/unit/store/objects.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CONTENDERS = 6,
	ROUNDS = 50,
	KILLS = 20,
	KILL_MS = 60,
};

static void an_object_comes_back_as_it_was(void **state)
{
	struct store_object o = {
		.kind = STORE_RESPONSE,
		.owner = STR("ann"),
		.id = STR("resp_1"),
		.parent = STR("resp_0"),
		.label = STR("echo/echo"),
		.state = STR("completed"),
		.created = 1700000000,
		.due_ms = 1234567890123,
		.is_root = true,
		.body = STR("{\"a\": 1.0}"),
		.input = STR("[\"\0\xc3\xa9\"]"),
		.aux = STR("[]"),
		.holder = STR("not looked at"),
		.version = 17,
	};
	struct store_object got;

	(void)state;
	check_int("post", objects_post(STORE_PUT, &o), 0);
	got = objects_get(&o);
	check_str("owner", got.owner, o.owner);
	check_str("id", got.id, o.id);
	check_str("parent", got.parent, o.parent);
	check_str("label", got.label, o.label);
	check_str("state", got.state, o.state);
	check_str("body", got.body, o.body);
	check_str("input", got.input, o.input);
	check_str("aux", got.aux, o.aux);
	check_str("holder", got.holder, STR(""));
	check_int("kind", got.kind, o.kind);
	check_int("created", got.created, o.created);
	check_int("due", got.due_ms, o.due_ms);
	check_int("root", got.is_root, true);
	check_int("version", got.version, 1);
	check_int("claims", got.claims, 0);
	check_true("a sequence", got.seq > 0);
	check_true("a time", got.stored_at >= clock_wall() / CLOCK_S - 60);
	fixture_close(objects_store);
	objects_store = fixture_open();
	check_str("body", objects_get(&o).body, o.body);
}

static void the_newest_takes_the_place(void **state)
{
	struct store_object o = objects_object(STORE_RESPONSE, STR("resp_1")),
			    first;
	struct store_object got;

	(void)state;
	o.parent = STR("resp_0");
	o.body = STR("1");
	check_int("post", objects_post(STORE_PUT, &o), 0);
	first = objects_get(&o);
	o.body = STR("22");
	o.state = STR("completed");
	o.parent = STR("another");
	check_int("post", objects_post(STORE_PUT, &o), 0);
	got = objects_get(&o);
	check_str("body", got.body, STR("22"));
	check_str("state", got.state, STR("completed"));
	check_str("parent stays", got.parent, STR("resp_0"));
	check_int("place", got.seq, first.seq);
	check_int("version", got.version, 2);
	check_int("delete", objects_post(STORE_DELETE, &o), 0);
	check_int("gone", objects_look(&o), STORE_UNKNOWN);
	check_int("delete again", objects_post(STORE_DELETE, &o), 0);
	check_int("flush", store_flush(objects_store, fixture_soon()), 0);
}

static void owners_and_kinds_are_apart(void **state)
{
	struct store_object o = objects_object(STORE_RESPONSE, STR("x")), p = o,
			    got;
	struct store_objects_query q = { .kind = STORE_RESPONSE,
					 .owner = STR("bob"),
					 .limit = 10 };

	(void)state;
	o.owner = STR("ann");
	o.parent = STR("top");
	p.owner = STR("ann");
	p.kind = STORE_ITEM;
	p.body = STR("item");
	check_int("post", objects_post(STORE_PUT, &o), 0);
	check_int("post", objects_post(STORE_PUT, &p), 0);
	got = objects_get(&p);
	check_str("of its kind", got.body, STR("item"));
	o.owner = STR("bob");
	check_int("not bob's", objects_look(&o), STORE_UNKNOWN);
	objects_check_list("bob has none", &q, STR(""));
	q.parent = STR("top");
	objects_check_list("nor below", &q, STR(""));
	check_int("cannot replace", objects_apply_one(STORE_REPLACE, &o, 0),
		  STORE_UNKNOWN);
	check_int("cannot delete", objects_apply_one(STORE_DELETE, &o, 0),
		  STORE_UNKNOWN);
	check_int("children", objects_post(STORE_DELETE_CHILDREN, &o), 0);
	check_int("delete", objects_post(STORE_DELETE, &o), 0);
	check_int("own", objects_apply_one(STORE_INSERT, &o, 0), 0);
	o.owner = STR("ann");
	check_int("still there", objects_look(&o), 0);
}

static void conditions_are_held(void **state)
{
	static const struct {
		const char *name;
		enum store_what what;
		const char *id;
		int64_t version;
		int want;
	} cases[] = {
		{ "insert a new one", STORE_INSERT, "new", 0, 0 },
		{ "insert what is there", STORE_INSERT, "old", 0,
		  STORE_EXISTS },
		{ "put what is there", STORE_PUT, "old", 0, 0 },
		{ "put a new one", STORE_PUT, "newer", 0, 0 },
		{ "replace what is not", STORE_REPLACE, "none", 0,
		  STORE_UNKNOWN },
		{ "replace an older version", STORE_REPLACE, "old", 1,
		  STORE_CONFLICT },
		{ "replace a version to come", STORE_REPLACE, "old", 3,
		  STORE_CONFLICT },
		{ "replace this version", STORE_REPLACE, "old", 2, 0 },
		{ "replace any version", STORE_REPLACE, "old", 0, 0 },
		{ "expect this version", STORE_EXPECT, "old", 4, 0 },
		{ "expect another", STORE_EXPECT, "old", 3, STORE_CONFLICT },
		{ "expect any", STORE_EXPECT, "old", 0, 0 },
		{ "expect what is not", STORE_EXPECT, "none", 0,
		  STORE_UNKNOWN },
		{ "delete another version", STORE_DELETE, "old", 3,
		  STORE_CONFLICT },
		{ "delete this version", STORE_DELETE, "old", 4, 0 },
		{ "delete what is gone", STORE_DELETE, "old", 0,
		  STORE_UNKNOWN },
		{ "insert it again", STORE_INSERT, "old", 0, 0 },
		{ "which begins anew", STORE_EXPECT, "old", 1, 0 },
	};
	struct store_object o = objects_object(STORE_PROMPT, STR("old"));

	(void)state;
	check_int("insert", objects_apply_one(STORE_INSERT, &o, 0), 0);
	for (size_t i = 0; i < countof(cases); i++) {
		o.id = str_of(cases[i].id);
		check_int(cases[i].name,
			  objects_apply_one(cases[i].what, &o,
					    cases[i].version),
			  cases[i].want);
	}
}

/* Each batch fails at its end: nothing of it is there. */
static void a_batch_is_done_or_not(void **state)
{
	struct store_object o = objects_object(STORE_PROMPT, STR("p"));
	struct store_object child =
		objects_object(STORE_PROMPT_VERSION, STR("p:1"));
	struct store_object other = objects_object(STORE_PROMPT, STR("q"));
	struct store_op ops[] = {
		{ .what = STORE_PUT, .object = other },
		{ .what = STORE_REPLACE, .object = o },
		{ .what = STORE_DELETE_CHILDREN, .object = child },
		{ .what = STORE_DELETE, .object = o },
		{ .what = STORE_EXPECT, .object = o },
	};
	struct store_info before, after;

	(void)state;
	child.parent = ops[2].object.parent = o.id;
	o.body = STR("as it was");
	ops[1].object.body = STR("changed");
	check_int("insert", objects_apply_one(STORE_INSERT, &o, 0), 0);
	check_int("insert", objects_apply_one(STORE_INSERT, &child, 0), 0);
	check_int("info", store_info(objects_store, &before), 0);
	check_int("batch", objects_apply(ops, countof(ops)), STORE_UNKNOWN);
	check_str("body", objects_get(&o).body, o.body);
	check_int("version", objects_get(&o).version, 1);
	check_int("child", objects_look(&child), 0);
	check_int("other", objects_look(&other), STORE_UNKNOWN);
	check_int("info", store_info(objects_store, &after), 0);
	check_int("bytes", after.bytes, before.bytes);
	check_int("objects", after.objects, 2);
	check_int("without its end", objects_apply(ops, countof(ops) - 1), 0);
	check_int("gone", objects_look(&o), STORE_UNKNOWN);
	check_int("child", objects_look(&child), STORE_UNKNOWN);
	check_int("other", objects_look(&other), 0);
}

static void ops_see_what_was_done_before_them(void **state)
{
	struct store_object o = objects_object(STORE_PROMPT, STR("p"));
	struct store_op ops[] = {
		{ .what = STORE_INSERT, .object = o },
		{ .what = STORE_REPLACE, .version = 1, .object = o },
		{ .what = STORE_EXPECT, .version = 2, .object = o },
		{ .what = STORE_DELETE, .version = 2, .object = o },
		{ .what = STORE_INSERT, .object = o },
	};

	(void)state;
	check_int("post", objects_post(STORE_PUT, &o), 0);
	check_int("posted first", objects_apply(ops, countof(ops)),
		  STORE_EXISTS);
	check_int("delete", objects_post(STORE_DELETE, &o), 0);
	check_int("apply", objects_apply(ops, countof(ops)), 0);
	check_int("version", objects_get(&o).version, 1);
}

static void what_has_children_is_spared(void **state)
{
	struct store_object o = objects_object(STORE_RESPONSE, STR("r1"));
	struct store_object next = objects_object(STORE_RESPONSE, STR("r2"));
	struct store_object events = objects_object(STORE_EVENTS, STR("r1/1"));
	struct store_op op = { .what = STORE_DELETE,
			       .childless = true,
			       .object = o };
	struct store_key key = objects_key(&o);
	bool has;

	(void)state;
	next.parent = events.parent = o.id;
	check_int("post", objects_post(STORE_PUT, &o), 0);
	check_int("post", objects_post(STORE_PUT, &events), 0);
	check_int("has", store_has_children(objects_store, &key, &has), 0);
	check_int("none of its kind", has, false);
	check_int("post", objects_post(STORE_PUT, &next), 0);
	check_int("has", store_has_children(objects_store, &key, &has), 0);
	check_int("one", has, true);
	check_int("apply", objects_apply(&op, 1), STORE_CONFLICT);
	check_int("delete", objects_apply_one(STORE_DELETE, &next, 0), 0);
	check_int("apply", objects_apply(&op, 1), 0);
	check_int("gone", objects_look(&o), STORE_UNKNOWN);
	check_int("its events", objects_look(&events), 0);
	check_int("delete", objects_post(STORE_DELETE_CHILDREN, &events), 0);
	check_int("gone", objects_look(&events), STORE_UNKNOWN);
}

static void put_aged(enum store_kind kind, const char *id, const char *parent,
		     int64_t stored_at)
{
	struct store_object o = objects_object(kind, str_of(id));

	o.parent = str_of(parent);
	o.stored_at = stored_at;
	o.body = STR("{}");
	check_int("post", objects_post(STORE_PUT, &o), 0);
}

/* Old is 1, young is 9; what is before 5 goes if nothing young needs it. */
static void the_old_expire_with_their_own(void **state)
{
	static const struct {
		enum store_kind kind;
		const char *id, *parent;
		int64_t stored_at;
		bool stays;
	} rows[] = {
		{ STORE_RESPONSE, "a1", "", 1, false },
		{ STORE_RESPONSE, "a2", "a1", 1, false },
		{ STORE_EVENTS, "a2/1", "a2", 9, false },
		{ STORE_RESPONSE, "b1", "", 1, true },
		{ STORE_RESPONSE, "b2", "b1", 1, true },
		{ STORE_RESPONSE, "b3", "b2", 9, true },
		{ STORE_RESPONSE, "b4", "b1", 1, false },
		{ STORE_CONVERSATION, "c", "", 1, false },
		{ STORE_ITEM, "c/1", "c", 1, false },
		{ STORE_CONVERSATION, "d", "", 1, true },
		{ STORE_MESSAGES, "d/1", "d", 1, true },
		{ STORE_MESSAGES, "d/2", "d", 9, true },
		{ STORE_PROMPT, "p", "", 1, true },
	};
	struct store_expiry e = { .before = 5, .max = 2 };
	unsigned count = 0, total = 0;
	struct store_info info;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		put_aged(rows[i].kind, rows[i].id, rows[i].parent,
			 rows[i].stored_at);
	check_int("flush", store_flush(objects_store, fixture_soon()), 0);
	do {
		check_int("expire", store_expire(objects_store, &e, &count), 0);
		total += count;
	} while (count == e.max);
	check_int("with their children", total, 4);
	for (size_t i = 0; i < countof(rows); i++) {
		struct store_object o =
			objects_object(rows[i].kind, str_of(rows[i].id));

		check_int(rows[i].id, objects_look(&o),
			  rows[i].stays ? 0 : STORE_UNKNOWN);
	}
	check_int("info", store_info(objects_store, &info), 0);
	check_int("objects", info.objects, 7);
}

static void put_sized(enum store_kind kind, const char *id, const char *parent,
		      int64_t age)
{
	struct store_object o = objects_object(kind, str_of(id));

	o.parent = str_of(parent);
	o.body = arena_printf(&objects_arena, "{\"a\":\"%01000d\"}", 0);
	o.stored_at = clock_wall() / CLOCK_S - age;
	check_int("post", objects_post(STORE_PUT, &o), 0);
}

static void put_completion(unsigned n, int64_t age)
{
	struct store_completion c = fixture_row(&objects_arena, n);

	c.stored_at = clock_wall() / CLOCK_S - age;
	check_int("put", store_put(objects_store, 0, &c), 0);
}

/* A letter for each that is there. */
static struct str what_is_left(void)
{
	static const struct store_key keys[] = {
		{ .kind = STORE_RESPONSE, .id = STR_INIT("chain_1") },
		{ .kind = STORE_RESPONSE, .id = STR_INIT("chain_2") },
		{ .kind = STORE_RESPONSE, .id = STR_INIT("lone") },
		{ .kind = STORE_CONVERSATION, .id = STR_INIT("talk") },
		{ .kind = STORE_ITEM, .id = STR_INIT("turn") },
	};
	struct store_completion c;
	struct store_object o;
	char left[] = "ab12lti";

	for (unsigned n = 0; n < 2; n++) {
		if (store_get(objects_store, STR(""),
			      arena_printf(&objects_arena, "chatcmpl-%u", n),
			      &objects_arena, &c) != 0)
			left[n] = '-';
	}
	for (size_t i = 0; i < countof(keys); i++) {
		if (store_object_get(objects_store, &keys[i], &objects_arena,
				     &o) != 0)
			left[2 + i] = '-';
	}
	return arena_str(&objects_arena, str_of(left));
}

/* Of both sorts the oldest go first; a chain and a conversation by their last. */
static void too_much_goes_by_its_age(void **state)
{
	static const char *const order[] = { "-b12lti", "-b12-ti", "--12-ti",
					     "--1--ti", "-----ti", "-------" };
	struct store_expiry e = { .max = 1 };
	struct store_info info;
	unsigned count;

	(void)state;
	put_completion(0, 8000);
	put_sized(STORE_CONVERSATION, "talk", "", 7800);
	put_sized(STORE_ITEM, "turn", "talk", 100);
	put_sized(STORE_RESPONSE, "chain_1", "", 7500);
	put_sized(STORE_RESPONSE, "chain_2", "chain_1", 1500);
	put_sized(STORE_RESPONSE, "lone", "", 6500);
	put_completion(1, 3500);
	for (size_t i = 0; i < countof(order); i++) {
		check_int("info", store_info(objects_store, &info), 0);
		e.bytes_max = info.bytes + 1;
		check_int("expire", store_expire(objects_store, &e, &count), 0);
		check_int("not too much", count, 0);
		e.bytes_max = info.bytes > 1 ? info.bytes - 1 : 1;
		check_int("expire", store_expire(objects_store, &e, &count), 0);
		check_str("left", what_is_left(), str_of(order[i]));
		check_int("one at a time", count, 1);
	}
}

/* Two rows at a time; each number that was flushed goes to fd. */
static void write_until_killed(unsigned first, int fd)
{
	objects_store = fixture_open();
	for (unsigned n = first;; n++) {
		struct store_op ops[] = {
			{ .object = objects_object(STORE_RESPONSE,
						   objects_name("k", n)) },
			{ .object = objects_object(STORE_MESSAGES,
						   objects_name("k", n)) },
		};

		if (store_post_wait(objects_store, 0, ops, 2, fixture_soon()) !=
			    0 ||
		    (n % 5 == 0 &&
		     (store_flush(objects_store, fixture_soon()) != 0 ||
		      write(fd, &n, sizeof(n)) != sizeof(n))))
			_exit(1);
	}
}

static void batches_survive_kill_9_whole(void **state)
{
	unsigned next = 0, safe, flushed = 0;
	unsigned kills = fixture_is_postgres ? 4 : KILLS;

	(void)state;
	for (unsigned i = 0; i < kills; i++) {
		unsigned first = next;

		fixture_close(objects_store);
		safe = fixture_kill(write_until_killed, first, KILL_MS) + 1;
		objects_store = fixture_open();
		for (next = first;; next++) {
			struct store_object o =
				objects_object(STORE_RESPONSE,
					       objects_name("k", next));
			int there = objects_look(&o);

			o.kind = STORE_MESSAGES;
			check_int("both or none", objects_look(&o), there);
			if (there != 0)
				break;
		}
		check_true("what was flushed is there", next >= safe);
		flushed += safe - first;
	}
	check_true("some were flushed", flushed > 0);
}

static void *compete(void *arg)
{
	struct store_object o = objects_object(STORE_PROMPT, STR("p"));
	struct store_key key = { STORE_PROMPT, STR(""), STR("p") };
	struct arena own;
	unsigned won = 0;

	arena_init(&own, FIXTURE_ARENA);
	while (won < ROUNDS) {
		struct store_op op = { .what = STORE_REPLACE };
		struct store_object got = { 0 };
		int64_t n = 0;

		if (store_object_get(objects_store, &key, &own, &got) != 0)
			break;
		(void)str_to_i64(got.body, 0, INT32_MAX, &n);
		o.body = arena_printf(&own, "%lld", (long long)n + 1);
		op.object = o;
		op.version = got.version;
		if (store_apply(objects_store, &op, 1, fixture_soon()) == 0)
			won++;
		else
			atomic_fetch_add((atomic_uint *)arg, 1);
	}
	arena_fini(&own);
	return NULL;
}

/* Read, add one, replace: whoever was overtaken tries again. */
static void versions_keep_writers_apart(void **state)
{
	struct store_object o = objects_object(STORE_PROMPT, STR("p"));
	pthread_t threads[CONTENDERS];
	atomic_uint lost = 0;

	(void)state;
	o.body = STR("0");
	check_int("insert", objects_apply_one(STORE_INSERT, &o, 0), 0);
	for (size_t i = 0; i < CONTENDERS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, compete,
						&lost),
				 0);
	}
	for (size_t i = 0; i < CONTENDERS; i++)
		(void)pthread_join(threads[i], NULL);
	check_str("none was lost", objects_get(&o).body,
		  arena_printf(&objects_arena, "%d", CONTENDERS * ROUNDS));
	check_int("version", objects_get(&o).version, CONTENDERS * ROUNDS + 1);
	printf("%u conflicts\n", atomic_load(&lost));
}

/* As a turn is: another thread reads each post as soon as it was made. */
static void posts_are_seen_at_once(void **state)
{
	struct store_object o = objects_object(STORE_RESPONSE, STR(""));
	struct store_object m = objects_object(STORE_MESSAGES, STR(""));
	struct store_objects_query q = { .kind = STORE_MESSAGES,
					 .parent = STR("conv"),
					 .limit = STORE_OBJECTS_MAX };

	(void)state;
	for (unsigned n = 0; n < 30; n++) {
		o.id = objects_name("r", n);
		o.state = STR("in_progress");
		check_int("post", objects_post(STORE_PUT, &o), 0);
		check_str("begun", objects_get(&o).state, o.state);
		o.state = STR("completed");
		m.id = objects_name("m", n);
		m.parent = q.parent;
		check_int("post",
			  store_post(objects_store, 2,
				     (struct store_op[]){
					     { .what = STORE_PUT, .object = o },
					     { .what = STORE_PUT,
					       .object = m } },
				     2),
			  0);
		check_int("messages", objects_list(&q).count, n + 1);
		check_str("ended", objects_get(&o).state, o.state);
	}
}

static void limits_are_kept(void **state)
{
	static char large[STORE_TEXT_MAX + 1];
	struct store_object o = objects_object(STORE_RUN, STR("x"));
	static struct store_op many[STORE_OPS_MAX + 1];
	struct store_op op = { .what = STORE_PUT, .object = o };

	(void)state;
	memset(large, 'x', sizeof(large));
	for (size_t i = 0; i < countof(many); i++)
		many[i] = op;
	check_int("none", store_post(objects_store, 0, many, 0), -EMSGSIZE);
	check_int("most", store_post(objects_store, 0, many, STORE_OPS_MAX), 0);
	check_int("too many",
		  store_post(objects_store, 0, many, STORE_OPS_MAX + 1),
		  -EMSGSIZE);
	check_int("too many", objects_apply(many, STORE_OPS_MAX + 1),
		  -EMSGSIZE);
	check_int("version", objects_get(&o).version, STORE_OPS_MAX);
	op.object.id = (struct str){ large, STORE_TEXT_MAX };
	check_int("id", store_post(objects_store, 0, &op, 1), 0);
	check_int("found", objects_look(&op.object), 0);
	op.object.id.len++;
	check_int("id", store_post(objects_store, 0, &op, 1), -EMSGSIZE);
	op.object.id = STR("");
	check_int("no id", store_post(objects_store, 0, &op, 1), -EINVAL);
	op.object = o;
	op.object.state = (struct str){ large, STORE_STATE_MAX + 1 };
	check_int("state", objects_apply(&op, 1), -EINVAL);
	op.object = o;
	op.object.kind = STORE_KINDS;
	check_int("kind", objects_apply(&op, 1), -EINVAL);
	op.object = o;
	op.object.body = (struct str){ large, STORE_ROW_BYTES_MAX + 1 };
	check_int("bytes", store_post(objects_store, 0, &op, 1), -EMSGSIZE);
	op.object = o;
	op.what = STORE_DELETE_CHILDREN;
	check_int("no parent", store_post(objects_store, 0, &op, 1), -EINVAL);
	op.what = STORE_INSERT;
	check_int("a condition", store_post(objects_store, 0, &op, 1), -EINVAL);
	op.what = STORE_DELETE;
	op.version = 1;
	check_int("a version", store_post(objects_store, 0, &op, 1), -EINVAL);
	op.version = 0;
	op.childless = true;
	check_int("childless", store_post(objects_store, 0, &op, 1), -EINVAL);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, objects_begin, objects_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_object_comes_back_as_it_was),
		TEST(the_newest_takes_the_place),
		TEST(owners_and_kinds_are_apart),
		TEST(conditions_are_held),
		TEST(a_batch_is_done_or_not),
		TEST(ops_see_what_was_done_before_them),
		TEST(what_has_children_is_spared),
		TEST(versions_keep_writers_apart),
		TEST(too_much_goes_by_its_age),
		TEST(batches_survive_kill_9_whole),
		TEST(the_old_expire_with_their_own),
		TEST(posts_are_seen_at_once),
		TEST(limits_are_kept),
	};

	return fixture_run(tests, countof(tests));
}
