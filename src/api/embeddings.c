/*
 * embeddings - POST /v1/embeddings.
 */
#include "llm/embeddings.h"
#include "api/handlers.h"
#include "api/inference.h"

void embeddings_create(struct api_call *c)
{
	static const struct inference_kind kind = {
		.op = LLM_EMBEDDINGS,
		.model_type = STR_INIT("embedding"),
		.members = "model and input",
		.check = embeddings_check,
		.rewrite = embeddings_answer,
	};

	inference_run(c, &kind);
}
