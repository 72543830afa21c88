/*
 * token_steps - one run of a grant: its files read, its requests sent.
 *
 * Private to core/tokens.
 */
#ifndef CORE_TOKEN_STEPS_H
#define CORE_TOKEN_STEPS_H

#include "net/client.h"
#include "provider/grant.h"

struct token_steps {
	struct client *client;
	const struct client_origin *origin; /* NULL: the grant reads files */
	const struct grant *grant;
	struct arena *arena; /* what the run needs, and its result */
	int64_t deadline_ns;
};

/*
 * Returns 0 with *out in the arena, API_FAIL with *e (a status of 500 and more
 * may pass), or -ECANCELED.
 */
must_check int token_steps_run(struct task *t, const struct token_steps *s,
			       struct grant_token *out, struct api_error *e);

#endif
