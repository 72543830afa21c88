#include "llm/request.h"

const char *llm_op_text(enum llm_op op)
{
	static const char *const texts[] = {
		[LLM_CHAT] = "chat completions",
		[LLM_COMPLETIONS] = "text completions",
		[LLM_EMBEDDINGS] = "embeddings",
		[LLM_MODERATIONS] = "moderations",
		[LLM_RERANK] = "reranking",
		[LLM_RESPONSES] = "responses of its own",
		[LLM_MODELS] = "a list of its models",
		[LLM_RAW] = "anything to pass requests on to",
	};

	return texts[op];
}
