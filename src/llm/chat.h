/*
 * chat - Chat Completions requests, checked before an upstream is bothered.
 *
 *	r = chat_validate(&doc, arena, &chat, &error);
 *	if (r != 0)
 *		return answer(error);
 *
 * What OpenAI accepts is never refused: members that are not known pass, and so
 * do values whose rules differ between upstreams.  null counts as absent.
 */
#ifndef LLM_CHAT_H
#define LLM_CHAT_H

#include "llm/error.h"
#include "json/json.h"

struct chat_request {
	struct str model; /* decoded; in the arena or the body */
	bool stream;
	bool include_usage;    /* stream_options.include_usage */
	bool store;            /* asked for; absent is false */
	int64_t n;             /* answers asked for, from 1 */
	int64_t max_tokens;    /* the newer of both names, or -1 */
	int64_t message_count; /* from 1 */
	int64_t tool_count;    /* 0 when there are none */
	uint32_t messages;     /* on the tape, as all below: JSON_NONE ... */
	uint32_t tools;        /* ... when absent or null */
	uint32_t tool_choice;
	uint32_t response_format;
	uint32_t stop;
	uint32_t metadata;
};

/* Returns 0, or API_FAIL with *e. */
must_check int chat_validate(const struct json *doc, struct arena *a,
			     struct chat_request *out, struct api_error *e);

#endif
