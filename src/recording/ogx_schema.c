#include "recording/ogx_schema.h"

static const struct ogx_schema_field function[] = {
	{ "arguments", NULL },
	{ "name", NULL },
	{ NULL, NULL },
};

static const struct ogx_schema_field delta_call[] = {
	{ "index", NULL }, { "id", NULL }, { "function", function },
	{ "type", NULL },  { NULL, NULL },
};

static const struct ogx_schema_field delta[] = {
	{ "content", NULL }, { "function_call", NULL },    { "refusal", NULL },
	{ "role", NULL },    { "tool_calls", delta_call }, { NULL, NULL },
};

static const struct ogx_schema_field top_logprob[] = {
	{ "token", NULL },
	{ "bytes", NULL },
	{ "logprob", NULL },
	{ NULL, NULL },
};

static const struct ogx_schema_field token[] = {
	{ "token", NULL },   { "bytes", NULL },
	{ "logprob", NULL }, { "top_logprobs", top_logprob },
	{ NULL, NULL },
};

static const struct ogx_schema_field logprobs[] = {
	{ "content", token },
	{ "refusal", token },
	{ NULL, NULL },
};

static const struct ogx_schema_field chunk_choice[] = {
	{ "delta", delta }, { "finish_reason", NULL },
	{ "index", NULL },  { "logprobs", logprobs },
	{ NULL, NULL },
};

static const struct ogx_schema_field completion_details[] = {
	{ "accepted_prediction_tokens", NULL },
	{ "audio_tokens", NULL },
	{ "reasoning_tokens", NULL },
	{ "rejected_prediction_tokens", NULL },
	{ NULL, NULL },
};

static const struct ogx_schema_field prompt_details[] = {
	{ "audio_tokens", NULL },
	{ "cached_tokens", NULL },
	{ NULL, NULL },
};

static const struct ogx_schema_field usage[] = {
	{ "completion_tokens", NULL },
	{ "prompt_tokens", NULL },
	{ "total_tokens", NULL },
	{ "completion_tokens_details", completion_details },
	{ "prompt_tokens_details", prompt_details },
	{ NULL, NULL },
};

static const struct ogx_schema_field chunk[] = {
	{ "id", NULL },
	{ "choices", chunk_choice },
	{ "created", NULL },
	{ "model", NULL },
	{ "object", NULL },
	{ "service_tier", NULL },
	{ "system_fingerprint", NULL },
	{ "usage", usage },
	{ NULL, NULL },
};

static const struct ogx_schema_field call[] = {
	{ "id", NULL },
	{ "function", function },
	{ "type", NULL },
	{ NULL, NULL },
};

static const struct ogx_schema_field message[] = {
	{ "content", NULL },     { "refusal", NULL }, { "role", NULL },
	{ "annotations", NULL }, { "audio", NULL },   { "function_call", NULL },
	{ "tool_calls", call },  { NULL, NULL },
};

static const struct ogx_schema_field choice[] = {
	{ "finish_reason", NULL }, { "index", NULL }, { "logprobs", logprobs },
	{ "message", message },    { NULL, NULL },
};

static const struct ogx_schema_field chat[] = {
	{ "id", NULL },
	{ "choices", choice },
	{ "created", NULL },
	{ "model", NULL },
	{ "object", NULL },
	{ "service_tier", NULL },
	{ "system_fingerprint", NULL },
	{ "usage", usage },
	{ NULL, NULL },
};

static const struct ogx_schema_field text_choice[] = {
	{ "finish_reason", NULL }, { "index", NULL }, { "logprobs", NULL },
	{ "text", NULL },          { NULL, NULL },
};

static const struct ogx_schema_field completion[] = {
	{ "id", NULL },      { "choices", text_choice },
	{ "created", NULL }, { "model", NULL },
	{ "object", NULL },  { "system_fingerprint", NULL },
	{ "usage", usage },  { NULL, NULL },
};

static const struct ogx_schema_field embedding[] = {
	{ "embedding", NULL },
	{ "index", NULL },
	{ "object", NULL },
	{ NULL, NULL },
};

static const struct ogx_schema_field embedding_usage[] = {
	{ "prompt_tokens", NULL },
	{ "total_tokens", NULL },
	{ NULL, NULL },
};

static const struct ogx_schema_field embeddings[] = {
	{ "data", embedding },        { "model", NULL }, { "object", NULL },
	{ "usage", embedding_usage }, { NULL, NULL },
};

static const struct ogx_schema_field model[] = {
	{ "id", NULL },       { "created", NULL }, { "object", NULL },
	{ "owned_by", NULL }, { NULL, NULL },
};

static const struct ogx_schema schemas[] = {
	{ "/v1/chat/completions", true,
	  "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
	  chunk },
	{ "/v1/chat/completions", false,
	  "openai.types.chat.chat_completion.ChatCompletion", chat },
	{ "/v1/completions", true, "openai.types.completion.Completion",
	  completion },
	{ "/v1/completions", false, "openai.types.completion.Completion",
	  completion },
	{ "/v1/embeddings", false,
	  "openai.types.create_embedding_response.CreateEmbeddingResponse",
	  embeddings },
	{ "/v1/models", false, "openai.types.model.Model", model },
};

const struct ogx_schema *ogx_schema_of(struct str endpoint, bool streamed)
{
	for (size_t i = 0; i < countof(schemas); i++) {
		if (str_eq(endpoint, str_of(schemas[i].endpoint)) &&
		    schemas[i].streamed == streamed)
			return &schemas[i];
	}
	return NULL;
}
