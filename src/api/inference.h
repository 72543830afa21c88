/*
 * inference - the way of every request that a model answers.
 *
 *	static const struct inference_kind chat = {
 *		.op = LLM_CHAT,
 *		.model_type = STR_INIT("llm"),
 *		.members = "model and messages",
 *		.check = check,
 *	};
 *
 *	void chat_create(struct api_call *c)
 *	{
 *		inference_run(c, &chat);
 *	}
 *
 * Read the body, check it, find who serves the model, see that both fit the
 * endpoint, read the client's provider data, carry the request to the upstream, relay
 * the answer, count.  An endpoint is a row that says what differs.
 */
#ifndef API_INFERENCE_H
#define API_INFERENCE_H

#include "api/route.h"
#include "core/relay.h"

struct inference_kind {
	enum llm_op op;
	struct str model_type; /* that serves it: "llm"; "" for any */
	const char *members;   /* that a body must have, for a message */
	llm_check *check;
	relay_rewrite *rewrite; /* NULL: only the model is put back */
	bool no_done;           /* its streams end without [DONE] */
};

/* Answers the call, whatever happens. */
void inference_run(struct api_call *c, const struct inference_kind *kind);

#endif
