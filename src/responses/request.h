/*
 * request - what POST /v1/responses is asked for.
 *
 *	r = responses_read(&doc, arena, &request, &error);
 *	item = json_first(request.doc, request.at[RESPONSE_INPUT]);
 *
 * All is checked here: types, ranges, what excludes what, each item of the input
 * (item.h) and each tool.  A refusal is told in OpenAI's shape, with its text once
 * more as "detail" (ogx-responses A.2, A.21).  What needs a look elsewhere (does
 * the model, the earlier response, the conversation, the prompt exist?) is left to
 * the caller.
 */
#ifndef RESPONSES_REQUEST_H
#define RESPONSES_REQUEST_H

#include "llm/error.h"
#include "json/json.h"

/* The members; all others belong to the upstream. */
enum response_member {
	RESPONSE_MODEL,
	RESPONSE_INPUT, /* a string, an array of items, or JSON_NONE */
	RESPONSE_BACKGROUND,
	RESPONSE_PROMPT,
	RESPONSE_INSTRUCTIONS,
	RESPONSE_PARALLEL_TOOL_CALLS,
	RESPONSE_PREVIOUS_RESPONSE_ID,
	RESPONSE_PROMPT_CACHE_KEY,
	RESPONSE_CONVERSATION,
	RESPONSE_STORE,
	RESPONSE_STREAM,
	RESPONSE_TEMPERATURE,
	RESPONSE_TOP_P,
	RESPONSE_FREQUENCY_PENALTY,
	RESPONSE_PRESENCE_PENALTY,
	RESPONSE_TEXT,
	RESPONSE_TOOL_CHOICE,
	RESPONSE_TOOLS,
	RESPONSE_INCLUDE,
	RESPONSE_MAX_INFER_ITERS,
	RESPONSE_GUARDRAILS,
	RESPONSE_MAX_TOOL_CALLS,
	RESPONSE_MAX_OUTPUT_TOKENS,
	RESPONSE_REASONING,
	RESPONSE_SAFETY_IDENTIFIER,
	RESPONSE_SERVICE_TIER,
	RESPONSE_METADATA,
	RESPONSE_TRUNCATION,
	RESPONSE_TOP_LOGPROBS,
	RESPONSE_STREAM_OPTIONS,
	RESPONSE_CONTEXT_MANAGEMENT,
	RESPONSE_MEMBERS,
};

/* What "tool_choice" says. */
enum response_choice {
	RESPONSE_CHOICE_ABSENT,
	RESPONSE_CHOICE_AUTO,
	RESPONSE_CHOICE_NONE,
	RESPONSE_CHOICE_REQUIRED,
	RESPONSE_CHOICE_FUNCTION, /* choice_name */
};

struct response_request {
	const struct json *doc;        /* the caller's */
	uint32_t at[RESPONSE_MEMBERS]; /* JSON_NONE: absent or null */
	/* Texts with escapes undone, in the arena or the body; "" for none. */
	struct str model;
	struct str instructions;
	struct str previous_response_id;
	struct str conversation; /* also of {"id": "conv_..."} */
	struct str prompt_id;
	struct str choice_name;
	bool stream, background;
	bool store;               /* absent: true */
	bool parallel_tool_calls; /* absent: true */
	bool truncates;           /* "truncation": "auto" */
	bool wants_logprobs;      /* by include, or top_logprobs over 0 */
	bool wants_encrypted;     /* include: reasoning.encrypted_content */
	enum response_choice choice;
	uint32_t allowed;        /* tools of "allowed_tools", or JSON_NONE */
	int64_t max_infer_iters; /* absent: 10 */
	int64_t max_tool_calls;  /* absent: -1, as all below */
	int64_t max_output_tokens;
	int64_t top_logprobs;
	int64_t compact_threshold; /* of context_management; 0: a default's */
};

/* Returns 0, or API_FAIL with *e. */
must_check int responses_read(const struct json *doc, struct arena *a,
			      struct response_request *out,
			      struct api_error *e);

/*
 * The same of POST /v1/responses/compact: model, input, instructions,
 * previous_response_id and prompt_cache_key.  One of input and
 * previous_response_id must be there; all other members are passed over
 * (ogx-responses A.24).
 */
must_check int responses_read_compact(const struct json *doc, struct arena *a,
				      struct response_request *out,
				      struct api_error *e);

/*
 * A request for the same model that asks for nothing: no input, nothing before
 * it, no tools.  What "store" and prompt_cache_key say stays.
 */
struct response_request responses_bare(const struct response_request *req);

/* May the model call this function: is it a tool, and allowed? */
bool responses_offers(const struct response_request *req, uint32_t tool);

/* The member of "tools" with this name, or JSON_NONE. */
uint32_t responses_tool(const struct response_request *req, struct str name);

/* Is it none of the members above: does the upstream get it as it is? */
bool responses_is_extra(const struct response_request *req, uint32_t member);

/*
 * A body of the type application/x-www-form-urlencoded as the JSON object that
 * it means: each value that is JSON is that, any other a string; a key that
 * comes again makes a list (ogx-api 1.8).  Returns 0, API_FAIL with *e, or
 * -EMSGSIZE.
 */
must_check int responses_of_form(struct str form, struct arena *a,
				 struct buf *out, struct api_error *e);

#endif
