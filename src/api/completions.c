/*
 * completions - POST /v1/completions.
 */
#include "api/handlers.h"
#include "api/inference.h"
#include "llm/completion.h"

void completions_create(struct api_call *c)
{
	static const struct inference_kind kind = {
		.op = LLM_COMPLETIONS,
		.model_type = STR_INIT("llm"),
		.members = "model and prompt",
		.check = completion_check,
	};

	inference_run(c, &kind);
}
