/*
 * sim_world - what the simulator's two halves share; private to src/io.
 *
 * sim.c keeps the time and the events; sim_net.c is the back end, which sends
 * bytes between two ends by events.
 */
#ifndef IO_SIM_WORLD_H
#define IO_SIM_WORLD_H

#include "base/map.h"
#include "io/internal.h"
#include "io/sim.h"

enum {
	SIM_WINDOW = 64 * 1024,
	SIM_SPLIT_MAX = 8
};

struct sim_io;

/* One end of a stream; outlives its io while events are on their way to it. */
struct sim_end {
	int refs;
	struct sim_io *io;     /* NULL: closed */
	struct sim_end *other; /* a reference; NULL before connected */
	struct buf in;         /* has arrived, not read */
	size_t coming;         /* bytes on their way here */
	int64_t last_ns;       /* when the last of them arrives */
	bool ended, reset;     /* by the other end, arrived */
	bool stalled;          /* nothing arrives */
};

struct sim_io {
	struct io io; /* first */
	struct sim *sim;
	struct io_addr local, peer;
	struct sim_end *end; /* of a stream */
	struct list link;    /* of a listener, in sim->listeners */
	struct list backlog; /* of a listener: struct sim_io.link */
	int connect_error;   /* of a stream that was to be connected */
};

enum sim_kind {
	SIM_BYTES,
	SIM_END,
	SIM_RESET,
	SIM_CONNECT,
	SIM_WRITABLE
};

struct sim_event {
	struct list link; /* in sim->events, by time */
	int64_t at_ns;
	enum sim_kind kind;
	struct sim_end *to;  /* a reference */
	struct io_addr addr; /* SIM_CONNECT */
	size_t len;
	char bytes[];
};

struct sim {
	struct sim_cfg cfg;
	struct loop *loop;
	int64_t now_ns;
	struct list events;
	struct list listeners;
	struct map hosts; /* name to char * of a numeric address; owned */
	struct io_addr holes[SIM_SPLIT_MAX];
	size_t hole_count;
	uint16_t next_port;
	size_t stream_count;
};

struct sim_end *sim_end_new(struct sim_io *io);
void sim_end_unref(struct sim_end *e);

/* When something sent now may arrive, after all that was sent before. */
int64_t sim_arrival(struct sim *sim, struct sim_end *to);
void sim_send(struct sim *sim, enum sim_kind kind, struct sim_end *to,
	      struct str bytes);
void sim_add(struct sim *sim, struct sim_event *e);

/* sim_net.c: an event's time has come. */
void sim_net_happen(struct sim *sim, struct sim_event *ev);

bool sim_same_addr(const struct io_addr *a, const struct io_addr *b);

extern const struct loop_backend sim_backend;

#endif
