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
	};

	return cmocka_run_group_tests_name("gateway", tests, silence, clean_up);
}
