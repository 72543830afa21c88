/*
 * grant - how a token is had from another service.
 *
 * Some upstreams take no key as it is: it must be exchanged for a token that
 * expires (IBM's IAM, AWS's STS, Google's and Microsoft's OAuth), or be read
 * from a file that someone else renews.  A grant describes one such exchange;
 * its type is a small machine that says what to do next, and does none of it:
 *
 *	struct grant_run run = { &grant, arena, now };
 *
 *	r = grant.type->next(&run, NULL, &step, &token, &error);
 *	while (r == GRANT_ASK) {
 *		(read step.path, or send the request of step)
 *		r = grant.type->next(&run, &answer, &step, &token, &error);
 *	}
 *
 * core/tokens does the asking, and keeps what was got.
 */
#ifndef PROVIDER_GRANT_H
#define PROVIDER_GRANT_H

#include "http/head.h"
#include "llm/error.h"
#include "json/json.h"

enum {
	GRANT_ARGS_MAX = 8,
	GRANT_NOTES_MAX = 4,
	GRANT_VALUES_MAX = 4,
	GRANT_HEADERS_MAX = 4,
	GRANT_STEPS_MAX = 6,
	GRANT_ANSWER_MAX = 256 * 1024, /* bytes of one file or body */
};

struct grant_type;

/* Two grants with the same type and args are the same. */
struct grant {
	const struct grant_type *type;
	struct str args[GRANT_ARGS_MAX]; /* what they are is the type's own */
};

struct grant_token {
	/* a bearer token; or access key, secret key, session token; ... */
	struct str values[GRANT_VALUES_MAX];
	int64_t expires_ns; /* wall time */
};

/* What to do: read a file, or send a request to the grant's host. */
struct grant_step {
	struct str path; /* of a file; "" for a request */
	struct str method, target;
	struct http_header headers[GRANT_HEADERS_MAX];
	size_t header_count;
	struct str body;
};

struct grant_answer {
	int status; /* of a file: 200, or 404 when it cannot be read */
	struct str body;
};

struct grant_run {
	const struct grant *grant;
	struct arena *arena;
	int64_t wall_ns;
	unsigned at; /* calls of next before this one */
	/* The type's own, between steps; hidden if a service repeats them. */
	struct str notes[GRANT_NOTES_MAX];
};

enum {
	GRANT_ASK = API_FAIL + 1, /* *step is to be done */
};

struct grant_type {
	const char *name; /* for messages: "IBM Cloud IAM" */
	bool is_file;     /* reads files only: what it gives is configured */
	unsigned secrets; /* a bit for each of args that is one */
	/* Returns 0 with *token, GRANT_ASK with *step, or API_FAIL. */
	int (*next)(struct grant_run *run, const struct grant_answer *answer,
		    struct grant_step *step, struct grant_token *token,
		    struct api_error *e);
};

/* For types. */

/* A POST of a form: "a=b&c=d", from names and values in turn. */
void grant_form(struct grant_run *run, struct str target,
		const struct str *pairs, size_t count, struct grant_step *step);
void grant_header(struct grant_step *step, struct str name, struct str value);

/* A GET, and a file. */
void grant_get(struct str target, struct grant_step *step);
void grant_file(struct str path, struct grant_step *step);

/*
 * The answer of an OAuth 2.0 token endpoint (RFC 6749 section 5): values[0] is
 * access_token.  Returns 0, or API_FAIL as grant_refused().
 */
must_check int grant_read_oauth(struct grant_run *run,
				const struct grant_answer *answer,
				struct grant_token *token, struct api_error *e);

/*
 * The service said no: what it said goes into the message.  401 for a 4xx, 502
 * for anything else.  API_FAIL.
 */
int grant_refused(const struct grant_run *run,
		  const struct grant_answer *answer, struct api_error *e);

/* Anything else that is wrong.  API_FAIL. */
int grant_fail(const struct grant_run *run, struct api_error *e, int status,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* A string member of a JSON object, copied, or "". */
struct str grant_member(const struct json *doc, struct str path,
			struct arena *a);

/* Base64url without padding (RFC 4648 section 5). */
struct str grant_base64url(struct str bytes, struct arena *a);

#endif
