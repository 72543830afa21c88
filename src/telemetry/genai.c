#include "telemetry/genai.h"

struct str genai_operation(enum llm_op op)
{
	switch (op) {
	case LLM_CHAT:
	case LLM_RESPONSES:
		return STR("chat");
	case LLM_COMPLETIONS:
		return STR("text_completion");
	case LLM_EMBEDDINGS:
		return STR("embeddings");
	case LLM_MODERATIONS:
		return STR("moderation");
	case LLM_RERANK:
		return STR("rerank");
	case LLM_MODELS:
	case LLM_RAW:
	default:
		return STR("other");
	}
}

struct str genai_provider(struct str type)
{
	static const struct {
		struct str type, name;
	} names[] = {
		{ STR_INIT("azure"), STR_INIT("azure.ai.openai") },
		{ STR_INIT("bedrock"), STR_INIT("aws.bedrock") },
		{ STR_INIT("gemini"), STR_INIT("gcp.gemini") },
		{ STR_INIT("vertexai"), STR_INIT("gcp.vertex_ai") },
		{ STR_INIT("watsonx"), STR_INIT("ibm.watsonx.ai") },
		{ STR_INIT("mistral"), STR_INIT("mistral_ai") },
		{ STR_INIT("xai"), STR_INIT("x_ai") },
	};
	size_t colons = str_find(type, STR("::"));

	type = colons < type.len ? str_drop(type, colons + 2) : type;
	for (size_t i = 0; i < countof(names); i++) {
		if (str_eq(names[i].type, type))
			return names[i].name;
	}
	return type;
}
