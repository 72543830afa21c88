#include "llm/usage.h"

#include "llm/field.h"

/* More is nonsense, and could overflow a sum. */
#define USAGE_COUNT_MAX (INT64_C(1) << 48)

enum member {
	PROMPT,
	INPUT,
	COMPLETION,
	OUTPUT,
	TOTAL,
	PROMPT_DETAILS,
	INPUT_DETAILS,
	COMPLETION_DETAILS,
	OUTPUT_DETAILS,
	MEMBER_COUNT,
};

/* Chat Completions and Responses spell them differently. */
static const struct field members[MEMBER_COUNT + 1] = {
	[PROMPT] = { STR_INIT("prompt_tokens") },
	[INPUT] = { STR_INIT("input_tokens") },
	[COMPLETION] = { STR_INIT("completion_tokens") },
	[OUTPUT] = { STR_INIT("output_tokens") },
	[TOTAL] = { STR_INIT("total_tokens") },
	[PROMPT_DETAILS] = { STR_INIT("prompt_tokens_details") },
	[INPUT_DETAILS] = { STR_INIT("input_tokens_details") },
	[COMPLETION_DETAILS] = { STR_INIT("completion_tokens_details") },
	[OUTPUT_DETAILS] = { STR_INIT("output_tokens_details") },
};

static bool is_count(const struct json *doc, uint32_t v, int64_t *n)
{
	return json_to_i64(doc, v, n) && *n >= 0 && *n <= USAGE_COUNT_MAX;
}

/* The first of two spellings that is a count, or -1. */
static int64_t count_of(const struct json *doc, uint32_t v, uint32_t other)
{
	int64_t n;

	return is_count(doc, v, &n) || is_count(doc, other, &n) ? n : -1;
}

bool usage_read(const struct json *doc, uint32_t response, struct usage *out)
{
	uint32_t v = json_get(doc, response, STR("usage"));
	uint32_t at[MEMBER_COUNT];
	struct str cached = STR("cached_tokens");
	struct str reasoning = STR("reasoning_tokens");
	struct usage u;

	if (json_type(doc, v) != JSON_OBJECT)
		return false;
	field_find(doc, v, members, at);
	u = (struct usage){
		.prompt_tokens = count_of(doc, at[PROMPT], at[INPUT]),
		.completion_tokens = count_of(doc, at[COMPLETION], at[OUTPUT]),
		.total_tokens = count_of(doc, at[TOTAL], JSON_NONE),
		.cached_tokens =
			count_of(doc, json_get(doc, at[PROMPT_DETAILS], cached),
				 json_get(doc, at[INPUT_DETAILS], cached)),
		.reasoning_tokens = count_of(
			doc, json_get(doc, at[COMPLETION_DETAILS], reasoning),
			json_get(doc, at[OUTPUT_DETAILS], reasoning)),
	};
	if (u.prompt_tokens < 0 && u.completion_tokens < 0 &&
	    u.total_tokens < 0)
		return false;
	if (u.total_tokens < 0) {
		u.total_tokens =
			(u.prompt_tokens > 0 ? u.prompt_tokens : 0) +
			(u.completion_tokens > 0 ? u.completion_tokens : 0);
	}
	*out = u;
	return true;
}
