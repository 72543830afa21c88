/*
 * answer - is what the upstream sent with a 2xx what was asked for; private to
 * core.
 *
 * Upstreams, and what stands before them, answer 200 with an HTML page, with
 * half a JSON, with an error, with a stream that nobody asked for or with JSON
 * where a stream was asked for.  docs/errors.md has what a client sees of each.
 */
#ifndef CORE_ANSWER_H
#define CORE_ANSWER_H

#include "core/exchange.h"

/*
 * Is an answer a stream of events?  A server's content-type is believed only as
 * far as the body's first bytes agree.
 */
bool answer_is_stream(const struct exchange *x, struct str first);

/* As above, by the content-type alone. */
bool answer_claims_stream(const struct exchange *x);

/*
 * Read a whole answer into *doc, for the caller to json_fini(), with arrays of
 * numbers folded.  Returns 0, or EXCHANGE_FAILED with x->error when it is no
 * JSON object or tells of an error.
 */
must_check int answer_read(struct exchange *x, struct str body,
			   struct json *doc);

/*
 * The two halves of it: the first may run on any thread, and makes an empty
 * *doc of what is no JSON; then it returns JSON_BAD, with *bad.
 */
must_check int answer_parse(struct str body, struct json *doc,
			    struct json_error *bad);
must_check int answer_judge(struct exchange *x, struct str body,
			    struct json *doc, const struct json_error *bad);

/* Does an object tell of an error: {"error":...}, {"object":"error"}. */
bool answer_is_error(const struct json *doc);

/*
 * Fill x->error, and x->body with the text, from such an object that came with
 * status 200.  The status is the one that the object names, else 502.
 */
void answer_set_error(struct exchange *x, const struct json *doc);

/*
 * x->error as JSON, in a.  An error object in x->body keeps its bytes, what it
 * lacks of type, param and code is added; the message is that of x->error.
 */
struct str answer_error_text(const struct exchange *x, struct arena *a);

/* x->error: a 502 with code upstream_bad_answer.  EXCHANGE_FAILED. */
int answer_bad(struct exchange *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
