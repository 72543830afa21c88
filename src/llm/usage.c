#include "llm/usage.h"

/* More is nonsense, and could overflow a sum. */
#define USAGE_COUNT_MAX (INT64_C(1) << 48)

static bool is_count(const struct json *doc, uint32_t v, int64_t *n)
{
	return json_to_i64(doc, v, n) && *n >= 0 && *n <= USAGE_COUNT_MAX;
}

/* The first of two spellings (Chat Completions, Responses) that is a count. */
static int64_t count_of(const struct json *doc, uint32_t usage,
			const char *path, const char *other)
{
	int64_t n;

	if (is_count(doc, json_path(doc, usage, str_of(path)), &n) ||
	    is_count(doc, json_path(doc, usage, str_of(other)), &n))
		return n;
	return -1;
}

bool usage_read(const struct json *doc, uint32_t response, struct usage *out)
{
	uint32_t v = json_get(doc, response, STR("usage"));
	struct usage u;

	if (json_type(doc, v) != JSON_OBJECT)
		return false;
	u = (struct usage){
		.prompt_tokens =
			count_of(doc, v, "prompt_tokens", "input_tokens"),
		.completion_tokens =
			count_of(doc, v, "completion_tokens", "output_tokens"),
		.total_tokens =
			count_of(doc, v, "total_tokens", "total_tokens"),
		.cached_tokens =
			count_of(doc, v, "prompt_tokens_details.cached_tokens",
				 "input_tokens_details.cached_tokens"),
		.reasoning_tokens =
			count_of(doc, v,
				 "completion_tokens_details.reasoning_tokens",
				 "output_tokens_details.reasoning_tokens"),
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
