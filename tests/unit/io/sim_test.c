#include "io/sim.h"

#include "base/map.h"
#include "base/rand.h"
#include "io/dns.h"
#include "io/tls.h"
#include "tests/unit/table.h"

#include <errno.h>
#include <stdlib.h>

enum {
	BYTES = 20000
};

struct scene {
	struct sim *sim;
	struct io *listener;
	uint64_t digest; /* of what happened, in order, with its time */
	size_t echoed;
	int client_result;
	int fault; /* 0 none, 1 reset, 2 stall, 3 blackhole, 4 nobody there */
};

static void happened(struct scene *s, struct task *t, size_t n)
{
	int64_t what[] = { task_now(t), (int64_t)n };

	s->digest = map_hash(s->digest,
			     (struct str){ (const char *)what, sizeof(what) });
}

static void echo(struct task *t, void *arg)
{
	struct scene *s = arg;
	char buf[700];
	struct io *io;
	size_t n = 1;

	if (io_accept(t, s->listener, task_now(t) + CLOCK_S, &io) == 0) {
		if (s->fault == 1)
			sim_reset(io);
		if (s->fault == 2)
			sim_stall(io, true);
		while (n > 0 && io_read(t, io, buf, sizeof(buf),
					task_now(t) + 10 * CLOCK_S, &n) == 0) {
			struct str piece = { buf, n };

			happened(s, t, n);
			if (io_write(t, io, &piece, 1,
				     task_now(t) + 10 * CLOCK_S) < 0)
				break;
		}
		io_close(io);
	}
	io_close(s->listener);
}

static int send_all(struct task *t, struct io *io)
{
	char buf[1000];

	memset(buf, 'x', sizeof(buf));
	for (size_t sent = 0; sent < BYTES; sent += sizeof(buf)) {
		struct str piece = { buf, sizeof(buf) };
		int r = io_write(t, io, &piece, 1, task_now(t) + 10 * CLOCK_S);

		if (r < 0)
			return r;
	}
	io_shutdown_write(io);
	return 0;
}

static void write_side(struct task *t, void *arg)
{
	if (send_all(t, arg) < 0)
		return;
}

static int talk(struct task *t, struct scene *s)
{
	struct io_addr addrs[DNS_ADDR_MAX];
	struct task_group group;
	char buf[512];
	struct io *io;
	size_t n = 1;
	int r = dns_lookup(t, STR("echo.test"), 7, CLOCK_NEVER, addrs, &n);

	if (r < 0)
		return r;
	if (s->fault == 3)
		sim_blackhole(s->sim, &addrs[0], true);
	r = io_connect(t, &addrs[0], task_now(t) + 5 * CLOCK_S, &io);
	if (r < 0)
		return r;
	task_group_init(&group);
	r = task_group_spawn(t, &group, "writer", write_side, io);
	for (n = 1; r == 0 && n > 0;) {
		r = io_read(t, io, buf, sizeof(buf), task_now(t) + 5 * CLOCK_S,
			    &n);
		if (r == 0)
			s->echoed += n;
		happened(s, t, n);
	}
	task_group_join(t, &group, task_now(t));
	io_close(io);
	return r;
}

static void client(struct task *t, void *arg)
{
	struct scene *s = arg;

	s->client_result = talk(t, s);
}

static struct scene play(uint64_t seed, int fault)
{
	struct scene s = { .fault = fault, .client_result = 1 };
	struct io_listen_cfg cfg = { 0 };

	s.sim = sim_new(&(struct sim_cfg){ .seed = seed,
					   .delay_max_ns = CLOCK_MS,
					   .window = 3000,
					   .split = true });
	sim_host(s.sim, STR("echo.test"), STR("10.0.0.7"));
	assert_int_equal(io_addr_parse(STR("10.0.0.7"), 7, &cfg.addr), 0);
	if (fault != 4) {
		assert_int_equal(io_listen(sim_loop(s.sim), &cfg, &s.listener),
				 0);
		assert_int_equal(task_spawn(sim_loop(s.sim), "echo", echo, &s),
				 0);
	}
	assert_int_equal(task_spawn(sim_loop(s.sim), "client", client, &s), 0);
	loop_run(sim_loop(s.sim));
	check_int("tasks left", loop_task_count(sim_loop(s.sim)), 0);
	check_int("streams left", sim_open_streams(s.sim), 0);
	sim_free(s.sim);
	return s;
}

static void bytes_come_back_whole_on_every_schedule(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct scene s = play(seed, 0);

		check_int("result", s.client_result, 0);
		check_int("echoed", s.echoed, BYTES);
	}
}

static void a_seed_is_a_schedule(void **state)
{
	size_t differ = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct scene s = play(seed, 0);

		assert_true(s.digest == play(seed, 0).digest);
		differ += s.digest != play(seed + 1, 0).digest;
	}
	check_int("other seeds are other schedules", differ, 20);
}

static void faults_are_seen(void **state)
{
	static const struct {
		const char *name;
		int fault, want;
	} cases[] = {
		{ "a reset", 1, -ECONNRESET },
		{ "a stall", 2, -ETIMEDOUT },
		{ "a blackhole", 3, -ETIMEDOUT },
		{ "nobody listens", 4, -ECONNREFUSED },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		for (uint64_t seed = 1; seed <= 20; seed++) {
			check_int(cases[i].name,
				  play(seed, cases[i].fault).client_result,
				  cases[i].want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_back_whole_on_every_schedule),
		cmocka_unit_test(a_seed_is_a_schedule),
		cmocka_unit_test(faults_are_seen),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
