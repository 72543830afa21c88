#include <errno.h>
#include <stdlib.h>

#include "base/base64.h"
#include "recording/digest.h"
#include "recording/exact.h"
#include "recording/exact_form.h"
#include "json/json.h"

/* What is read, from where, to where. */
struct reader {
	struct json doc;
	struct arena *a;
	struct recording *r;
	struct recording_problem *problem;
};

static uint32_t get(const struct reader *rd, uint32_t v, const char *key)
{
	return json_get(&rd->doc, v, str_of(key));
}

static struct str text_of(const struct reader *rd, uint32_t v, const char *key)
{
	return json_string(&rd->doc, get(rd, v, key), rd->a);
}

static int64_t int_of(const struct reader *rd, uint32_t v, const char *key,
		      int64_t missing)
{
	int64_t n = missing;

	(void)json_to_i64(&rd->doc, get(rd, v, key), &n);
	return n;
}

static bool is_object(const struct reader *rd, uint32_t v)
{
	return json_type(&rd->doc, v) == JSON_OBJECT;
}

/* What is served must not end a header and begin another. */
static bool is_header(const struct http_header *h)
{
	static const char separators[] = "()<>@,;:\\\"/[]?={}";

	for (size_t i = 0; i < h->name.len; i++) {
		unsigned char c = (unsigned char)h->name.ptr[i];

		if (c <= ' ' || c >= 0x7f || strchr(separators, c) != NULL)
			return false;
	}
	for (size_t i = 0; i < h->value.len; i++) {
		unsigned char c = (unsigned char)h->value.ptr[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return h->name.len > 0;
}

static bool is_framing(enum http_name id)
{
	return id == HTTP_CONNECTION || id == HTTP_CONTENT_ENCODING ||
	       id == HTTP_CONTENT_LENGTH || id == HTTP_KEEP_ALIVE ||
	       id == HTTP_TRAILER || id == HTTP_TRANSFER_ENCODING ||
	       id == HTTP_UPGRADE;
}

/* Absent is none. */
static int read_headers(struct reader *rd, uint32_t v, struct http_header **out,
			size_t *out_count)
{
	uint32_t n = json_count(&rd->doc, v);
	struct http_header *h;
	size_t i = 0;

	if (n > RECORDING_HEADERS_MAX) {
		return recording_bad(rd->problem, "more than %d headers",
				     RECORDING_HEADERS_MAX);
	}
	h = arena_zalloc(rd->a, (n + 1) * sizeof(*h));
	for (v = json_first(&rd->doc, v); v != JSON_NONE;
	     v = json_next(&rd->doc, v)) {
		uint32_t name = json_first(&rd->doc, v);

		h[i].name = json_string(&rd->doc, name, rd->a);
		h[i].value =
			json_string(&rd->doc, json_next(&rd->doc, name), rd->a);
		if (json_count(&rd->doc, v) != 2 || !is_header(&h[i])) {
			return recording_bad(rd->problem,
					     "header %zu is no name and value",
					     i);
		}
		h[i].id = http_name_find(h[i].name);
		/* The one who serves it frames it anew. */
		if (!is_framing(h[i].id))
			i++;
	}
	*out = h;
	*out_count = i;
	return 0;
}

/* One of "body", "text" and "b64"; none is an empty body. */
static int read_body(struct reader *rd, uint32_t v, struct str *out)
{
	uint32_t body = get(rd, v, "body"), b64 = get(rd, v, "b64");
	struct str raw = json_raw(&rd->doc, body), tail;

	*out = STR_NULL;
	if (body != JSON_NONE) {
		tail = text_of(rd, v, "tail");
		*out = tail.len == 0
			       ? raw
			       : arena_join(rd->a, (struct str[]){ raw, tail },
					    2);
	} else if (b64 == JSON_NONE) {
		*out = text_of(rd, v, "text");
	} else if (!base64_read(json_string(&rd->doc, b64, rd->a), rd->a,
				out)) {
		return recording_bad(rd->problem, "b64 is not base64");
	}
	return 0;
}

static int read_request(struct reader *rd, uint32_t v)
{
	struct recording_request *req = &rd->r->request;
	int r;

	if (!is_object(rd, v))
		return recording_bad(rd->problem, "no request");
	req->method = text_of(rd, v, "method");
	req->path = text_of(rd, v, "path");
	req->upstream = text_of(rd, v, "upstream");
	if (req->method.len == 0 || req->path.len == 0) {
		return recording_bad(rd->problem,
				     "the request has no method or no path");
	}
	r = read_headers(rd, get(rd, v, "headers"), &req->headers,
			 &req->header_count);
	return r != 0 ? r : read_body(rd, v, &req->body);
}

/* ["tag", ...] of so many elements. */
static bool is_tagged(const struct reader *rd, uint32_t v, const char *tag,
		      uint32_t count)
{
	return json_type(&rd->doc, v) == JSON_ARRAY &&
	       json_count(&rd->doc, v) == count &&
	       json_is(&rd->doc, json_first(&rd->doc, v), str_of(tag));
}

/* A text of one of the kinds that say it in a string. */
static bool read_text_event(const struct reader *rd, uint32_t v,
			    struct exact_event *e)
{
	static const struct {
		const char *tag;
		enum exact_kind kind;
	} tags[] = {
		{ "c", EXACT_COMMENT },
		{ "text", EXACT_TEXT },
		{ "raw", EXACT_RAW },
		{ "b64", EXACT_B64 },
	};
	uint32_t text = json_next(&rd->doc, json_first(&rd->doc, v));

	for (size_t i = 0; i < countof(tags); i++) {
		if (!is_tagged(rd, v, tags[i].tag, 2))
			continue;
		e->kind = tags[i].kind;
		e->text = json_string(&rd->doc, text, rd->a);
		return json_type(&rd->doc, text) == JSON_STRING &&
		       (e->kind != EXACT_B64 ||
			base64_read(e->text, rd->a, &e->text));
	}
	return false;
}

/*
 * A value as it stands.  One that an editor has broken into lines is made one
 * line again, where a line end would end the event.
 */
static struct str span(const struct reader *rd, const struct exact_layout *l,
		       uint32_t v)
{
	struct str raw = json_raw(&rd->doc, v);

	if (l->framing == RECORDING_ARRAY ||
	    (memchr(raw.ptr, '\n', raw.len) == NULL &&
	     memchr(raw.ptr, '\r', raw.len) == NULL))
		return raw;
	return recording_compact(raw, rd->a);
}

static bool read_event(const struct reader *rd, const struct exact_layout *l,
		       uint32_t v, struct exact_event *e)
{
	uint32_t second = json_next(&rd->doc, json_first(&rd->doc, v));
	uint32_t third = json_next(&rd->doc, second);

	*e = (struct exact_event){ .kind = EXACT_OBJECT,
				   .text = span(rd, l, v) };
	if (is_object(rd, v)) {
		/* Behind the head's comma a member must come. */
		return l->head.len == 0 || json_count(&rd->doc, v) > 0;
	}
	if (is_tagged(rd, v, "full", 2)) {
		e->kind = EXACT_FULL;
		e->text = span(rd, l, second);
		return true;
	}
	if (is_tagged(rd, v, "ev", 3)) {
		e->kind = EXACT_NAMED;
		e->name = json_string(&rd->doc, second, rd->a);
		e->text = span(rd, l, third);
		return json_type(&rd->doc, second) == JSON_STRING;
	}
	return read_text_event(rd, v, e);
}

static int read_layout(struct reader *rd, uint32_t v, struct exact_layout *l)
{
	struct str format = text_of(rd, v, "format");

	l->eol = text_of(rd, v, "eol");
	l->head = text_of(rd, v, "head");
	for (int f = RECORDING_SSE; f <= RECORDING_EVENTSTREAM; f++) {
		l->framing = (enum recording_framing)f;
		if (str_eq(format, str_of(recording_framing_name(l->framing))))
			break;
		if (f == RECORDING_EVENTSTREAM)
			return recording_bad(rd->problem,
					     "unknown stream format");
	}
	if (l->eol.len > EXACT_EOL_MAX ||
	    (l->head.len > 0 &&
	     (l->head.ptr[0] != '{' || l->head.ptr[l->head.len - 1] != ',')))
		return recording_bad(rd->problem,
				     "eol or head is not what it should be");
	rd->r->response.framing = l->framing;
	return 0;
}

/* The sizes first: a head that many events repeat must not fill the memory. */
static int measure(struct reader *rd, const struct exact_layout *l,
		   const struct exact_event *events, size_t count)
{
	struct recording_response *res = &rd->r->response;
	uint64_t total = 0;

	res->marks = arena_zalloc(rd->a, (count + 1) * sizeof(*res->marks));
	res->mark_count = count;
	for (size_t i = 0; i < count; i++) {
		struct str pieces[EXACT_PIECES_MAX];
		size_t n = exact_pieces(l, &events[i], i == 0, pieces);

		for (size_t k = 0; k < n; k++)
			total += pieces[k].len;
		if (total > RECORDING_BODY_MAX) {
			return recording_bad(rd->problem,
					     "the body is over %d bytes",
					     RECORDING_BODY_MAX);
		}
		res->marks[i].end = total;
	}
	return 0;
}

static void assemble(struct reader *rd, const struct exact_layout *l,
		     const struct exact_event *events, size_t count)
{
	struct recording_response *res = &rd->r->response;
	size_t total = count > 0 ? (size_t)res->marks[count - 1].end : 0;
	char *at = arena_alloc(rd->a, total + 1);

	res->body = (struct str){ at, total };
	for (size_t i = 0; i < count; i++) {
		struct str pieces[EXACT_PIECES_MAX];
		size_t n = exact_pieces(l, &events[i], i == 0, pieces);

		for (size_t k = 0; k < n; k++) {
			if (pieces[k].len > 0)
				memcpy(at, pieces[k].ptr, pieces[k].len);
			at += pieces[k].len;
		}
	}
}

static int read_end(struct reader *rd, uint32_t v)
{
	uint32_t end = get(rd, v, "end");

	for (int e = RECORDING_EOF; e <= RECORDING_CLIENT_ABORT; e++) {
		const char *name = recording_end_name((enum recording_end)e);

		if (json_is(&rd->doc, end, str_of(name))) {
			rd->r->response.end = (enum recording_end)e;
			return 0;
		}
	}
	return recording_bad(rd->problem, "unknown end");
}

static int read_stream(struct reader *rd, uint32_t v)
{
	uint32_t list = get(rd, v, "events"), n = json_count(&rd->doc, list);
	struct exact_layout l = { 0 };
	struct exact_event *events;
	size_t i = 0;
	int r = read_layout(rd, v, &l);

	if (r == 0 && (json_type(&rd->doc, list) != JSON_ARRAY ||
		       n > RECORDING_EVENTS_MAX))
		r = recording_bad(rd->problem, "no events, or too many");
	if (r == 0)
		r = read_end(rd, v);
	if (r != 0)
		return r;
	events = xcalloc(n + 1, sizeof(*events));
	for (v = json_first(&rd->doc, list); v != JSON_NONE && r == 0;
	     v = json_next(&rd->doc, v)) {
		if (!read_event(rd, &l, v, &events[i])) {
			r = recording_bad(rd->problem,
					  "event %zu is of no known form", i);
		}
		i++;
	}
	if (r == 0)
		r = measure(rd, &l, events, n);
	if (r == 0)
		assemble(rd, &l, events, n);
	free(events);
	return r;
}

static int read_whole(struct reader *rd, uint32_t v)
{
	struct recording_response *res = &rd->r->response;
	int r = read_body(rd, v, &res->body);

	if (r == 0)
		r = read_end(rd, v);
	res->sidecar = text_of(rd, v, "file");
	res->marks = arena_zalloc(rd->a, sizeof(*res->marks));
	res->marks[0].end = res->body.len;
	res->mark_count = 1;
	return r;
}

static int read_fail(struct reader *rd, uint32_t v)
{
	struct recording_response *res = &rd->r->response;
	int64_t ms = int_of(rd, v, "after_ms", 0);

	for (int f = RECORDING_REFUSED; f <= RECORDING_RESET; f++) {
		const char *name = recording_fail_name((enum recording_fail)f);

		if (!json_is(&rd->doc, get(rd, v, "fail"), str_of(name)))
			continue;
		res->fail = (enum recording_fail)f;
		res->fail_ms = ms >= 0 && ms <= UINT32_MAX ? (uint32_t)ms : 0;
		return 0;
	}
	return recording_bad(rd->problem, "unknown fail");
}

static int read_response(struct reader *rd, uint32_t v)
{
	struct recording_response *res = &rd->r->response;
	int64_t status = int_of(rd, v, "status", 0);
	uint32_t stream = get(rd, v, "stream");
	int r;

	if (!is_object(rd, v))
		return recording_bad(rd->problem, "no response");
	if (get(rd, v, "fail") != JSON_NONE)
		return read_fail(rd, v);
	if (status < 200 || status > 599)
		return recording_bad(rd->problem, "no status from 200 to 599");
	res->status = (int)status;
	r = read_headers(rd, get(rd, v, "headers"), &res->headers,
			 &res->header_count);
	if (r != 0)
		return r;
	return stream != JSON_NONE ? read_stream(rd, stream)
				   : read_whole(rd, v);
}

/* Times that are missing or out of range are zero: they are no content. */
static void read_timing(struct reader *rd, uint32_t v)
{
	struct recording_response *res = &rd->r->response;
	uint32_t t = json_first(&rd->doc, get(rd, v, "t"));

	rd->r->meta.connect_ms = int_of(rd, v, "connect", 0);
	for (size_t i = 0; i < res->mark_count && t != JSON_NONE; i++) {
		int64_t ms = 0;

		if (json_to_i64(&rd->doc, t, &ms) && ms > 0 && ms <= UINT32_MAX)
			res->marks[i].ms = (uint32_t)ms;
		t = json_next(&rd->doc, t);
	}
}

static void read_meta(struct reader *rd, uint32_t v)
{
	struct recording_meta *meta = &rd->r->meta;
	uint32_t usage = get(rd, v, "usage");

	meta->attempt = int_of(rd, v, "attempt", 1);
	meta->recorded_at = text_of(rd, v, "recorded_at");
	meta->gateway = text_of(rd, v, "gateway");
	meta->chain = text_of(rd, v, "chain");
	meta->client_key = text_of(rd, v, "client_key");
	meta->tokens_in = int_of(rd, usage, "in", 0);
	meta->tokens_out = int_of(rd, usage, "out", 0);
	rd->r->test_id = text_of(rd, v, "test_id");
	rd->r->redacted = json_is_true(&rd->doc, get(rd, v, "redacted"));
	rd->r->stripped = json_is_true(&rd->doc, get(rd, v, "stripped"));
}

static bool matches(const struct reader *rd, uint32_t response, struct str body)
{
	char hex[DIGEST_LEN];

	return int_of(rd, response, "bytes", -1) == (int64_t)body.len &&
	       json_is(&rd->doc, get(rd, response, "sha256"),
		       digest_hex(body, hex));
}

static int read_file(struct reader *rd)
{
	uint32_t root = json_root(&rd->doc);
	uint32_t response = get(rd, root, "response");
	struct recording *out = rd->r;
	int r;

	if (int_of(rd, root, "v", 0) != EXACT_VERSION) {
		return recording_bad(rd->problem,
				     "not version %d of this format",
				     EXACT_VERSION);
	}
	out->op = text_of(rd, root, "op");
	out->key = text_of(rd, root, "key");
	out->occ = int_of(rd, root, "occ", 1);
	r = read_request(rd, get(rd, root, "request"));
	if (r == 0)
		r = read_response(rd, response);
	if (r != 0)
		return r;
	read_timing(rd, get(rd, root, "timing"));
	read_meta(rd, get(rd, root, "meta"));
	out->edited = out->response.fail == RECORDING_ANSWERED &&
		      out->response.sidecar.len == 0 &&
		      !matches(rd, response, out->response.body);
	return 0;
}

int exact_read(struct str text, struct arena *a, struct recording *out,
	       struct recording_problem *problem)
{
	struct json_limits limits = { .depth = EXACT_FILE_DEPTH };
	struct recording recording = { 0 };
	struct reader rd = { .a = a, .r = &recording, .problem = problem };
	struct json_error e;
	int r;

	if (text.len > RECORDING_FILE_MAX)
		return recording_bad(problem, "over %d bytes",
				     RECORDING_FILE_MAX);
	if (json_parse(text, &limits, &rd.doc, &e) != 0) {
		return recording_bad(problem, "line %u, column %u: %s", e.line,
				     e.column, e.what);
	}
	r = read_file(&rd);
	json_fini(&rd.doc);
	if (r == 0)
		*out = recording;
	return r;
}

bool exact_is(struct str text)
{
	struct str rest = str_trim(text);

	if (!str_starts(rest, STR("{")))
		return false;
	rest = str_trim(str_drop(rest, 1));
	return str_starts(rest, STR("\"v\""));
}

bool exact_check(struct str text, struct str body)
{
	struct json_limits limits = { .depth = EXACT_FILE_DEPTH };
	struct reader rd = { 0 };
	struct json_error e;
	bool same;

	if (json_parse(text, &limits, &rd.doc, &e) != 0)
		return false;
	same = matches(&rd, get(&rd, json_root(&rd.doc), "response"), body);
	json_fini(&rd.doc);
	return same;
}
