/*
 * turn - all workers of a running server go over to a new configuration.
 *
 *	turn_run(&(struct turn_cfg){ .workers = w, .count = n,
 *		.registry = reg, .tls = tls, .refresh = again });
 *
 * The first worker makes the catalog, with the model lists that are still
 * right; then each takes it between two of its tasks' steps.  Requests that run
 * keep the catalog that they began with.
 */
#ifndef CLI_TURN_H
#define CLI_TURN_H

#include "core/worker.h"
#include "io/tls.h"

struct turn_cfg {
	struct worker *const *workers;
	size_t count;
	struct registry *registry;
	struct tls_ctx *tls; /* certificates to show from now on, or NULL */
	/* On the first worker's loop, once it serves the new catalog. */
	void (*refresh)(struct loop *loop);
};

/*
 * From a thread that may block and is none of the workers'.  Returns when all
 * workers have gone over, or after five seconds: then they will.
 */
void turn_run(const struct turn_cfg *cfg);

#endif
