#include "responses/run_error.h"

static const struct str known[] = {
	STR_INIT("server_error"),
	STR_INIT("rate_limit_exceeded"),
	STR_INIT("invalid_prompt"),
	STR_INIT("vector_store_timeout"),
	STR_INIT("invalid_image"),
	STR_INIT("invalid_image_format"),
	STR_INIT("invalid_base64_image"),
	STR_INIT("invalid_image_url"),
	STR_INIT("image_too_large"),
	STR_INIT("image_too_small"),
	STR_INIT("image_parse_error"),
	STR_INIT("image_content_policy_violation"),
	STR_INIT("invalid_image_mode"),
	STR_INIT("image_file_too_large"),
	STR_INIT("unsupported_image_media_type"),
	STR_INIT("empty_image_file"),
	STR_INIT("failed_to_download_image"),
	STR_INIT("image_file_not_found"),
};

struct str run_error_code(const struct api_error *e)
{
	for (size_t i = 0; i < countof(known); i++) {
		if (str_eq(e->code, known[i]))
			return known[i];
	}
	if (str_eq(e->code, STR("invalid_base64")))
		return STR("invalid_base64_image");
	return e->status == 429 ? STR("rate_limit_exceeded")
				: STR("server_error");
}

bool run_error_is_length(const struct api_error *e)
{
	/* In the words of OpenAI, vLLM, Ollama and Bedrock. */
	static const struct str words[] = {
		STR_INIT("context length"),  STR_INIT("context window"),
		STR_INIT("context size"),    STR_INIT("too long"),
		STR_INIT("too many tokens"),
	};

	if (e->status != 400 && e->status != 413 && e->status != 422)
		return false;
	if (str_eq(e->code, STR("context_length_exceeded")))
		return true;
	for (size_t i = 0; i < countof(words); i++) {
		if (str_find(e->message, words[i]) < e->message.len)
			return true;
	}
	return false;
}
