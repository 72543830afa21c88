/*
 * worker - one loop, its server, its client, and the catalog it serves from.
 *
 * Everything in it belongs to the loop's thread.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "core/breaker.h"
#include "core/registry.h"
#include "core/tokens.h"
#include "net/server.h"
#include "telemetry/metrics.h"
#include "json/mold.h"

struct worker;
struct background;
struct background_worker;
struct store; /* store/store.h */
struct tracer;
struct exporter;

/* What all workers of the program share. */
struct worker_team {
	struct worker *const *workers;
	size_t count;
	int64_t started_wall_ns;
	uint64_t reloads, bad_reloads;   /* counters of one thread */
	const struct exporter *exporter; /* or NULL */
	/*
	 * Read the configuration again and serve it, for a thread that may
	 * block; NULL: that is not offered.  Returns 0 or a worker_reload;
	 * messages gets what is to be said of the configuration, in lines.
	 */
	int (*reload)(void *arg, struct buf *messages);
	void *reload_arg;
};

enum worker_reload {
	WORKER_RELOAD_BAD = 1, /* the old configuration stays */
	WORKER_RELOAD_BUSY,    /* one is on its way */
};

enum {
	WORKER_MOLDS = 4
};

struct worker {
	struct loop *loop;
	struct server *server;
	struct client *client;
	struct tokens *tokens;
	struct library *library; /* of recordings, or NULL */
	struct store *store;     /* of completions, or NULL */
	unsigned producer;       /* this worker's number there */
	/* api/background.h; both may be NULL. */
	struct background *background;
	struct background_worker *background_worker;
	struct {
		bool is_stuck;   /* waiting for room was in vain */
		int64_t tell_ns; /* the log may hear of a loss again */
	} keeping;
	struct catalog *catalog;        /* a reference */
	struct metrics *metrics;        /* owned by who made the worker */
	struct tracer *tracer;          /* the exporter's, or NULL */
	const struct worker_team *team; /* NULL: it is the only one */
	struct breakers breakers;       /* of this worker's targets alone */
	/* The shapes of events that streams had of late; the oldest goes. */
	struct mold molds[WORKER_MOLDS];
	unsigned next_mold;
	size_t image_fetches; /* requests that wait for pictures */
	bool is_first;        /* the one that refreshes the model lists */
	/* Hand a new catalog (a reference) to every worker. */
	void (*publish)(struct worker *w, struct catalog *c);
	void *group; /* for publish */
};

/* Replace the catalog; takes over the reference.  Of a new registry: all
 * breakers close. */
void worker_set_catalog(struct worker *w, struct catalog *c);

/*
 * Serve a new registry: upstreams that are as they were keep their lists.  For
 * the first worker; the others get its catalog.
 */
void worker_adopt(struct worker *w, struct registry *reg, int64_t now_s);

/*
 * A task for the first worker: fetches the model lists of all upstreams, now and
 * then again, and publishes a catalog when one has changed.  Ends when
 * cancelled.
 */
void worker_refresh_models(struct task *t, void *worker);

#endif
