/*
 * echo - the parts of the built-in model that says back what it is told.
 *
 * Everything that it answers follows from the request's bytes alone.
 */
#ifndef PROVIDER_ECHO_H
#define PROVIDER_ECHO_H

#include "provider/provider.h"

/* What will be answered, before it is said whole or in pieces. */
struct echo_plan {
	struct str id;
	struct str model;
	struct str text;         /* the content, or a tool's arguments */
	struct str tool;         /* name of the function to call, or "" */
	struct str tool_call_id; /* of the first choice */
	const char *finish;      /* "stop", "length" or "tool_calls" */
	int64_t created;
	int64_t choices;
	int64_t prompt_tokens;
	int64_t completion_tokens; /* of one choice */
	int64_t pace_ns;           /* before each piece */
	bool stream;
	bool include_usage;
};

/* Returns 0, or API_FAIL. */
must_check int echo_plan_make(struct echo_plan *plan, const struct provider *p,
			      const struct provider_request *req,
			      struct arena *a, struct api_error *e);

/*
 * The length of the first piece of text: a word with the space before it, cut
 * when it is long.  0 at the end.
 */
size_t echo_plan_piece(struct str text);

/* How many pieces text has, and the first of them, at most max. */
int64_t echo_plan_count(struct str text);
struct str echo_plan_take(struct str text, int64_t max);

/* What comes before a stop word: a string, or the first of an array's. */
struct str echo_plan_stop(const struct json *doc, uint32_t stop,
			  struct str text, struct arena *a);

/* "chatcmpl-" and digits that follow from the body, in a. */
struct str echo_plan_id(const char *prefix, uint64_t seed, struct str body,
			struct arena *a);

/* Before each piece: what the request asks for, or the configuration. */
int64_t echo_plan_pace(const struct provider *p,
		       const struct provider_request *req);

/* Return 0, or -EMSGSIZE. */
must_check int echo_write_whole(const struct echo_plan *plan, struct buf *out);
must_check int echo_write_models(struct str model, struct buf *out);

/* One event of a stream. */
enum echo_step {
	ECHO_ROLE,
	ECHO_PIECE,
	ECHO_FINISH,
	ECHO_USAGE,
	ECHO_DONE,
};
struct echo_event {
	enum echo_step step;
	int64_t choice;
	struct str piece;
};
must_check int echo_write_event(const struct echo_plan *plan,
				const struct echo_event *ev, struct buf *out);

/* The answer to a text completion: each prompt, n times. */
struct echo_text {
	struct str id;
	struct str model;
	int64_t created;
	struct echo_said {
		struct str text;
		const char *finish; /* "stop" or "length" */
	} * prompts;
	size_t prompt_count;
	size_t n;
	int64_t prompt_tokens, completion_tokens;
	int64_t pace_ns;
	bool stream;
	bool include_usage;
	/* How far a stream is. */
	size_t choice; /* prompt_count * n and on: usage, done */
	size_t at;
	bool usage_sent;
};

/* Of a request that was checked. */
void echo_text_make(struct echo_text *t, const struct provider *p,
		    const struct provider_request *req, struct arena *a);

/* The whole answer, or a stream's next event.  1: there is more; 0, -EMSGSIZE */
must_check int echo_text_write(struct echo_text *t, struct buf *out);

/*
 * Vectors of length 1 that follow from each input's text.  Returns 0, or
 * API_FAIL.
 */
must_check int echo_vectors_write(const struct provider_request *req,
				  struct arena *a, struct buf *out,
				  struct api_error *e);

/*
 * A ranking: the share of the query's words that are in an item.  Returns 0, or
 * -EMSGSIZE.
 */
must_check int echo_rank_write(const struct provider_request *req,
			       struct arena *a, struct buf *out);

/*
 * A JSON value that a schema describes: of objects the required members, of
 * numbers the least, of enumerations the first.  $ref is looked up in the
 * schema.  Returns 0, or -EMSGSIZE.
 */
must_check int echo_schema_write(const struct json *doc, uint32_t schema,
				 struct arena *a, struct buf *out);

#endif
