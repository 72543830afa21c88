#include "recording/cassette.h"

#include "base/base64.h"
#include "http/url.h"
#include "net/inflate.h"
#include "recording/yamljson.h"

enum {
	YAML_MAX = 2 * RECORDING_FILE_MAX
};

struct entry {
	const struct cassette *c;
	struct arena *a;
	struct recording_problem *problem;
	struct recording *out;
	uint32_t at;
};

static uint32_t get(const struct entry *e, uint32_t v, const char *key)
{
	return json_get(&e->c->doc, v, str_of(key));
}

static struct str text_of(const struct entry *e, uint32_t v)
{
	if (json_type(&e->c->doc, v) != JSON_STRING)
		return STR("");
	return arena_str(e->a, json_string(&e->c->doc, v, e->a));
}

/* By what a path ends in, the longer first. */
static struct str op_of(struct str path)
{
	static const struct {
		const char *end, *op;
	} ops[] = {
		{ "/chat/completions", "chat.completions" },
		{ "/completions", "completions" },
		{ "/embeddings", "embeddings" },
		{ "/moderations", "moderations" },
		{ "/rerank", "rerank" },
		{ "/models", "models" },
		{ "/responses", "responses" },
		{ "/messages", "messages" },
	};
	struct str rest;

	(void)str_cut(path, '?', &path, &rest);
	for (size_t i = 0; i < countof(ops); i++) {
		if (str_ends(path, str_of(ops[i].end)))
			return str_of(ops[i].op);
	}
	return STR("raw");
}

/* "api.openai.com" is openai: the name in front of the last one. */
static struct str upstream_of(struct str host)
{
	static const struct str google =
		STR_INIT("generativelanguage.googleapis.com");
	size_t end = host.len, from;

	if (str_eq(host, google))
		return STR("gemini");
	if (host.len == 0 ||
	    (host.ptr[end - 1] >= '0' && host.ptr[end - 1] <= '9'))
		return host;
	while (end > 0 && host.ptr[end - 1] != '.')
		end--;
	if (end == 0)
		return host;
	from = --end;
	while (from > 0 && host.ptr[from - 1] != '.')
		from--;
	return str_take(str_drop(host, from), end - from);
}

static int read_url(struct entry *e, struct str text)
{
	struct recording_request *req = &e->out->request;
	struct url url;

	if (url_parse(text, e->a, &url) < 0)
		return recording_bad(e->problem, "a request without a URL");
	req->path =
		arena_printf(e->a, "%s" STR_FMT "%s" STR_FMT,
			     url.path.len == 0 ? "/" : "", STR_ARG(url.path),
			     url.query.len > 0 ? "?" : "", STR_ARG(url.query));
	req->upstream = upstream_of(url.host);
	e->out->op = op_of(req->path);
	return 0;
}

static void add_header(const struct entry *e, struct http_header *h,
		       size_t *count, struct str name, uint32_t value)
{
	struct str text = text_of(e, value);

	if (name.len == 0 || text.len == 0 || *count == RECORDING_HEADERS_MAX)
		return;
	h[*count].name = name;
	h[*count].value = text;
	h[*count].id = http_name_find(name);
	(*count)++;
}

/* {"Name": "value" or ["value", ...]} or [{"name", "value"}, ...]. */
static size_t read_headers(const struct entry *e, uint32_t v,
			   struct http_header **out)
{
	const struct json *doc = &e->c->doc;
	struct http_header *h =
		arena_zalloc(e->a, RECORDING_HEADERS_MAX * sizeof(*h));
	bool is_list = json_type(doc, v) == JSON_ARRAY;
	size_t count = 0;

	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i)) {
		struct str name = text_of(e, is_list ? get(e, i, "name")
						     : json_key(doc, i));

		if (is_list) {
			add_header(e, h, &count, name, get(e, i, "value"));
		} else if (json_type(doc, i) == JSON_STRING) {
			add_header(e, h, &count, name, i);
		}
		for (uint32_t k = is_list ? JSON_NONE : json_first(doc, i);
		     k != JSON_NONE; k = json_next(doc, k))
			add_header(e, h, &count, name, k);
	}
	*out = h;
	return count;
}

static int read_base64(const struct entry *e, uint32_t v, struct str *out)
{
	struct str text = text_of(e, v);
	char *clean = arena_alloc(e->a, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '\n' && text.ptr[i] != '\r')
			clean[n++] = text.ptr[i];
	}
	if (!base64_read((struct str){ clean, n }, e->a, out))
		return recording_bad(e->problem, "a body that is no base64");
	return 0;
}

/* A string; an object that holds one in some form; null is empty. */
static int read_body(const struct entry *e, uint32_t v, struct str *out)
{
	const struct json *doc = &e->c->doc;
	uint32_t inner = get(e, v, "string");

	if (json_type(doc, v) == JSON_OBJECT && inner != JSON_NONE)
		v = inner;
	inner = get(e, v, "text"); /* HAR */
	if (inner != JSON_NONE &&
	    json_is(doc, get(e, v, "encoding"), STR("base64")))
		return read_base64(e, inner, out);
	if (inner != JSON_NONE)
		v = inner;
	inner = get(e, v, "base64_string");
	if (inner != JSON_NONE)
		return read_base64(e, inner, out);
	*out = text_of(e, v);
	return 0;
}

/* By its first bytes: many recorders keep the header and decode the body. */
static enum inflate_coding coding_of(struct str body, struct str name)
{
	enum inflate_coding coding = inflate_coding_find(name);

	if (str_starts(body, STR("\x1f\x8b")))
		return INFLATE_GZIP;
	if (str_starts(body, STR("\x28\xb5\x2f\xfd")))
		return INFLATE_ZSTD;
	if (coding == INFLATE_DEFLATE && body.len > 0 && body.ptr[0] == '\x78')
		return INFLATE_DEFLATE;
	return INFLATE_NONE;
}

static bool is_text(struct str s)
{
	for (size_t i = 0; i < s.len && i < 64; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') ||
		    c >= 0xf8)
			return false;
	}
	return true;
}

static int decode(const struct entry *e)
{
	struct recording_response *res = &e->out->response;
	struct str name = recording_header(res->headers, res->header_count,
					   STR("content-encoding"));
	enum inflate_coding coding = coding_of(res->body, name);
	struct buf out;
	int r;

	if (coding == INFLATE_NONE &&
	    inflate_coding_find(name) == INFLATE_UNKNOWN &&
	    !is_text(res->body)) {
		return recording_bad(e->problem,
				     "a body in the coding " STR_FMT,
				     STR_ARG(name));
	}
	if (coding == INFLATE_NONE)
		return 0;
	buf_init(&out, RECORDING_BODY_MAX);
	r = inflate_all(coding, res->body, &out);
	if (r == 0)
		res->body = arena_str(e->a, buf_str(&out));
	buf_fini(&out);
	return r == 0 ? 0
		      : recording_bad(e->problem,
				      "a compressed body that is damaged");
}

static int read_status(const struct entry *e, uint32_t response)
{
	const struct json *doc = &e->c->doc;
	const uint32_t places[] = { get(e, response, "status_code"),
				    get(e, response, "code"),
				    get(e, get(e, response, "status"), "code"),
				    get(e, response, "status") };
	int64_t status;

	for (size_t i = 0; i < countof(places); i++) {
		if (!json_to_i64(doc, places[i], &status))
			continue;
		if (status >= 200 && status <= 599) {
			e->out->response.status = (int)status;
			return 0;
		}
	}
	return recording_bad(e->problem, "no status from 200 to 599");
}

static void read_time(const struct entry *e)
{
	struct recording_response *res = &e->out->response;
	double ms = 0;

	e->out->meta.recorded_at = text_of(e, get(e, e->at, "startedDateTime"));
	if (e->out->meta.recorded_at.len == 0)
		e->out->meta.recorded_at =
			text_of(e, get(e, e->at, "recorded_at"));
	res->marks = arena_zalloc(e->a, sizeof(*res->marks));
	res->marks[0].end = res->body.len;
	res->mark_count = 1;
	if (json_to_double(&e->c->doc, get(e, e->at, "time"), &ms) && ms > 0 &&
	    ms < 1e9)
		res->marks[0].ms = (uint32_t)ms;
}

static int read_response(const struct entry *e, uint32_t response)
{
	struct recording_response *res = &e->out->response;
	uint32_t body = get(e, response, "body");
	int r = read_status(e, response);

	if (body == JSON_NONE)
		body = get(e, response, "content");
	res->header_count =
		read_headers(e, get(e, response, "headers"), &res->headers);
	if (r == 0)
		r = read_body(e, body, &res->body);
	if (r == 0)
		r = decode(e);
	if (r != 0)
		return r;
	res->framing =
		recording_framing_of(recording_header(res->headers,
						      res->header_count,
						      STR("content-type")),
				     res->body);
	read_time(e);
	return 0;
}

static int read_entry(struct entry *e)
{
	struct recording_request *req = &e->out->request;
	uint32_t request = get(e, e->at, "request");
	uint32_t body = get(e, request, "body");
	struct str url = text_of(e, get(e, request, "uri"));
	int r;

	if (url.len == 0)
		url = text_of(e, get(e, request, "url"));
	if (body == JSON_NONE)
		body = get(e, request, "postData");
	r = read_url(e, url);
	if (r != 0)
		return r;
	req->method = text_of(e, get(e, request, "method"));
	if (req->method.len == 0)
		req->method = STR("GET");
	/* Ruby's are in small letters. */
	if (str_eq_nocase(req->method, STR("post")))
		req->method = STR("POST");
	if (str_eq_nocase(req->method, STR("get")))
		req->method = STR("GET");
	req->header_count =
		read_headers(e, get(e, request, "headers"), &req->headers);
	r = read_body(e, body, &req->body);
	return r != 0 ? r : read_response(e, get(e, e->at, "response"));
}

static int find_list(struct cassette *c, struct recording_problem *problem)
{
	uint32_t root = json_root(&c->doc);
	uint32_t list = json_path(&c->doc, root, STR("log.entries"));

	c->is_har = list != JSON_NONE;
	if (list == JSON_NONE)
		list = json_get(&c->doc, root, STR("interactions"));
	if (list == JSON_NONE)
		list = json_get(&c->doc, root, STR("http_interactions"));
	if (json_type(&c->doc, list) != JSON_ARRAY)
		return recording_bad(problem,
				     "no cassette of VCR, and no HAR either");
	c->next = json_first(&c->doc, list);
	return 0;
}

int cassette_open(struct str text, struct cassette *out,
		  struct recording_problem *problem)
{
	struct cassette c = { 0 };
	struct json_error e;
	int r = 0;

	buf_init(&c.text, YAML_MAX);
	if (text.len > RECORDING_FILE_MAX)
		return recording_bad(problem, "over %d bytes",
				     RECORDING_FILE_MAX);
	if (!str_starts(str_trim(text), STR("{"))) {
		r = yamljson_write(text, &c.text, problem);
		text = buf_str(&c.text);
	}
	if (r == 0 && json_parse(text, NULL, &c.doc, &e) != 0) {
		r = recording_bad(problem, "line %u, column %u: %s", e.line,
				  e.column, e.what);
	} else if (r == 0) {
		r = find_list(&c, problem);
	}
	if (r != 0) {
		cassette_close(&c);
		return r;
	}
	*out = c;
	return 0;
}

void cassette_close(struct cassette *c)
{
	json_fini(&c->doc);
	buf_fini(&c->text);
}

int cassette_next(struct cassette *c, struct arena *a, struct recording *out,
		  struct recording_problem *problem)
{
	struct recording recording = { .occ = 1, .meta.attempt = 1 };
	struct entry e = { .c = c,
			   .a = a,
			   .problem = problem,
			   .out = &recording,
			   .at = c->next };
	int r;

	if (c->next == JSON_NONE)
		return CASSETTE_END;
	c->next = json_next(&c->doc, c->next);
	r = read_entry(&e);
	if (r == 0)
		*out = recording;
	return r;
}
