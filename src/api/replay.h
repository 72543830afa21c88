/*
 * replay - what a request asks of the recordings.
 *
 * By headers x-replay-session, -mode, -strict, -speed, -ttft, -segment, -fault,
 * -occurrence, -seed, -hold, -skip; what is not said is as configured.  A session
 * may also be named by headers of other tools, by OGX's __test_id, by a path that
 * starts with /s/SESSION, by ?replay_session=, or behind '#' in the bearer token,
 * since some clients cannot set headers.  docs/recordings.md has the list.
 */
#ifndef API_REPLAY_H
#define API_REPLAY_H

#include "api/route.h"
#include "core/edge.h"

/*
 * Returns 0 with *out, NULL when recordings play no part in this request, or
 * API_FAIL.  data may be NULL.
 */
must_check int replay_read(struct api_call *c, const struct provider_data *data,
			   struct edge **out, struct api_error *e);

/* Take "/s/SESSION" off the request's path, if it is there. */
void replay_strip_path(struct api_call *c);

#endif
