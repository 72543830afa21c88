/*
 * tokens - what grants have brought, kept until it expires.
 *
 *	struct tokens_ask ask = { &grant, upstream };
 *
 *	r = tokens_get(t, worker->tokens, &ask, arena, &token, &error);
 *
 * One cache per worker, no locks.  A token is fetched by a task of its own, once
 * however many requests wait for it, and fetched again in the background while
 * there is still time, so that a busy gateway never waits for one.  A failure
 * is remembered for a second.  At most TOKENS_MAX are kept: the one that was
 * not used for longest goes.
 */
#ifndef CORE_TOKENS_H
#define CORE_TOKENS_H

#include "core/registry.h"

enum {
	TOKENS_MAX = 256
};

struct tokens;

struct tokens *tokens_new(struct loop *loop, struct client *client);

/* Fetches that nobody waits for end: the loop is to run out. */
void tokens_end(struct tokens *s);

/* No task uses it any more. */
void tokens_free(struct tokens *s);

struct tokens_ask {
	const struct grant *grant;
	const struct upstream *upstream; /* whose token_origin is asked */
};

/*
 * Returns 0 with *out in a, API_FAIL with *e (401: the service refused; 502,
 * 504: it did not answer; 503: too many at once), or -ECANCELED.
 */
must_check int tokens_get(struct task *t, struct tokens *s,
			  const struct tokens_ask *ask, struct arena *a,
			  struct grant_token *out, struct api_error *e);

/*
 * The upstream did not take it: fetch a new one next time.  Returns whether
 * that may help: the token was not a fresh one.
 */
bool tokens_drop(struct task *t, struct tokens *s,
		 const struct tokens_ask *ask);

#endif
