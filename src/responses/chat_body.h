/*
 * chat_body - the chat completion that one iteration of a response asks for.
 *
 *	r = chat_body(&(struct chat_iteration){ .request = &request,
 *						.system = &system,
 *						.history = &history,
 *						.turn = &turn,
 *						.number = 1 }, &out);
 *
 * The model stays as the client wrote it; the way to the upstream puts its own
 * name there.  Rules: ogx-responses A.7 to A.14.
 */
#ifndef RESPONSES_CHAT_BODY_H
#define RESPONSES_CHAT_BODY_H

#include "responses/messages.h"
#include "responses/request.h"

/* In what an upstream differs, besides what its provider's kind sees to. */
struct chat_dialect {
	bool verbosity; /* takes "verbosity" */
	bool reasoning; /* "reasoning", where others say "reasoning_content" */
};

/* Of a kind of provider: "remote::openai". */
struct chat_dialect chat_body_dialect(struct str provider_type);

struct chat_iteration {
	const struct response_request *request;
	/* In this order; each may be NULL. */
	const struct messages *system, *history, *turn;
	int64_t number;             /* from 1 */
	int64_t output_tokens_used; /* of this response, before */
	struct str tier; /* that the last iteration reported, or "" */
	struct chat_dialect dialect;
};

/*
 * Append the body; it may be one level deeper than the request.  Returns 0, or
 * -EMSGSIZE.
 */
must_check int chat_body(const struct chat_iteration *it, struct buf *out);

/*
 * The same as OGX would have asked for it: what the names of its recordings are
 * made of (recording/ogx_shape.h), and nothing else.  A function's "type" is
 * there twice, tool calls have an index, "strict" is gone, and from the second
 * iteration on there is a service_tier.
 */
must_check int chat_body_ogx(const struct chat_iteration *it, struct buf *out);

/* A question besides: one answer as a whole, without tools. */
struct chat_question {
	struct str model; /* plain */
	const struct messages *messages;
	struct str temperature;      /* JSON, or "" */
	struct str prompt_cache_key; /* JSON, or "" */
	struct chat_dialect dialect;
};

/* The same of one: as it is sent, or as OGX would have. */
must_check int chat_body_question(const struct chat_question *q, bool is_ogx,
				  struct buf *out);

#endif
