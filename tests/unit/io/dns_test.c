#include "io/dns.h"

#include "io/backend.h"

#include "tests/unit/io/run.h"

#include <stdatomic.h>
#include <stdio.h>

static atomic_int calls;
static atomic_int call_ms;

/*
 * The world of names: "one" and "many" exist, "N.test" for any N too; all
 * others do not.
 */
static int resolve(void *arg, struct str host, struct io_addr *out,
		   size_t *out_n)
{
	size_t n = str_eq(host, STR("many")) ? DNS_ADDR_MAX : 1;

	(void)arg;
	atomic_fetch_add(&calls, 1);
	block_us(atomic_load(&call_ms) * 1000L);
	if (!str_eq(host, STR("one")) && !str_eq(host, STR("many")) &&
	    !str_ends(host, STR(".test")))
		return -ENOENT;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(io_addr_parse(i % 2 ? STR("2001:db8::1")
						     : STR("192.0.2.1"),
					       0, &out[i]),
				 0);
	}
	*out_n = n;
	return 0;
}

/* The epoll back end, but for names and, on demand, the clock. */
static struct loop_backend backend;
static atomic_llong clock_ahead;

static int64_t shifted(struct loop *loop)
{
	(void)loop;
	return clock_monotonic() + atomic_load(&clock_ahead);
}

static int set_up(void **state)
{
	(void)state;
	atomic_store(&calls, 0);
	atomic_store(&call_ms, 0);
	atomic_store(&clock_ahead, 0);
	backend = epoll_backend;
	backend.resolve = resolve;
	backend.monotonic = shifted;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	offload_stop();
	err_clear();
	return 0;
}

static void run_fake(void (*fn)(struct task *t, void *arg), void *arg)
{
	struct loop_cfg cfg = { .backend = &backend };

	run_in(loop_new(&cfg), fn, arg);
}

/* The first address of host, or the error. */
static int look_up(struct task *t, const char *host, char *text)
{
	struct io_addr addrs[DNS_ADDR_MAX];
	size_t n = 0;
	int r = dns_lookup(t, str_of(host), 80, in_ms(t, 5000), addrs, &n);

	if (r < 0)
		return r;
	(void)io_addr_text(&addrs[0], text);
	return (int)n;
}

static void look_up_all(struct task *t, void *arg)
{
	static char long_name[300];
	static const struct {
		const char *name, *host, *want;
		int r, calls;
	} cases[] = {
		{ "IPv4", "192.0.2.9", "192.0.2.9:80", 1, 0 },
		{ "IPv6", "::1", "[::1]:80", 1, 0 },
		{ "UNIX", "unix:/x", "unix:/x", 1, 0 },
		{ "localhost", "LocalHost", "127.0.0.1:80", 2, 0 },
		{ "a name", "one", "192.0.2.1:80", 1, 1 },
		{ "again: from the cache", "one", "192.0.2.1:80", 1, 0 },
		{ "case does not matter", "ONE", "192.0.2.1:80", 1, 0 },
		{ "many addresses", "many", "192.0.2.1:80", DNS_ADDR_MAX, 1 },
		{ "no such name", "none", "", -ENOENT, 1 },
		{ "known not to be", "none", "", -ENOENT, 0 },
		{ "no name", "", "", -ENOENT, 0 },
		{ "too long a name", long_name, "", -ENOENT, 0 },
	};

	(void)arg;
	memset(long_name, 'a', 255);
	for (size_t i = 0; i < countof(cases); i++) {
		char text[IO_ADDR_TEXT_MAX] = "";
		int before = atomic_load(&calls);

		check_int(cases[i].name, look_up(t, cases[i].host, text),
			  cases[i].r);
		check_str(cases[i].name, str_of(text), str_of(cases[i].want));
		check_int(cases[i].name, atomic_load(&calls) - before,
			  cases[i].calls);
	}
	check_int("alone again", loop_task_count(task_loop(t)), 1);
}

static void names_become_addresses(void **state)
{
	(void)state;
	run_fake(look_up_all, NULL);
}

static void look_up_later(struct task *t, void *arg)
{
	static const struct {
		const char *name, *host;
		int ms, calls;
	} cases[] = {
		{ "new", "one", 0, 1 },
		{ "young", "one", 29000, 0 },
		{ "30 s old", "one", 2000, 1 },
		{ "a failure", "none", 0, 1 },
		{ "a young failure", "none", 500, 0 },
		{ "a failure 1 s old", "none", 1000, 1 },
	};

	(void)arg;
	for (size_t i = 0; i < countof(cases); i++) {
		char text[IO_ADDR_TEXT_MAX];
		int before = atomic_load(&calls);

		atomic_fetch_add(&clock_ahead, cases[i].ms * CLOCK_MS);
		assert_int_equal(task_yield(t), 0);
		(void)look_up(t, cases[i].host, text);
		check_int(cases[i].name, atomic_load(&calls) - before,
			  cases[i].calls);
	}
}

static void answers_age(void **state)
{
	(void)state;
	run_fake(look_up_later, NULL);
}

static void expect_one(struct task *t, void *arg)
{
	char text[IO_ADDR_TEXT_MAX];

	*(int *)arg = look_up(t, "one", text);
}

static void look_up_together(struct task *t, void *arg)
{
	struct task_group g;
	int r[20] = { 0 };

	(void)arg;
	atomic_store(&call_ms, 20);
	task_group_init(&g);
	for (size_t i = 0; i < countof(r); i++) {
		assert_int_equal(task_group_spawn(t, &g, "l", expect_one,
						  &r[i]),
				 0);
	}
	task_group_join(t, &g, CLOCK_NEVER);
	for (size_t i = 0; i < countof(r); i++)
		check_int("answer", r[i], 1);
	check_int("one call", atomic_load(&calls), 1);
}

static void lookups_under_way_are_shared(void **state)
{
	(void)state;
	run_fake(look_up_together, NULL);
}

struct one {
	int64_t deadline_ms;
	int r;
};

static void expect_in_time(struct task *t, void *arg)
{
	struct io_addr addrs[DNS_ADDR_MAX];
	struct one *one = arg;
	size_t n;

	one->r = dns_lookup(t, STR("one"), 80, in_ms(t, one->deadline_ms),
			    addrs, &n);
}

/* The first one leaves; the others get their answer all the same. */
static void leave_early(struct task *t, void *arg)
{
	struct one one[3] = { { 5, 1 }, { 5000, 1 }, { 5000, 1 } };
	struct task_group g;

	(void)arg;
	atomic_store(&call_ms, 40);
	task_group_init(&g);
	for (size_t i = 0; i < countof(one); i++) {
		assert_int_equal(task_group_spawn(t, &g, "l", expect_in_time,
						  &one[i]),
				 0);
	}
	task_group_join(t, &g, CLOCK_NEVER);
	check_int("left", one[0].r, -ETIMEDOUT);
	check_int("stayed", one[1].r, 0);
	check_int("stayed", one[2].r, 0);
	check_int("one call", atomic_load(&calls), 1);
}

static void who_asked_first_may_leave(void **state)
{
	(void)state;
	run_fake(leave_early, NULL);
}

/* All leave: the helper goes too, and a new one asks anew. */
static void all_leave(struct task *t, void *arg)
{
	struct one one = { 5000, 1 };
	struct task_group g;

	(void)arg;
	atomic_store(&call_ms, 30);
	task_group_init(&g);
	assert_int_equal(task_group_spawn(t, &g, "l", expect_in_time, &one), 0);
	while (atomic_load(&calls) == 0)
		assert_int_equal(task_sleep(t, in_ms(t, 1)), 0);
	task_group_cancel(&g);
	task_group_join(t, &g, CLOCK_NEVER);
	check_int("cancelled", one.r, -ECANCELED);
	/* At once, while the helper is still on its way out. */
	expect_in_time(t, &one);
	check_int("found", one.r, 0);
	check_int("asked anew", atomic_load(&calls), 2);
	check_int("alone", loop_task_count(task_loop(t)), 1);
}

static void a_lookup_nobody_waits_for_ends(void **state)
{
	(void)state;
	run_fake(all_leave, NULL);
}

static void look_up_many(struct task *t, void *arg)
{
	char text[IO_ADDR_TEXT_MAX], host[32];
	int before;

	(void)arg;
	for (int i = 0; i < 1100; i++) {
		(void)snprintf(host, sizeof(host), "%d.test", i);
		check_int(host, look_up(t, host, text), 1);
	}
	before = atomic_load(&calls);
	check_int("the oldest is forgotten", look_up(t, "0.test", text), 1);
	check_int("asked anew", atomic_load(&calls) - before, 1);
	check_int("the newest is kept", look_up(t, "1099.test", text), 1);
	check_int("not asked", atomic_load(&calls) - before, 1);
}

static void the_cache_has_a_limit(void **state)
{
	(void)state;
	run_fake(look_up_many, NULL);
}

static void ask_the_system(struct task *t, void *arg)
{
	char text[IO_ADDR_TEXT_MAX];

	(void)arg;
	/* RFC 6761: no resolver may know it. */
	check_int("no such host", look_up(t, "quipu.invalid", text), -ENOENT);
	assert_true(str_starts(err_text(), STR("dns: quipu.invalid: ")));
}

static void the_system_is_asked(void **state)
{
	(void)state;
	run_task(ask_the_system, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(names_become_addresses),
		TEST(answers_age),
		TEST(lookups_under_way_are_shared),
		TEST(who_asked_first_may_leave),
		TEST(a_lookup_nobody_waits_for_ends),
		TEST(the_cache_has_a_limit),
		TEST(the_system_is_asked),
	};

	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
