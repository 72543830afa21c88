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
	UP_BUSY,    /* 503 */
	UP_LIMITED, /* 429 */
	UP_FLAPS,   /* good for three seconds, resets for three */
	UP_WAYS,
};

enum client_way {
	CLIENT_GOOD,
	CLIENT_SLOW,
	CLIENT_HANGS_UP,
	CLIENT_PIPELINES,
	CLIENT_WAYS,
};

struct world_result {
	unsigned answers;       /* whole and right */
	unsigned failures;      /* told as such */
	unsigned lies;          /* neither: a bug */
	unsigned by[3];         /* whole answers of the first and the second */
	unsigned last_by_first; /* clients whose last answer was the first's */
	unsigned asked[3];      /* requests that reached them */
	size_t streams_left;
	char lie[160];
};

struct world_cfg;

/* Other requests than chats: one connection of a client, and of the upstream. */
struct world_play {
	void (*visit)(struct task *t, const struct world_cfg *cfg,
		      struct io *io, struct world_result *result);
	void (*serve)(struct task *t, const struct world_cfg *cfg,
		      struct io *io, struct world_result *result);
};

struct world_cfg {
	const struct world_play *play; /* NULL: chats */
	uint64_t seed;
	enum upstream_way upstream;
	enum client_way client;
	unsigned clients;
	unsigned reset_ppm;
	bool shutdown; /* in the middle of it all */
	bool mix; /* each upstream answer and client goes a way of its own */
	/*
	 * The model has a second target, of a lower priority, which is good; or
	 * it resets now and then, with the first, as the seed has it.
	 */
	bool routed;
	bool both_reset;
	bool refused;      /* nobody listens at the first */
	int64_t well_ns;   /* from when on the first is good; 0: it never is */
	unsigned requests; /* of each client; 0: three */
	int64_t pause_ns;  /* between them */
};

/* Run until all clients have ended and the server has shut down. */
struct world_result world_run(const struct world_cfg *cfg);

#endif
