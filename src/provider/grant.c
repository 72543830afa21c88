#include "provider/grant.h"

#include "base/clock.h"
#include "http/url.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	SHOWN_MAX = 300,           /* bytes of a foreign answer in a message */
	LIFE_MAX_S = 24 * 60 * 60, /* whatever a service promises */
	LIFE_DEFAULT_S = 5 * 60,   /* when it promises nothing */
};

void grant_header(struct grant_step *step, struct str name, struct str value)
{
	assert(step->header_count < GRANT_HEADERS_MAX);

	step->headers[step->header_count++] = (struct http_header){
		.id = http_name_find(name), .name = name, .value = value
	};
}

void grant_get(struct str target, struct grant_step *step)
{
	*step = (struct grant_step){ .method = STR("GET"), .target = target };
	grant_header(step, STR("accept"), STR("application/json"));
}

void grant_file(struct str path, struct grant_step *step)
{
	*step = (struct grant_step){ .path = path };
}

void grant_form(struct grant_run *run, struct str target,
		const struct str *pairs, size_t count, struct grant_step *step)
{
	struct str body = STR_NULL;

	assert(count % 2 == 0);
	for (size_t i = 0; i < count; i += 2) {
		struct str value = url_encode(pairs[i + 1], false, run->arena);

		body = arena_printf(run->arena,
				    STR_FMT "%s" STR_FMT "=" STR_FMT,
				    STR_ARG(body), i > 0 ? "&" : "",
				    STR_ARG(pairs[i]), STR_ARG(value));
	}
	*step = (struct grant_step){ .method = STR("POST"),
				     .target = target,
				     .body = body };
	grant_header(step, STR("content-type"),
		     STR("application/x-www-form-urlencoded"));
	grant_header(step, STR("accept"), STR("application/json"));
}

int grant_fail(const struct grant_run *run, struct api_error *e, int status,
	       const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)api_fail(e, run->arena, status, NULL, NULL, "%s: %s",
		       run->grant->type->name, text);
	e->code = STR("upstream_credentials");
	return API_FAIL;
}

struct str grant_member(const struct json *doc, struct str path,
			struct arena *a)
{
	uint32_t v = json_path(doc, json_root(doc), path);

	if (json_type(doc, v) != JSON_STRING)
		return STR_NULL;
	return arena_str(a, json_string(doc, v, a));
}

/* What a service said, in whichever member it says such things. */
static struct str said(struct str body, struct arena *a)
{
	static const struct str members[] = {
		STR_INIT("error_description"), STR_INIT("errorMessage"),
		STR_INIT("message"),           STR_INIT("Message"),
		STR_INIT("error.message"),     STR_INIT("error"),
	};
	static const struct json_limits limits = { .depth = 16, .nodes = 4000 };
	struct json_error bad;
	struct json doc;
	struct str text = STR_NULL;

	if (json_parse(body, &limits, &doc, &bad) != 0)
		return str_take(str_trim(body), SHOWN_MAX);
	for (size_t i = 0; i < countof(members) && text.len == 0; i++)
		text = grant_member(&doc, members[i], a);
	json_fini(&doc);
	return str_take(text, SHOWN_MAX);
}

int grant_refused(const struct grant_run *run,
		  const struct grant_answer *answer, struct api_error *e)
{
	struct str text = said(answer->body, run->arena);
	bool is_no = answer->status >= 400 && answer->status < 500 &&
		     answer->status != 408 && answer->status != 429;

	return grant_fail(run, e, is_no ? 401 : 502, "it answered %d%s" STR_FMT,
			  answer->status, text.len > 0 ? ": " : "",
			  STR_ARG(text));
}

static bool is_sendable(struct str token)
{
	for (size_t i = 0; i < token.len; i++) {
		if (token.ptr[i] <= ' ' || token.ptr[i] > '~')
			return false;
	}
	return token.len > 0;
}

/* Azure's managed identities write the number as a string. */
static int64_t life_of(const struct json *doc, struct arena *a)
{
	uint32_t v = json_get(doc, json_root(doc), STR("expires_in"));
	struct str text = json_type(doc, v) == JSON_STRING
				  ? json_string(doc, v, a)
				  : json_raw(doc, v);
	int64_t s = 0;

	if (!str_to_i64(text, 1, INT32_MAX, &s))
		s = LIFE_DEFAULT_S;
	return s < LIFE_MAX_S ? s : LIFE_MAX_S;
}

int grant_read_oauth(struct grant_run *run, const struct grant_answer *answer,
		     struct grant_token *token, struct api_error *e)
{
	static const struct json_limits limits = { .depth = 16, .nodes = 4000 };
	struct json_error bad;
	struct json doc;
	struct str value;
	int64_t life_s;

	if (answer->status != 200)
		return grant_refused(run, answer, e);
	if (json_parse(answer->body, &limits, &doc, &bad) != 0)
		return grant_fail(run, e, 502, "its answer is not JSON");
	value = grant_member(&doc, STR("access_token"), run->arena);
	life_s = life_of(&doc, run->arena);
	json_fini(&doc);
	if (!is_sendable(value))
		return grant_fail(run, e, 502,
				  "its answer has no access_token");
	token->values[0] = value;
	token->expires_ns = run->wall_ns + life_s * CLOCK_S;
	return 0;
}

struct str grant_base64url(struct str bytes, struct arena *a)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
				     "opqrstuvwxyz0123456789-_";
	char *out = arena_alloc(a, (bytes.len + 2) / 3 * 4);
	size_t len = 0;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t v = 0;

		for (size_t j = 0; j < 3; j++) {
			v = v << 8 |
			    (j < n ? (unsigned char)bytes.ptr[i + j] : 0U);
		}
		for (size_t j = 0; j <= n; j++)
			out[len++] = digits[v >> (18 - 6 * j) & 63];
	}
	return (struct str){ out, len };
}
