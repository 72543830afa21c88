/*
 * keep - the store of a server, as its configuration says.
 */
#ifndef CLI_KEEP_H
#define CLI_KEEP_H

#include "config/config.h"

struct store;

/*
 * Open it, make the folders above its file, and log where it is; *out is NULL
 * when nothing is to be kept.  A place that nobody asked for and that cannot be
 * used is a warning in messages.  Returns 0, or -1 with what is wrong there.
 */
must_check int keep_open(const struct config *config, unsigned producers,
			 struct store **out, struct buf *messages);

/* Write what is queued, for 10 s at most, and close.  NULL is fine. */
void keep_close(struct store *s);

#endif
