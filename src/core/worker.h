/*
 * worker - one loop, its server, its client, and the catalog it serves from.
 *
 * Everything in it belongs to the loop's thread.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "core/registry.h"
#include "net/server.h"
#include "json/mold.h"

struct worker_stats {
	uint64_t requests;
	uint64_t failures; /* answers with status >= 500 */
	uint64_t prompt_tokens, completion_tokens;
};

enum {
	WORKER_MOLDS = 4
};

struct worker {
	struct loop *loop;
	struct server *server;
	struct client *client;
	struct catalog *catalog; /* a reference */
	struct worker_stats stats;
	/* The shapes of events that streams had of late; the oldest goes. */
	struct mold molds[WORKER_MOLDS];
	unsigned next_mold;
	bool is_first; /* the one that refreshes the model lists */
	/* Hand a new catalog (a reference) to every worker. */
	void (*publish)(struct worker *w, struct catalog *c);
	void *group; /* for publish */
};

/* Replace the catalog; takes over the reference. */
void worker_set_catalog(struct worker *w, struct catalog *c);

/*
 * A task for the first worker: fetches the model lists of all upstreams, now and
 * then again, and publishes a catalog when one has changed.  Ends when
 * cancelled.
 */
void worker_refresh_models(struct task *t, void *worker);

#endif
