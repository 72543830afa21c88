/*
 * pool - idle connections, per origin.
 *
 *	c = pool_take(&pool, origin->id, now);	(NULL: open a new one)
 *	pool_put(&pool, origin->id, c, now);
 *
 * The newest is taken first: it is the likeliest to be alive, and those that
 * are not needed grow old and are closed.  A connection on which anything
 * happened while it was idle (the end, bytes nobody asked for) is closed and
 * never handed out.
 */
#ifndef NET_POOL_H
#define NET_POOL_H

#include "base/map.h"
#include "net/conn.h"

struct pool {
	struct map origins; /* id -> struct pool_origin, owned */
	size_t max;         /* idle, per origin */
	int64_t idle_ns;
	uint64_t idle; /* of all origins */
};

void pool_init(struct pool *p, size_t max, int64_t idle_ns);

/* Closes all. */
void pool_fini(struct pool *p);

struct conn *pool_take(struct pool *p, struct str id, int64_t now_ns);

/* The pool owns c from now on.  When it is full the oldest is closed. */
void pool_put(struct pool *p, struct str id, struct conn *c, int64_t now_ns);

/* Close what is too old or dead. */
void pool_sweep(struct pool *p, int64_t now_ns);

#endif
