/*
 * cors - what browsers must hear before a page may read an answer.
 *
 *	cors_begin(req);
 *	if (!cors_preflight(call))
 *		...
 *
 * The fields are put into every head that the request's answer may get, errors
 * included (Fetch, section 3.3).  Nothing happens when server.cors is off.
 */
#ifndef API_CORS_H
#define API_CORS_H

#include "api/route.h"

/* Set req->extra. */
void cors_begin(struct request *req);

/*
 * Answer a browser that asks whether it may ask: 204, or 400 that says what is
 * not allowed.  Returns false when the request is not one of these.
 */
__attribute__((noinline)) bool cors_preflight(struct api_call *c);

#endif
