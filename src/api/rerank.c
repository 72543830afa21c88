/*
 * rerank - POST /v1alpha/inference/rerank.
 */
#include "llm/rerank.h"
#include "api/handlers.h"
#include "api/inference.h"

void rerank_create(struct api_call *c)
{
	static const struct inference_kind kind = {
		.op = LLM_RERANK,
		.model_type = STR_INIT("rerank"),
		.members = "model, query and items",
		.check = rerank_check,
		.rewrite = rerank_answer,
	};

	inference_run(c, &kind);
}
