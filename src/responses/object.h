/*
 * object - the response object, as OpenAI's API reference and Open Responses
 * (2026-04-24) have it.
 *
 *	struct response_view view = { .id = id, .created_at = now,
 *				      .model = STR("\"openai/gpt-4o\"") };
 *	struct response_now state = { .status = RESPONSE_IN_PROGRESS,
 *				      .usage = USAGE_NONE };
 *
 *	r = object_write(&view, &state, &out);
 *
 * All members are always there, in OGX's order, conversation last; those that a
 * request did not give have their default.  What does not change while a response
 * is made is the view, what does is its state.  Both only point: all texts are
 * the caller's.
 */
#ifndef RESPONSES_OBJECT_H
#define RESPONSES_OBJECT_H

#include "llm/usage.h"
#include "json/writer.h"

enum response_status {
	RESPONSE_QUEUED,
	RESPONSE_IN_PROGRESS,
	RESPONSE_COMPLETED,
	RESPONSE_INCOMPLETE,
	RESPONSE_FAILED,
	RESPONSE_CANCELLED,
};

/*
 * What a response says of its request.  Texts are JSON in one line, as they shall
 * be shown ("" stands for the default), but for id and conversation, which are
 * plain.  See view.h.
 */
struct response_view {
	struct str id;
	int64_t created_at;      /* seconds */
	struct str conversation; /* its id; "" null */
	bool background;
	bool store;

	struct str model; /* required */
	struct str frequency_penalty;
	struct str instructions;
	struct str max_output_tokens;
	struct str max_tool_calls;
	struct str metadata;
	struct str parallel_tool_calls;
	struct str presence_penalty;
	struct str previous_response_id;
	struct str prompt;
	struct str prompt_cache_key;
	struct str reasoning;
	struct str safety_identifier;
	struct str service_tier; /* as asked; an upstream's own word wins */
	struct str temperature;
	struct str text;
	struct str tool_choice;
	struct str tools;
	struct str top_logprobs;
	struct str top_p;
	struct str truncation;
};

/* How far it has come.  Texts are plain where it is not said. */
struct response_now {
	enum response_status status;
	int64_t completed_at;         /* seconds; counts when completed */
	struct str error_code;        /* of a failed one: "server_error", ... */
	struct str error_message;     /* "" and no code: no error */
	struct str incomplete_reason; /* "max_output_tokens", ...; "" null */
	struct str output;            /* JSON of the items, with commas */
	struct str service_tier;      /* JSON; of the upstream; "" unknown */
	struct usage usage;           /* USAGE_NONE: null */
};

/* "in_progress" */
struct str object_status(enum response_status status);

/* Append the object to out.  Returns 0 or -EMSGSIZE, and leaves a part there. */
must_check int object_write(const struct response_view *view,
			    const struct response_now *now, struct buf *out);

/* The same as a value of a larger text. */
void object_add(struct json_writer *w, const struct response_view *view,
		const struct response_now *now);

/* The member "usage"; what is not known is 0. */
void object_add_usage(struct json_writer *w, const struct usage *u);

/*
 * Add an iteration's counts to a response's, details too.  What neither told
 * stays -1, and is shown as 0 once anything is known.
 */
void object_sum_usage(struct usage *total, const struct usage *more);

#endif
