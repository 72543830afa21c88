/*
 * chat - POST /v1/chat/completions.
 */
#include "llm/chat.h"
#include "api/handlers.h"
#include "api/inference.h"

static int check(const struct json *doc, struct arena *a,
		 struct llm_request *out, struct api_error *e)
{
	struct chat_request chat;
	int r = chat_validate(doc, a, &chat, e);

	if (r == 0) {
		*out = (struct llm_request){ .model = chat.model,
					     .stream = chat.stream };
	}
	return r;
}

void chat_create(struct api_call *c)
{
	static const struct inference_kind kind = {
		.op = LLM_CHAT,
		.model_type = STR_INIT("llm"),
		.members = "model and messages",
		.check = check,
	};

	inference_run(c, &kind);
}
