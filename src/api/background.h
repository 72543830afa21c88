/*
 * background - responses that are made while nobody waits.
 *
 *	b = background_new(&cfg);
 *	task_spawn(loop, "background", background_serve, worker);	(each)
 *	...
 *	background_stop(worker);
 *	background_free(b);
 *
 * A response that is asked for with "background": true is a row, and below it a
 * row of work (store/claim.h), both on the disk before the client hears "queued".
 * Workers claim such rows, of this process or of others that share the database,
 * and make the responses; a lease, renewed while they do, ends with a worker that
 * dies, and another tries again, BACKGROUND_TRIES times in all.  A cancellation
 * takes the row of work away, which its worker notices within a second or two.
 *
 * What the client sent as keys, and which recordings it named, is kept in memory
 * only: a run that another process takes over has the configured keys.
 */
#ifndef API_BACKGROUND_H
#define API_BACKGROUND_H

#include "api/respond.h"

enum {
	BACKGROUND_TRIES = 3,
};

struct background; /* of the process */

struct background_cfg {
	struct store *store;
	unsigned runs;  /* at once, of each worker */
	unsigned queue; /* how many may wait, in the whole database */
};

struct background *background_new(const struct background_cfg *cfg);
void background_free(struct background *b); /* NULL is fine */

/* A task for each worker; its worker->background was set. */
void background_serve(struct task *t, void *worker);

/*
 * On the worker's loop: what runs is given back, to be begun again elsewhere or
 * after the next start.
 */
void background_stop(struct worker *w);

/*
 * Queue the run that r has prepared, made of the JSON body, and answer the call,
 * whatever happens: 200 with the queued response, 429 when too many wait, 503.
 */
void background_accept(struct api_call *c, struct respond *r, struct str body);

#endif
