#include "core/answer.h"

#include "core/credentials.h"
#include "core/fail.h"
#include "provider/shown.h"
#include "json/splice.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	NODES_MAX = 16 << 20,
	TEXT_MAX = 1024,
};

static struct str type_of(const struct exchange *x)
{
	if (x->head == NULL)
		return STR_NULL;
	return http_value(x->head, HTTP_CONTENT_TYPE);
}

bool answer_claims_stream(const struct exchange *x)
{
	struct str type = STR("text/event-stream");

	if (x->head == NULL)
		return x->request.stream;
	return str_eq_nocase(str_take(type_of(x), type.len), type);
}

bool answer_is_stream(const struct exchange *x, struct str first)
{
	/* Of data, event, id, retry, a comment, a byte order mark. */
	static const struct str begins = STR_INIT("deir:\xef");
	size_t at = 0;

	while (at < first.len && (uint8_t)first.ptr[at] <= ' ')
		at++;
	if (at == first.len)
		return answer_claims_stream(x);
	/* JSON and pages come with any type. */
	if (answer_claims_stream(x))
		return first.ptr[at] != '{' && first.ptr[at] != '<';
	return memchr(begins.ptr, first.ptr[at], begins.len) != NULL;
}

int answer_bad(struct exchange *x, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)api_fail(&x->error, x->arena, 502, "upstream_error", NULL,
		       "Provider '" STR_FMT "' %s",
		       STR_ARG(x->upstream->provider.id), text);
	x->error.code = STR("upstream_bad_answer");
	return EXCHANGE_FAILED;
}

static bool is_told(const struct json *doc, uint32_t v)
{
	return json_type(doc, v) == JSON_OBJECT ||
	       (json_type(doc, v) == JSON_STRING && json_raw(doc, v).len > 2);
}

bool answer_is_error(const struct json *doc)
{
	uint32_t root = json_root(doc);

	return is_told(doc, json_get(doc, root, STR("error"))) ||
	       json_is(doc, json_get(doc, root, STR("object")), STR("error"));
}

/* A status as a number or in digits: OpenRouter, vLLM, Google. */
static int status_in(const struct json *doc, uint32_t v)
{
	struct str digits = json_raw(doc, v);
	int64_t n;

	if (json_type(doc, v) == JSON_STRING)
		digits = str_take(str_drop(digits, 1), digits.len - 2);
	return str_to_i64(digits, 400, 599, &n) ? (int)n : 0;
}

/* By the words that the larger vendors have for them. */
static int status_of_type(const struct json *doc, uint32_t type)
{
	static const struct {
		struct str word;
		int status;
	} types[] = {
		{ STR_INIT("invalid_request_error"), 400 },
		{ STR_INIT("authentication_error"), 401 },
		{ STR_INIT("permission_error"), 403 },
		{ STR_INIT("not_found_error"), 404 },
		{ STR_INIT("request_too_large"), 413 },
		{ STR_INIT("rate_limit_error"), 429 },
		{ STR_INIT("rate_limit_exceeded"), 429 },
		{ STR_INIT("insufficient_quota"), 429 },
		{ STR_INIT("overloaded_error"), 503 },
	};

	for (size_t i = 0; i < countof(types); i++) {
		if (json_is(doc, type, types[i].word))
			return types[i].status;
	}
	return 0;
}

static int status_of(const struct json *doc)
{
	static const struct str numbers[] = { STR_INIT("code"),
					      STR_INIT("status") };
	static const struct str words[] = { STR_INIT("type"),
					    STR_INIT("code") };
	uint32_t root = json_root(doc);
	uint32_t object = json_get(doc, root, STR("error"));
	int status = 0;

	if (json_type(doc, object) != JSON_OBJECT)
		object = root;
	for (size_t i = 0; i < countof(numbers) && status == 0; i++)
		status = status_in(doc, json_get(doc, object, numbers[i]));
	for (size_t i = 0; i < countof(words) && status == 0; i++)
		status = status_of_type(doc, json_get(doc, object, words[i]));
	return status != 0 ? status : 502;
}

void answer_set_error(struct exchange *x, const struct json *doc)
{
	buf_clear(&x->body);
	/* Too long a one is told in our own words. */
	if (buf_add(&x->body, doc->text) < 0)
		buf_clear(&x->body);
	provider_map_error(&x->upstream->provider, status_of(doc),
			   buf_str(&x->body), x->arena, &x->error);
	credentials_hide(x);
}

static int no_json(struct exchange *x, struct str body,
		   const struct json_error *bad)
{
	struct str type = str_take(type_of(x), 100);
	struct str shown = shown_text(body, x->arena);

	if (body.len == 0)
		return answer_bad(x, "answered with status %d and no body.",
				  x->status);
	return answer_bad(
		x,
		"answered with status %d and a body (" STR_FMT
		") that is not JSON: line %u, column %u: %s: " STR_FMT,
		x->status, STR_ARG(type.len > 0 ? type : STR("of no type")),
		bad->line, bad->column, bad->what, STR_ARG(shown));
}

int answer_parse(struct str body, struct json *doc, struct json_error *bad)
{
	static const struct json_limits limits = { .nodes = NODES_MAX,
						   .fold_numbers = true };

	return json_parse(body, &limits, doc, bad);
}

int answer_judge(struct exchange *x, struct str body, struct json *doc,
		 const struct json_error *bad)
{
	if (json_root(doc) == JSON_NONE)
		return no_json(x, body, bad);
	if (json_type(doc, json_root(doc)) != JSON_OBJECT) {
		json_fini(doc);
		return answer_bad(x, "answered with JSON that is no object.");
	}
	if (!answer_is_error(doc))
		return 0;
	answer_set_error(x, doc);
	json_fini(doc);
	return EXCHANGE_FAILED;
}

int answer_read(struct exchange *x, struct str body, struct json *doc)
{
	struct json_error bad;

	(void)!answer_parse(body, doc, &bad);
	return answer_judge(x, body, doc, &bad);
}

/* Returns 0 when the object is whole now. */
static int complete(struct splice *s, const struct json *doc, uint32_t object,
		    const struct api_error *e, struct arena *a)
{
	uint32_t message = json_get(doc, object, STR("message"));
	uint32_t type = json_get(doc, object, STR("type"));
	int r = 0;

	if (!json_is(doc, message, e->message)) {
		r = splice_set(s, doc, object, STR("message"),
			       json_quoted(a, e->message));
	}
	if (r == 0 && json_type(doc, type) != JSON_STRING) {
		r = splice_set(s, doc, object, STR("type"),
			       json_quoted(a, e->type));
	}
	if (r == 0 && json_get(doc, object, STR("param")) == JSON_NONE)
		r = splice_set(s, doc, object, STR("param"), STR("null"));
	if (r == 0 && json_get(doc, object, STR("code")) == JSON_NONE)
		r = splice_set(s, doc, object, STR("code"), STR("null"));
	return r;
}

struct str answer_error_text(const struct exchange *x, struct arena *a)
{
	struct splice s = { .text = buf_str(&x->body) };
	struct str pieces[SPLICE_PIECES_MAX];
	struct str text = STR_NULL;
	struct json_error bad;
	struct json doc;
	uint32_t object;

	if (json_parse(s.text, NULL, &doc, &bad) != 0)
		return fail_text(&x->error, a);
	object = json_get(&doc, json_root(&doc), STR("error"));
	if (json_type(&doc, object) == JSON_OBJECT &&
	    complete(&s, &doc, object, &x->error, a) == 0)
		text = arena_join(a, pieces, splice_pieces(&s, pieces));
	json_fini(&doc);
	return text.len > 0 ? text : fail_text(&x->error, a);
}
