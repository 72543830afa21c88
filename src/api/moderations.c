/*
 * moderations - POST /v1/moderations.
 */
#include "api/handlers.h"
#include "api/inference.h"
#include "llm/moderation.h"

void moderations_create(struct api_call *c)
{
	static const struct inference_kind kind = {
		.op = LLM_MODERATIONS,
		.members = "input",
		.check = moderation_check,
	};

	inference_run(c, &kind);
}
