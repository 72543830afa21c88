/*
 * usage - the token counts of a response or a stream's chunk.
 *
 *	if (usage_read(&doc, json_root(&doc), &usage))
 *		count(usage.prompt_tokens, usage.completion_tokens);
 *
 * Only what the upstream said is reported: nothing is estimated.
 */
#ifndef LLM_USAGE_H
#define LLM_USAGE_H

#include "json/json.h"

/* A count that was not given is -1. */
struct usage {
	int64_t prompt_tokens;
	int64_t completion_tokens;
	int64_t total_tokens;
	int64_t cached_tokens;    /* of the prompt's */
	int64_t reasoning_tokens; /* of the completion's */
};

#define USAGE_NONE ((struct usage){ -1, -1, -1, -1, -1 })

/*
 * Read the member "usage" of a response or chunk.  Returns false, and leaves
 * out alone, when it is absent, null or empty.  A total that is missing is the
 * sum of the other two.
 */
bool usage_read(const struct json *doc, uint32_t response, struct usage *out);

#endif
