/*
 * access - what is told of a request when it has ended.
 *
 *	access_begin(&access, call);
 *	(answer it)
 *	access_end(&access, call);
 *
 * A line in the log, if the configuration wants it, and the worker's metrics.
 */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "api/route.h"

/* Kept aside: the head may be given back before the request ends. */
struct access {
	struct str method, path;
	size_t text_len; /* of both, in the log's line */
	size_t bytes_in;
};

/* Out of line: what they need on the stack, the answer does not. */
__attribute__((noinline)) void access_begin(struct access *a,
					    struct api_call *c);
__attribute__((noinline)) void access_end(const struct access *a,
					  struct api_call *c);

/* A request that could not be read. */
void access_refused(const struct request *req);

#endif
