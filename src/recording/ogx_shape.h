/*
 * ogx_shape - what OGX's SDK would have been called with.
 *
 *	r = ogx_shape(&(struct ogx_request){ .op = STR("chat.completions"),
 *					     .base_url = url, .body = body },
 *		      arena, &url, &kwargs);
 *	r = ogx_keys(&request, &keys);
 *
 * Between the client's request and the SDK, OGX rebuilds the body: members that
 * it does not know go to extra_body, nulls and unknown parts of messages are
 * dropped, "temperature": 0 becomes 0.0.  None of that changes what quipu sends;
 * it is only done to a copy, to find the recording of the same request.
 */
#ifndef RECORDING_OGX_SHAPE_H
#define RECORDING_OGX_SHAPE_H

#include "recording/ogx_key.h"

enum {
	OGX_KEYS_MAX = 8
};

/* A request as quipu would send it. */
struct ogx_request {
	struct str op; /* "chat.completions", "models", ... */
	struct str
		base_url; /* "https://api.openai.com/v1", no slash at its end */
	struct str url;   /* all of it; for "messages" and "interactions" */
	struct str body;
	struct str test_id; /* "" for null */
	bool is_watsonx;    /* its adapter takes parallel_tool_calls out */
};

/*
 * The URL that OGX would note, and the arguments as JSON, both in a.  Returns 0,
 * or RECORDING_BAD for a body that is no JSON object.
 */
must_check int ogx_shape(const struct ogx_request *req, struct arena *a,
			 struct str *url, struct str *kwargs);

/* "/v1/chat/completions" of an operation; "" when OGX has none. */
struct str ogx_shape_endpoint(struct str op);

/*
 * The keys that its recording may have, the best first: as OGX is today; then
 * with and without what generations of OGX added (stream_options with
 * include_usage, an empty extra_body); then all of these without the test id.
 * Returns as ogx_shape().
 */
struct ogx_keys {
	char keys[OGX_KEYS_MAX][RECORDING_KEY_LEN];
	size_t count;
	size_t tried; /* private */
};

/*
 * Only the next of them, since each costs as much as a look-up: begin with
 * zeroes.  One that was there already is not added.  Returns
 * as ogx_shape(), or OGX_KEYS_END when there are no more.
 */
enum {
	OGX_KEYS_END = 2
};
must_check int ogx_keys_next(const struct ogx_request *req, struct ogx_keys *k);

must_check int ogx_keys(const struct ogx_request *req, struct ogx_keys *out);

#endif
