/*
 * world - quipu, an upstream and clients in one simulated network.
 *
 * Every client either gets the whole right answer, or sees that it did not: a
 * status of 500 or more, an error event, or a cut.  Anything else is a bug.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "api/route.h"
#include "io/sim.h"

enum upstream_way {
	UP_GOOD,
	UP_RESET_MID_EVENT,
	UP_CUT_MID_EVENT,
	UP_STALL_BEFORE_HEAD,
	UP_STALL_MID_STREAM,
	UP_CLOSE_AFTER_ANSWER, /* without saying so: a stale pooled connection */
	UP_RESET_BEFORE_ANSWER,
	UP_BUSY, /* 503 */
	UP_WAYS,
};

enum client_way {
	CLIENT_GOOD,
	CLIENT_SLOW,
	CLIENT_HANGS_UP,
	CLIENT_PIPELINES,
	CLIENT_WAYS,
};

struct world_cfg {
	uint64_t seed;
	enum upstream_way upstream;
	enum client_way client;
	unsigned clients;
	unsigned reset_ppm;
	bool shutdown; /* in the middle of it all */
	bool mix; /* each upstream answer and client goes a way of its own */
};

struct world_result {
	unsigned answers;  /* whole and right */
	unsigned failures; /* told as such */
	unsigned lies;     /* neither: a bug */
	size_t streams_left;
	char lie[160];
};

/* Run until all clients have ended and the server has shut down. */
struct world_result world_run(const struct world_cfg *cfg);

#endif
