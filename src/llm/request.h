/*
 * request - what a client asks for, whatever the endpoint.
 */
#ifndef LLM_REQUEST_H
#define LLM_REQUEST_H

#include "llm/error.h"
#include "json/json.h"

enum llm_op {
	LLM_CHAT,
	LLM_COMPLETIONS,
	LLM_EMBEDDINGS,
	LLM_MODERATIONS,
	LLM_RERANK,
	LLM_RESPONSES, /* as the provider has them */
	LLM_MODELS,    /* GET of the model list */
	LLM_RAW,       /* whatever it is, passed on as it is */
};

/* "chat completions", ...: in the plural, for messages. */
const char *llm_op_text(enum llm_op op);

/* What every endpoint's check of a body finds out. */
struct llm_request {
	struct str model; /* decoded, in the arena or the body; "" for none */
	bool stream;
	bool base64; /* embeddings are asked for in that form */
	/* Of rerank. */
	uint32_t item_count, max_results;
};

/*
 * A check: returns 0, or API_FAIL with *e.  The document is any JSON; out is
 * set on success only.
 */
typedef int llm_check(const struct json *doc, struct arena *a,
		      struct llm_request *out, struct api_error *e);

#endif
