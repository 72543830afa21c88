#include "core/origin.h"

#include "tests/sim/world.h"
#include "tests/unit/table.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t seeds(void)
{
	int64_t n = 100;

	(void)str_to_i64(str_of(getenv("SIM_SEEDS")), 1, 100000000, &n);
	return (uint64_t)n;
}

static void run(const char *name, struct world_cfg cfg, unsigned least_answers)
{
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		struct world_result r;

		cfg.seed = seed;
		r = world_run(&cfg);
		if (r.lies > 0 || r.streams_left > 0 ||
		    r.answers < least_answers) {
			fail_msg("%s, seed %llu: %u answers, %u failures, "
				 "%zu streams left, %u lies: %s",
				 name, (unsigned long long)seed, r.answers,
				 r.failures, r.streams_left, r.lies, r.lie);
		}
	}
}

/* As run(); at the end all clients are answered by the first target again. */
static void run_to_first(const char *name, struct world_cfg cfg)
{
	for (uint64_t seed = 1; seed <= seeds(); seed++) {
		struct world_result r;

		cfg.seed = seed;
		r = world_run(&cfg);
		if (r.lies > 0 || r.failures > 0 ||
		    r.answers != cfg.clients * cfg.requests ||
		    r.last_by_first != cfg.clients) {
			fail_msg("%s, seed %llu: %u answers, %u failures, %u "
				 "by the first at the end, %u lies: %s",
				 name, (unsigned long long)seed, r.answers,
				 r.failures, r.last_by_first, r.lies, r.lie);
		}
	}
}

static void all_is_well(void **state)
{
	(void)state;
	run("all is well", (struct world_cfg){ .clients = 4 }, 12);
}

static void clients_hang_up(void **state)
{
	(void)state;
	run("clients hang up",
	    (struct world_cfg){ .clients = 4, .client = CLIENT_HANGS_UP }, 0);
}

static void clients_are_slow(void **state)
{
	(void)state;
	run("clients are slow",
	    (struct world_cfg){ .clients = 2, .client = CLIENT_SLOW }, 6);
}

static void the_upstream_resets_mid_event(void **state)
{
	(void)state;
	run("the upstream resets in the middle of an event",
	    (struct world_cfg){ .clients = 3, .upstream = UP_RESET_MID_EVENT },
	    0);
	run("the upstream closes in the middle of an event",
	    (struct world_cfg){ .clients = 3, .upstream = UP_CUT_MID_EVENT },
	    0);
}

static void the_upstream_stalls(void **state)
{
	(void)state;
	run("the upstream stalls before its head",
	    (struct world_cfg){ .clients = 2,
				.upstream = UP_STALL_BEFORE_HEAD },
	    0);
	run("the upstream stalls in the middle of a stream",
	    (struct world_cfg){ .clients = 2, .upstream = UP_STALL_MID_STREAM },
	    0);
}

static void pooled_connections_go_stale(void **state)
{
	(void)state;
	run("pooled connections go stale",
	    (struct world_cfg){ .clients = 4,
				.upstream = UP_CLOSE_AFTER_ANSWER },
	    12);
}

static void the_server_shuts_down_under_load(void **state)
{
	(void)state;
	run("the server shuts down under load",
	    (struct world_cfg){ .clients = 4, .shutdown = true }, 0);
	run("the server shuts down with a stalled upstream",
	    (struct world_cfg){ .clients = 4,
				.shutdown = true,
				.upstream = UP_STALL_MID_STREAM },
	    0);
}

static void everything_at_once(void **state)
{
	(void)state;
	run("everything at once",
	    (struct world_cfg){ .clients = 6, .mix = true, .reset_ppm = 500 },
	    0);
}

/*
 * The first target is bad in every way, at first or for ever; the second is
 * good.  All requests have their answer, of one of the two; and when the first is
 * well again, its breaker closes and it is asked again.
 */
static void another_target_takes_over(void **state)
{
	static const struct {
		const char *name;
		enum upstream_way way;
		bool refused;
	} cases[] = {
		{ "resets", UP_RESET_BEFORE_ANSWER, false },
		{ "refuses", UP_GOOD, true },
		{ "stalls", UP_STALL_BEFORE_HEAD, false },
		{ "503", UP_BUSY, false },
		{ "429", UP_LIMITED, false },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct world_cfg cfg = { .clients = 4,
					 .routed = true,
					 .upstream = cases[i].way,
					 .refused = cases[i].refused,
					 .requests = 12,
					 .pause_ns = CLOCK_S };

		run(cases[i].name, cfg, 48);
		if (!cases[i].refused) {
			cfg.well_ns = 20 * CLOCK_S;
			cfg.requests = 60;
			run_to_first(cases[i].name, cfg);
		}
	}
}

static void a_target_that_flaps_is_no_harm(void **state)
{
	(void)state;
	run("flaps",
	    (struct world_cfg){ .clients = 6,
				.routed = true,
				.upstream = UP_FLAPS,
				.requests = 40,
				.pause_ns = 300 * CLOCK_MS },
	    240);
}

/* Breaks off in the middle of a stream: told, and never continued. */
static void what_has_begun_is_not_asked_elsewhere(void **state)
{
	(void)state;
	run("the first breaks off",
	    (struct world_cfg){ .clients = 4,
				.routed = true,
				.upstream = UP_RESET_MID_EVENT,
				.requests = 6 },
	    0);
	run("the first does all it can, clients too",
	    (struct world_cfg){ .clients = 6,
				.routed = true,
				.mix = true,
				.reset_ppm = 300,
				.requests = 6 },
	    0);
	run("both reset now and then",
	    (struct world_cfg){ .clients = 4,
				.routed = true,
				.both_reset = true,
				.requests = 6 },
	    0);
}

static int silence(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(clients_hang_up),
		cmocka_unit_test(clients_are_slow),
		cmocka_unit_test(the_upstream_resets_mid_event),
		cmocka_unit_test(the_upstream_stalls),
		cmocka_unit_test(pooled_connections_go_stale),
		cmocka_unit_test(the_server_shuts_down_under_load),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(another_target_takes_over),
		cmocka_unit_test(a_target_that_flaps_is_no_harm),
		cmocka_unit_test(what_has_begun_is_not_asked_elsewhere),
	};

	return cmocka_run_group_tests_name("gateway", tests, silence, clean_up);
}
