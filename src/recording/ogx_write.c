#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/sse.h"
#include "recording/digest.h"
#include "recording/ogx.h"
#include "recording/ogx_schema.h"
#include "recording/pyjson.h"
#include "recording/pyrepr.h"

enum {
	EVENT_MAX = 16 << 20,
	ID_DIGITS = 12,
	SUM_DIGITS = 8,
};

/* After the first error nothing more is written. */
struct writer {
	const struct ogx_output *o;
	struct buf *out;
	int error;
	unsigned depth;
	bool comma;
};

static void put(struct writer *w, struct str s)
{
	if (w->error == 0)
		w->error = buf_add(w->out, s);
}

static void put_text(struct writer *w, struct str s)
{
	if (w->error == 0)
		w->error = pyjson_quote(w->out, s);
}

/* As json.dumps(indent=2): each member and element on a line of its own. */
static void put_line(struct writer *w)
{
	put(w, w->comma ? STR(",\n") : STR("\n"));
	for (unsigned i = 0; i < w->depth; i++)
		put(w, STR("  "));
	w->comma = true;
}

static void open_level(struct writer *w, const char *bracket)
{
	put(w, str_of(bracket));
	w->depth++;
	w->comma = false;
}

static void close_level(struct writer *w, const char *bracket)
{
	bool empty = !w->comma;

	w->depth--;
	w->comma = false;
	if (!empty)
		put_line(w);
	put(w, str_of(bracket));
	w->comma = true;
}

static void put_key(struct writer *w, const char *key)
{
	put_line(w);
	put_text(w, str_of(key));
	put(w, STR(": "));
}

static void put_member(struct writer *w, const char *key, struct str s)
{
	put_key(w, key);
	put_text(w, s);
}

static void put_value(struct writer *w, const struct json *doc, uint32_t v,
		      const struct ogx_schema_field *fields);

static bool is_field(const struct ogx_schema_field *fields,
		     const struct json *doc, uint32_t key)
{
	for (; fields != NULL && fields->name != NULL; fields++) {
		if (json_is(doc, key, str_of(fields->name)))
			return true;
	}
	return false;
}

/* The class's fields in its order, then all others. */
static void put_object(struct writer *w, const struct json *doc, uint32_t v,
		       const struct ogx_schema_field *fields)
{
	open_level(w, "{");
	for (const struct ogx_schema_field *f = fields;
	     f != NULL && f->name != NULL; f++) {
		put_key(w, f->name);
		put_value(w, doc, json_get(doc, v, str_of(f->name)), f->inner);
	}
	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i)) {
		uint32_t key = json_key(doc, i);

		if (is_field(fields, doc, key))
			continue;
		put_line(w);
		if (w->error == 0)
			w->error = pyjson_dump(doc, key, NULL, w->out);
		put(w, STR(": "));
		put_value(w, doc, i, NULL);
	}
	close_level(w, "}");
}

static void put_array(struct writer *w, const struct json *doc, uint32_t v,
		      const struct ogx_schema_field *fields)
{
	open_level(w, "[");
	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i)) {
		put_line(w);
		put_value(w, doc, i, fields);
	}
	close_level(w, "]");
}

static void put_value(struct writer *w, const struct json *doc, uint32_t v,
		      const struct ogx_schema_field *fields)
{
	if (json_type(doc, v) == JSON_OBJECT) {
		put_object(w, doc, v, fields);
	} else if (json_type(doc, v) == JSON_ARRAY) {
		put_array(w, doc, v, fields);
	} else if (w->error == 0) {
		w->error = pyjson_dump(doc, v, NULL, w->out);
	}
	w->comma = true;
}

/* Ids and times are not the answer's: they would change with each recording. */
static void put_normal(struct writer *w, const struct json *doc, uint32_t v,
		       const struct ogx_schema_field *f)
{
	bool is_model = str_eq(w->o->endpoint, STR("/v1/models"));
	char id[ID_DIGITS + 5];

	put_key(w, f->name);
	if (strcmp(f->name, "id") == 0 && !is_model) {
		(void)snprintf(id, sizeof(id), "rec-%.*s", ID_DIGITS,
			       w->o->key.ptr);
		put_text(w, str_of(id));
	} else if (strcmp(f->name, "created") == 0 && !is_model) {
		put(w, STR("0"));
	} else {
		put_value(w, doc, json_get(doc, v, str_of(f->name)), f->inner);
	}
}

/* {"__type__": ..., "__data__": {...}} of an object. */
static void put_typed(struct writer *w, const struct ogx_schema *type,
		      const struct json *doc, uint32_t v)
{
	open_level(w, "{");
	put_member(w, "__type__", str_of(type->type));
	put_key(w, "__data__");
	open_level(w, "{");
	for (const struct ogx_schema_field *f = type->fields; f->name != NULL;
	     f++)
		put_normal(w, doc, v, f);
	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i)) {
		if (is_field(type->fields, doc, json_key(doc, i)))
			continue;
		put_line(w);
		if (w->error == 0)
			w->error = pyjson_dump(doc, json_key(doc, i), NULL,
					       w->out);
		put(w, STR(": "));
		put_value(w, doc, i, NULL);
	}
	close_level(w, "}");
	close_level(w, "}");
}

/* One event of a stream; what is no JSON object makes it unfit. */
static int put_event(struct writer *w, const struct ogx_schema *type,
		     struct str data)
{
	struct json_error e;
	struct json doc;

	if (str_eq(data, STR("[DONE]")))
		return 0;
	if (json_parse(data, NULL, &doc, &e) != 0)
		return RECORDING_BAD;
	put_line(w);
	put_typed(w, type, &doc, json_root(&doc));
	json_fini(&doc);
	return 0;
}

static int put_stream(struct writer *w, const struct ogx_schema *type,
		      struct str body)
{
	struct sse_parser p;
	struct sse_event ev;
	int r = 0, more = 0;

	sse_init(&p, EVENT_MAX);
	open_level(w, "[");
	while (body.len > 0 && r == 0) {
		struct str piece = str_take(body, EVENT_MAX / 2);

		r = sse_feed(&p, piece);
		body = str_drop(body, piece.len);
		while (r == 0 && (more = sse_next(&p, &ev)) > 0) {
			if (more == SSE_EVENT)
				r = put_event(w, type, ev.data);
		}
		r = more < 0 ? more : r;
	}
	close_level(w, "]");
	sse_fini(&p);
	return r < 0 ? RECORDING_BAD : r;
}

static int put_whole(struct writer *w, const struct ogx_schema *type,
		     struct str body)
{
	struct json_error e;
	struct json doc;
	uint32_t data;

	if (json_parse(body, NULL, &doc, &e) != 0)
		return RECORDING_BAD;
	data = json_get(&doc, json_root(&doc), STR("data"));
	if (strcmp(type->endpoint, "/v1/models") == 0) {
		open_level(w, "[");
		for (uint32_t v = json_first(&doc, data); v != JSON_NONE;
		     v = json_next(&doc, v)) {
			put_line(w);
			put_typed(w, type, &doc, v);
		}
		close_level(w, "]");
	} else {
		put_typed(w, type, &doc, json_root(&doc));
	}
	json_fini(&doc);
	return 0;
}

static const char *class_of(int status)
{
	static const struct {
		int status;
		const char *name;
	} classes[] = {
		{ 400, "BadRequestError" },
		{ 401, "AuthenticationError" },
		{ 403, "PermissionDeniedError" },
		{ 404, "NotFoundError" },
		{ 409, "ConflictError" },
		{ 422, "UnprocessableEntityError" },
		{ 429, "RateLimitError" },
	};

	for (size_t i = 0; i < countof(classes); i++) {
		if (classes[i].status == status)
			return classes[i].name;
	}
	return status >= 500 ? "InternalServerError" : "APIStatusError";
}

/* What the SDK says of an answer that is an error. */
static struct str message_of(const struct recording_response *res,
			     struct arena *a)
{
	struct json_error e;
	struct json doc;
	struct buf text;
	struct str out;
	int r;

	if (json_parse(res->body, NULL, &doc, &e) != 0)
		return res->body;
	buf_init(&text, 2 * RECORDING_BODY_MAX);
	r = buf_printf(&text, "Error code: %d - ", res->status);
	if (r == 0)
		r = pyrepr_dump(&doc, json_root(&doc), &text);
	out = r == 0 ? arena_str(a, buf_str(&text)) : res->body;
	buf_fini(&text);
	json_fini(&doc);
	return out;
}

static void put_exception(struct writer *w,
			  const struct recording_response *res, struct arena *a)
{
	struct str message = message_of(res, a);
	struct json_error e;
	struct json doc;
	char status[8];

	(void)snprintf(status, sizeof(status), "%d", res->status);
	put_key(w, "body");
	put(w, STR("null"));
	put_key(w, "is_streaming");
	put(w, STR("false"));
	put_key(w, "is_exception");
	put(w, STR("true"));
	put_key(w, "exception_data");
	open_level(w, "{");
	put_member(w, "category", STR("provider_sdk"));
	put_member(w, "provider", STR("openai"));
	put_member(w, "type", str_of(class_of(res->status)));
	put_member(w, "message", message);
	put_key(w, "status_code");
	put(w, str_of(status));
	put_key(w, "body");
	if (json_parse(res->body, NULL, &doc, &e) == 0) {
		uint32_t inner = json_get(&doc, json_root(&doc), STR("error"));

		put_value(w, &doc, inner != JSON_NONE ? inner : json_root(&doc),
			  NULL);
		json_fini(&doc);
	} else {
		put(w, STR("null"));
	}
	close_level(w, "}");
	put_member(w, "exception_message", message);
}

static int put_response(struct writer *w, const struct recording_response *res,
			struct arena *a)
{
	bool streamed = res->framing == RECORDING_SSE;
	const struct ogx_schema *type = ogx_schema_of(w->o->endpoint, streamed);
	int r;

	if (res->status >= 400) {
		put_exception(w, res, a);
		return 0;
	}
	if (type == NULL)
		return RECORDING_BAD;
	put_key(w, "body");
	r = streamed ? put_stream(w, type, res->body)
		     : put_whole(w, type, res->body);
	put_key(w, "is_streaming");
	put(w, streamed ? STR("true") : STR("false"));
	return r;
}

static void put_request(struct writer *w)
{
	const struct ogx_call *call = w->o->call;
	uint32_t model = json_get(call->doc, call->body, STR("model"));

	put_key(w, "request");
	open_level(w, "{");
	put_member(w, "method", STR("POST"));
	put_member(w, "url", call->url);
	put_key(w, "headers");
	put(w, STR("{}"));
	put_key(w, "body");
	put_value(w, call->doc, call->body, NULL);
	put_member(w, "endpoint", w->o->endpoint);
	put_key(w, "model");
	if (model == JSON_NONE) {
		put(w, STR("\"\""));
	} else {
		put_value(w, call->doc, model, NULL);
	}
	close_level(w, "}");
}

static int put_file(struct writer *w, struct arena *a)
{
	const struct ogx_call *call = w->o->call;
	int r;

	open_level(w, "{");
	put_key(w, "test_id");
	if (call->has_test_id) {
		put_text(w, call->test_id);
	} else {
		put(w, STR("null"));
	}
	put_request(w);
	put_key(w, "response");
	open_level(w, "{");
	r = put_response(w, &w->o->recording->response, a);
	close_level(w, "}");
	put_key(w, "id_normalization_mapping");
	put(w, STR("{}"));
	close_level(w, "}");
	put(w, STR("\n"));
	return r;
}

int ogx_write(const struct ogx_output *o, struct buf *out)
{
	const struct recording_response *res = &o->recording->response;
	struct writer w = { .o = o, .out = out };
	size_t from = out->len;
	struct arena a;
	int r;

	if (res->fail != RECORDING_ANSWERED || res->end != RECORDING_EOF ||
	    o->key.len < ID_DIGITS)
		return RECORDING_BAD;
	arena_init(&a, SIZE_MAX / 2);
	r = put_file(&w, &a);
	arena_fini(&a);
	if (w.error < 0)
		r = w.error;
	if (r != 0)
		out->len = from;
	return r;
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* The ids of a list in order, each once, with bars between. */
static struct str list_ids(const struct json *doc, struct arena *a)
{
	uint32_t data = json_get(doc, json_root(doc), STR("data"));
	size_t n = 0, parts = 0, max = json_count(doc, data) + 1;
	struct str *ids = arena_alloc(a, max * sizeof(*ids));
	struct str *text = arena_alloc(a, 2 * max * sizeof(*text));

	for (uint32_t v = json_first(doc, data); v != JSON_NONE;
	     v = json_next(doc, v))
		ids[n++] = json_string(doc, json_get(doc, v, STR("id")), a);
	qsort(ids, n, sizeof(*ids), by_text);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && str_eq(ids[i], ids[i - 1]))
			continue;
		if (i > 0)
			text[parts++] = STR("|");
		text[parts++] = ids[i];
	}
	return arena_join(a, text, parts);
}

struct str ogx_file_name(const struct ogx_output *o,
			 char out[RECORDING_NAME_MAX + 1])
{
	struct str body = o->recording->response.body;
	char sum[DIGEST_LEN];
	struct json_error e;
	struct json doc;
	struct arena a;
	int n;

	if (!str_eq(o->endpoint, STR("/v1/models")) ||
	    json_parse(body, NULL, &doc, &e) != 0) {
		n = snprintf(out, RECORDING_NAME_MAX + 1, "%.64s.json",
			     o->key.ptr);
		return (struct str){ out, (size_t)n };
	}
	arena_init(&a, SIZE_MAX / 2);
	(void)digest_hex(list_ids(&doc, &a), sum);
	n = snprintf(out, RECORDING_NAME_MAX + 1, "models-%.64s-%.*s.json",
		     o->key.ptr, SUM_DIGITS, sum);
	arena_fini(&a);
	json_fini(&doc);
	return (struct str){ out, (size_t)n };
}
