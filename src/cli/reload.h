/*
 * reload - the configuration is read again while the server runs.
 *
 * By SIGHUP, or by POST /v1alpha/admin/reload through the workers' hook.  One at
 * a time.  What cannot be used changes nothing and is told in the log, and to
 * whoever asked, in the same words.
 */
#ifndef CLI_RELOAD_H
#define CLI_RELOAD_H

#include "cli/cluster.h"

#include <pthread.h>

struct reload {
	struct cluster *cluster;
	char **argv, **environment; /* as for load_config() */
	pthread_mutex_t lock;
	bool closed;
};

void reload_init(struct reload *r, struct cluster *c, char **argv,
		 char **environment);

/* Waits for the one that runs, since the file may have changed meanwhile. */
void reload_run(struct reload *r);

/*
 * Before cluster_free(): waits for the one that runs; none begins any more.
 * Returns false when it hangs: then there is nothing to do but to exit.
 */
bool reload_close(struct reload *r);

#endif
