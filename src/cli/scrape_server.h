/*
 * scrape_server - a listener for metrics alone, apart from the clients'.
 */
#ifndef CLI_SCRAPE_SERVER_H
#define CLI_SCRAPE_SERVER_H

#include "core/worker.h"

/*
 * What metrics.listen asks for, on the loop of w.  Returns 0, with *out NULL
 * when nothing was asked for, or -1 with the reason in messages.
 */
int scrape_server_open(struct worker *w, struct server **out,
		       struct buf *messages);

#endif
