#include "recording/ogx.h"

enum {
	STATUS_UNKNOWN = 500
};

/* What an endpoint of the SDKs is called in quipu. */
static const struct {
	const char *endpoint, *op;
} ops[] = {
	{ "/v1/chat/completions", "chat.completions" },
	{ "/v1/completions", "completions" },
	{ "/v1/embeddings", "embeddings" },
	{ "/v1/models", "models" },
	{ "/v1/responses", "responses" },
	{ "/v1/messages", "messages" },
	{ "/interactions", "interactions" },
	{ "/rerank", "rerank" },
	{ "/generate_content", "genai" },
	{ "/generate_content_stream", "genai" },
	{ "/embed_content", "genai" },
	{ "/api/ps", "ps" },
	{ "/api/tags", "models" },
};

/* The Python exceptions that have a status of their own in OGX. */
static const struct {
	const char *type;
	int status;
} exceptions[] = {
	{ "ValueError", 400 },          { "PermissionError", 403 },
	{ "ConnectionError", 502 },     { "TimeoutError", 504 },
	{ "NotImplementedError", 501 },
};

/* What is written, bounded; after the first error nothing more is. */
struct player {
	const struct ogx_file *f;
	struct arena *a;
	struct buf out;
	int error;
	struct recording_mark *marks;
	size_t mark_count;
};

static uint32_t get(const struct ogx_file *f, uint32_t v, const char *key)
{
	return json_get(&f->doc, v, str_of(key));
}

static void put(struct player *p, struct str s)
{
	if (p->error == 0)
		p->error = buf_add(&p->out, s);
}

static void mark(struct player *p)
{
	p->marks[p->mark_count++].end = p->out.len;
}

/* An object as its SDK dumped it: the data, without the type. */
static uint32_t data_of(const struct ogx_file *f, uint32_t v)
{
	uint32_t data = get(f, v, "__data__");

	return data != JSON_NONE ? data : v;
}

static void put_json(struct player *p, uint32_t v)
{
	put(p, recording_compact(json_raw(&p->f->doc, v), p->a));
}

static void put_error(struct player *p, uint32_t data)
{
	const struct ogx_file *f = p->f;
	uint32_t body = get(f, data, "body");
	uint32_t message = get(f, data, "message");

	if (json_type(&f->doc, body) == JSON_OBJECT) {
		bool whole = get(f, body, "error") != JSON_NONE;

		put(p, whole ? STR_NULL : STR("{\"error\":"));
		put_json(p, body);
		put(p, whole ? STR_NULL : STR("}"));
		return;
	}
	if (json_type(&f->doc, message) != JSON_STRING)
		message = get(f, f->response, "exception_message");
	put(p, STR("{\"error\":{\"message\":"));
	put(p, json_type(&f->doc, message) == JSON_STRING
		       ? json_raw(&f->doc, message)
		       : STR("\"unknown\""));
	put(p, STR("}}"));
}

static int status_of(const struct ogx_file *f, uint32_t data)
{
	uint32_t type = get(f, data, "type");
	int64_t status;

	if (json_to_i64(&f->doc, get(f, data, "status_code"), &status) &&
	    status >= 400 && status <= 599)
		return (int)status;
	for (size_t i = 0; i < countof(exceptions); i++) {
		if (json_is(&f->doc, type, str_of(exceptions[i].type)))
			return exceptions[i].status;
	}
	return STATUS_UNKNOWN;
}

static void put_exception(struct player *p, struct recording_response *res)
{
	uint32_t data = get(p->f, p->f->response, "exception_data");

	res->status = status_of(p->f, data);
	put_error(p, data);
	mark(p);
}

/* Lines as they came; an empty one ends an event. */
static void put_lines(struct player *p, uint32_t body)
{
	const struct json *doc = &p->f->doc;

	for (uint32_t v = json_first(doc, body); v != JSON_NONE;
	     v = json_next(doc, v)) {
		struct str line = json_string(doc, v, p->a);

		put(p, line);
		put(p, STR("\n"));
		if (line.len == 0 || json_next(doc, v) == JSON_NONE)
			mark(p);
	}
}

static void put_events(struct player *p, uint32_t body)
{
	const struct json *doc = &p->f->doc;
	bool typed = false;

	for (uint32_t v = json_first(doc, body); v != JSON_NONE;
	     v = json_next(doc, v)) {
		typed = get(p->f, v, "__data__") != JSON_NONE;
		put(p, STR("data: "));
		put_json(p, data_of(p->f, v));
		put(p, STR("\n\n"));
		mark(p);
	}
	/* Google's streams have no such end. */
	if (typed || json_count(doc, body) == 0) {
		put(p, STR("data: [DONE]\n\n"));
		mark(p);
	}
}

static void put_list(struct player *p, uint32_t body)
{
	const struct json *doc = &p->f->doc;

	put(p, STR("{\"object\":\"list\",\"data\":["));
	for (uint32_t v = json_first(doc, body); v != JSON_NONE;
	     v = json_next(doc, v)) {
		put_json(p, data_of(p->f, v));
		put(p, json_next(doc, v) != JSON_NONE ? STR(",") : STR_NULL);
	}
	put(p, STR("]}"));
	mark(p);
}

static void put_body(struct player *p, struct recording_response *res)
{
	const struct json *doc = &p->f->doc;
	uint32_t body = get(p->f, p->f->response, "body");
	bool is_list = json_type(doc, body) == JSON_ARRAY;

	if (p->f->is_streaming && is_list) {
		res->framing = RECORDING_SSE;
		if (json_type(doc, json_first(doc, body)) == JSON_STRING) {
			put_lines(p, body);
		} else {
			put_events(p, body);
		}
	} else if (is_list &&
		   get(p->f, json_first(doc, body), "__data__") != JSON_NONE) {
		put_list(p, body);
	} else {
		put_json(p, data_of(p->f, body));
		mark(p);
	}
}

struct str ogx_op(const struct ogx_file *f)
{
	struct str at = f->endpoint.len > 0 ? f->endpoint : f->call.url;

	if (f->call.family == OGX_TOOL)
		return STR("tool");
	for (size_t i = 0; i < countof(ops); i++) {
		if (str_ends(at, str_of(ops[i].endpoint)))
			return str_of(ops[i].op);
	}
	return STR("other");
}

/*
 * The SDK's arguments went to base + endpoint without its /v1, which the base
 * has already: "https://api.openai.com/v1" and "/chat/completions".
 */
static void fill_request(const struct ogx_file *f, struct arena *a,
			 struct recording_request *req)
{
	struct str base = f->call.url, end = f->endpoint;
	struct str path;

	req->method = f->call.method.len > 0 ? f->call.method : STR("POST");
	req->body = json_raw(&f->doc, f->call.body);
	if (f->call.family == OGX_TOOL) {
		req->upstream = f->call.provider;
		req->path = arena_join(
			a, (struct str[]){ STR("/"), f->call.tool_name }, 2);
		return;
	}
	if (end.len == 0 || !str_ends(base, end)) {
		req->upstream = base;
		req->path = ogx_endpoint(base, a);
		return;
	}
	base = str_take(base, base.len - end.len);
	if (str_starts(end, STR("/v1/")))
		end = str_drop(end, sizeof("/v1") - 1);
	path = ogx_endpoint(base, a);
	req->upstream = base;
	req->path = arena_join(a, (struct str[]){ path, end }, 2);
	if (str_eq(f->endpoint, STR("/v1/models")))
		req->method = STR("GET");
}

static void fill_headers(struct arena *a, struct recording_response *res)
{
	struct http_header *h = arena_zalloc(a, sizeof(*h));

	h->id = HTTP_CONTENT_TYPE;
	h->name = STR("content-type");
	h->value = res->framing == RECORDING_SSE
			   ? STR("text/event-stream; charset=utf-8")
			   : STR("application/json");
	res->headers = h;
	res->header_count = 1;
}

static void play(struct player *p, struct recording_response *res)
{
	int64_t status = 200;

	if (p->f->is_exception) {
		put_exception(p, res);
		return;
	}
	if (json_to_i64(&p->f->doc, get(p->f, p->f->response, "status"),
			&status) &&
	    (status < 200 || status > 599))
		status = STATUS_UNKNOWN;
	res->status = (int)status;
	put_body(p, res);
}

int ogx_play(const struct ogx_file *f, struct arena *a, struct recording *out,
	     struct recording_problem *problem)
{
	struct recording rec = { .is_ogx = true, .occ = 1 };
	uint32_t body = get(f, f->response, "body");
	struct player p = { .f = f, .a = a };

	p.marks = arena_zalloc(a, (json_count(&f->doc, body) + 2) *
					  sizeof(*p.marks));
	buf_init(&p.out, RECORDING_BODY_MAX);
	rec.op = ogx_op(f);
	rec.test_id = f->test_id;
	fill_request(f, a, &rec.request);
	play(&p, &rec.response);
	fill_headers(a, &rec.response);
	rec.response.body = arena_str(a, buf_str(&p.out));
	rec.response.marks = p.marks;
	rec.response.mark_count = p.mark_count;
	buf_fini(&p.out);
	if (p.error < 0)
		return recording_bad(problem, "the body is over %d bytes",
				     RECORDING_BODY_MAX);
	*out = rec;
	return 0;
}
