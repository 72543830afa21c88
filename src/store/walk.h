/*
 * walk - all rows of a store, one after another.
 *
 *	r = store_walk(s, &(struct store_query){ .walk = true }, fn, arg);
 *
 * Reads a page at a time, and holds no more than one.
 */
#ifndef STORE_WALK_H
#define STORE_WALK_H

#include "store/object.h"

/*
 * Call fn for each row of a query with walk set; its limit is not looked at.
 * Not 0 from fn ends the walk and is returned; else 0 or -errno.
 */
must_check int
store_walk(struct store *s, const struct store_query *q,
	   int (*fn)(void *arg, const struct store_completion *row), void *arg);

/*
 * The same for objects of all kinds but runs: owner, since and until of the query
 * are looked at.
 */
must_check int store_walk_objects(struct store *s, const struct store_query *q,
				  int (*fn)(void *arg,
					    const struct store_object *row),
				  void *arg);

#endif
