/*
 * sim - a loop whose clock and network are fake, for tests.
 *
 *	struct sim *sim = sim_new(&(struct sim_cfg){ .seed = 7 });
 *	struct loop *loop = sim_loop(sim);
 *
 *	sim_host(sim, STR("api.test"), STR("10.0.0.1"));
 *	task_spawn(loop, "server", ...);
 *	task_spawn(loop, "client", ...);
 *	loop_run(loop);
 *	sim_free(sim);
 *
 * Everything that could differ between two runs follows from the seed: delays,
 * how many bytes a read or write takes, the order of tasks that become ready
 * together, faults.  Time stands still while a task runs and jumps to the next
 * event when all wait.  io_listen(), io_connect(), dns_lookup() and offload
 * work as always, inside the world; TLS too.  rand_u64() of the thread is
 * seeded as well.
 */
#ifndef IO_SIM_H
#define IO_SIM_H

#include "io/io.h"

struct sim;

struct sim_cfg {
	uint64_t seed;
	int64_t delay_min_ns,
		delay_max_ns; /* of each piece of bytes, one way */
	size_t window;        /* socket buffer; 0: 64 KB */
	bool split;           /* reads and writes take random amounts */
	unsigned reset_ppm; /* chance per operation that the stream is reset */
};

struct sim *sim_new(const struct sim_cfg *cfg);
void sim_free(struct sim *sim);
struct loop *sim_loop(struct sim *sim);

/* Make a name resolve. */
void sim_host(struct sim *sim, struct str name, struct str address);

/*
 * Faults on purpose.  io is the local end of a stream; both directions unless
 * said otherwise.
 */
void sim_reset(struct io *io);          /* both ends see -ECONNRESET */
void sim_stall(struct io *io, bool on); /* nothing arrives at io while on */

/* From now on connects to the address hang (blackhole), or are refused. */
void sim_blackhole(struct sim *sim, const struct io_addr *addr, bool on);

/* Streams that are open at either end: 0 when nothing leaked. */
size_t sim_open_streams(const struct sim *sim);

#endif
