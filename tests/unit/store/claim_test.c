#include "tests/unit/store/fixture.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "store/claim.h"

enum {
	WORKERS = 8,
	RUNS = 200,
	NOW = 1000000,
	LEASE = 500,
};

static struct arena arena;
static struct store *s;
static struct store *second; /* the same database, as another quipu has it */

static int begin(void **state)
{
	int r = fixture_make(state);

	arena_init(&arena, FIXTURE_ARENA);
	s = r == 0 ? fixture_open() : NULL;
	second = r == 0 ? fixture_open() : NULL;
	return r;
}

static int end(void **state)
{
	fixture_close(second);
	fixture_close(s);
	arena_fini(&arena);
	return fixture_drop(state);
}

static struct store_object run_of(struct str id, int64_t due_ms)
{
	return (struct store_object){ .kind = STORE_RUN,
				      .owner = STR("ann"),
				      .id = id,
				      .state = STORE_STATE_QUEUED,
				      .due_ms = due_ms,
				      .body = STR("{}") };
}

static void queue(struct str id, int64_t due_ms)
{
	struct store_op op = { .what = STORE_INSERT,
			       .object = run_of(id, due_ms) };

	check_int("queue", store_apply(s, &op, 1, fixture_soon()), 0);
}

static int claim(struct str holder, int64_t now_ms, struct store_object *out)
{
	return store_claim(s,
			   &(struct store_claimant){ STORE_RUN, holder, now_ms,
						     now_ms + LEASE },
			   &arena, out);
}

static void the_first_due_is_claimed(void **state)
{
	struct store_object got;

	(void)state;
	check_int("nothing", claim(STR("w"), NOW, &got), STORE_UNKNOWN);
	queue(STR("later"), NOW + 1);
	queue(STR("second"), NOW);
	queue(STR("first"), NOW - 1);
	queue(STR("third"), NOW);
	check_int("claim", claim(STR("w"), NOW, &got), 0);
	check_str("first", got.id, STR("first"));
	check_str("owner", got.owner, STR("ann"));
	check_str("state", got.state, STORE_STATE_RUNNING);
	check_str("holder", got.holder, STR("w"));
	check_str("body", got.body, STR("{}"));
	check_int("due", got.due_ms, NOW + LEASE);
	check_int("version", got.version, 2);
	check_int("claims", got.claims, 1);
	check_int("claim", claim(STR("w"), NOW, &got), 0);
	check_str("second", got.id, STR("second"));
	check_int("claim", claim(STR("w"), NOW, &got), 0);
	check_str("third", got.id, STR("third"));
	check_int("nothing", claim(STR("w"), NOW, &got), STORE_UNKNOWN);
	check_int("claim", claim(STR("w"), NOW + 1, &got), 0);
	check_str("later", got.id, STR("later"));
	check_int("no name", claim(STR(""), NOW, &got), -EINVAL);
}

static void other_kinds_and_states_are_left(void **state)
{
	struct store_op op = { .what = STORE_INSERT,
			       .object = run_of(STR("x"), NOW) };
	struct store_object got;

	(void)state;
	op.object.kind = STORE_RESPONSE;
	check_int("apply", store_apply(s, &op, 1, fixture_soon()), 0);
	op.object.kind = STORE_RUN;
	op.object.state = STR("cancelled");
	check_int("apply", store_apply(s, &op, 1, fixture_soon()), 0);
	check_int("nothing", claim(STR("w"), NOW, &got), STORE_UNKNOWN);
	op.object.id = STR("y");
	op.object.state = STORE_STATE_QUEUED;
	op.what = STORE_PUT;
	check_int("post", store_post(s, 0, &op, 1), 0);
	check_int("what was posted", claim(STR("w"), NOW, &got), 0);
	check_str("it", got.id, STR("y"));
}

static void a_lease_that_ran_out_is_claimed_again(void **state)
{
	struct store_key key = { STORE_RUN, STR("ann"), STR("x") };
	struct store_op done = { .what = STORE_DELETE };
	struct store_object first, again;

	(void)state;
	queue(key.id, NOW);
	check_int("claim", claim(STR("one"), NOW, &first), 0);
	check_int("held", claim(STR("two"), NOW + LEASE - 1, &again),
		  STORE_UNKNOWN);
	check_int("renew", store_lease(second, &key, STR("one"), NOW + 2000),
		  0);
	check_int("held", claim(STR("two"), NOW + 1999, &again), STORE_UNKNOWN);
	check_int("claim", claim(STR("two"), NOW + 2000, &again), 0);
	check_int("claims", again.claims, 2);
	check_str("holder", again.holder, STR("two"));
	check_int("the first's", store_lease(s, &key, STR("one"), NOW + 9000),
		  STORE_CONFLICT);
	done.object = first;
	done.version = first.version;
	check_int("fenced", store_apply(s, &done, 1, fixture_soon()),
		  STORE_CONFLICT);
	check_int("renew", store_lease(s, &key, STR("two"), NOW + 9000), 0);
	done.version = again.version;
	check_int("done", store_apply(s, &done, 1, fixture_soon()), 0);
	check_int("gone", store_lease(s, &key, STR("two"), NOW + 9000),
		  STORE_UNKNOWN);
}

static void a_cancellation_ends_a_lease(void **state)
{
	struct store_key key = { STORE_RUN, STR("ann"), STR("x") };
	struct store_op cancel = { .what = STORE_REPLACE };
	struct store_op done = { .what = STORE_DELETE };
	struct store_object got;

	(void)state;
	queue(key.id, NOW);
	check_int("claim", claim(STR("one"), NOW, &got), 0);
	done.object = cancel.object = got;
	done.version = cancel.version = got.version;
	cancel.object.state = STR("cancelled");
	check_int("cancel", store_apply(second, &cancel, 1, fixture_soon()), 0);
	check_int("lease", store_lease(s, &key, STR("one"), NOW + 9000),
		  STORE_CONFLICT);
	check_int("done", store_apply(s, &done, 1, fixture_soon()),
		  STORE_CONFLICT);
	check_int("nothing", claim(STR("two"), NOW + 9999, &got),
		  STORE_UNKNOWN);
}

static void what_does_not_fit_is_not_taken(void **state)
{
	struct store_claimant c = { STORE_RUN, STR("w"), NOW, NOW + LEASE };
	struct store_object got;
	struct arena small;

	(void)state;
	queue(STR("x"), NOW);
	arena_init(&small, 1);
	check_int("claim", store_claim(s, &c, &small, &got), -EMSGSIZE);
	arena_fini(&small);
	check_int("claim", claim(STR("w"), NOW, &got), 0);
	check_int("once", got.claims, 1);
}

static void states_are_counted(void **state)
{
	struct store_object got;
	unsigned n = 99;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		queue(arena_printf(&arena, "r%u", i), NOW);
	check_int("claim", claim(STR("w"), NOW, &got), 0);
	check_int("count",
		  store_object_count(s, STORE_RUN, STORE_STATE_QUEUED, 100, &n),
		  0);
	check_int("queued", n, 4);
	check_int("count",
		  store_object_count(s, STORE_RUN, STORE_STATE_QUEUED, 3, &n),
		  0);
	check_int("up to", n, 3);
	check_int("count",
		  store_object_count(s, STORE_RUN, STORE_STATE_RUNNING, 9, &n),
		  0);
	check_int("running", n, 1);
}

struct worker {
	unsigned n;
	unsigned got;
	atomic_uint *seen; /* by run */
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct store_claimant c = { STORE_RUN, STR_NULL, NOW, NOW + LEASE };
	struct store_object run;
	struct arena own;
	char holder[16];

	arena_init(&own, FIXTURE_ARENA);
	c.holder.ptr = holder;
	c.holder.len =
		(size_t)snprintf(holder, sizeof(holder), "worker%u", w->n);
	while (store_claim(w->n % 2 == 0 ? s : second, &c, &own, &run) == 0) {
		int64_t n = -1;

		(void)str_to_i64(run.id, 0, RUNS - 1, &n);
		atomic_fetch_add(&w->seen[n], 1);
		w->got++;
	}
	arena_fini(&own);
	return NULL;
}

static void each_run_is_claimed_once(void **state)
{
	static struct store_op ops[RUNS];
	static atomic_uint seen[RUNS];
	struct worker workers[WORKERS] = { 0 };
	pthread_t threads[WORKERS];
	unsigned total = 0, busy = 0;

	(void)state;
	for (unsigned i = 0; i < RUNS; i++) {
		ops[i].what = STORE_INSERT;
		ops[i].object = run_of(arena_printf(&arena, "%u", i), NOW);
		atomic_store(&seen[i], 0);
	}
	check_int("queue", store_apply(s, ops, RUNS, fixture_soon()), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .n = i, .seen = seen };
		assert_int_equal(pthread_create(&threads[i], NULL, work,
						&workers[i]),
				 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		(void)pthread_join(threads[i], NULL);
		total += workers[i].got;
		busy += workers[i].got > 0;
	}
	check_int("claimed", total, RUNS);
	check_true("by several", busy > 1);
	for (unsigned i = 0; i < RUNS; i++)
		check_int("once", atomic_load(&seen[i]), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_due_is_claimed),
		TEST(other_kinds_and_states_are_left),
		TEST(a_lease_that_ran_out_is_claimed_again),
		TEST(a_cancellation_ends_a_lease),
		TEST(what_does_not_fit_is_not_taken),
		TEST(states_are_counted),
		TEST(each_run_is_claimed_once),
	};

	return fixture_run(tests, countof(tests));
}
