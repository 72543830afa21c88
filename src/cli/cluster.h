/*
 * cluster - the workers of one server process and the threads they run on.
 *
 *	r = cluster_new(config, environment, &cluster, messages);
 *	r = cluster_start(cluster);
 *	cluster_wait(cluster);
 *	cluster_free(cluster);
 */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include "core/worker.h"

struct cluster;

/*
 * Build everything and bind the sockets.  Returns 0, or -1 with what is wrong,
 * for the operator, in messages.
 */
int cluster_new(struct config *config, char **environment, struct cluster **out,
		struct buf *messages);

/* Start the threads.  Returns 0 or -errno. */
int cluster_start(struct cluster *c);

/* The config and catalog that are served; of the first worker, at the start. */
const struct catalog *cluster_catalog(const struct cluster *c);
/* Of recordings, or NULL. */
struct library *cluster_library(const struct cluster *c);
size_t cluster_worker_count(const struct cluster *c);

/* The addresses served, one per line: "http://127.0.0.1:8321". */
struct str cluster_addresses(const struct cluster *c);

/* From the main thread, at any time after the start. */
void cluster_shutdown(struct cluster *c);
void cluster_dump(struct cluster *c);
/* What the workers call to have the configuration read again. */
void cluster_set_reload(struct cluster *c,
			int (*fn)(void *arg, struct buf *messages), void *arg);
/*
 * Read the certificates again and serve a new configuration; -1 keeps the old.
 * messages gets lines for the operator.  From any thread but the workers', one
 * at a time; returns when all workers serve the new one.
 */
int cluster_reload(struct cluster *c, struct config *config, char **environment,
		   struct buf *messages);

/* A configuration that was to be read again could not be. */
void cluster_note_bad_reload(struct cluster *c);

/* Could this configuration be served?  Returns 0, or -1 with the reason. */
int cluster_check(struct config *config, char **environment,
		  struct buf *messages);

/* Until all workers have ended. */
void cluster_wait(struct cluster *c);
void cluster_free(struct cluster *c);

#endif
