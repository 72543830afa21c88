#include "recording/exact.h"

#include <errno.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "recording/digest.h"
#include "recording/exact_form.h"
#include "json/json.h"

/* After the first error nothing more is written. */
struct text {
	struct buf *out;
	int error;
};

struct events {
	struct exact_event *items; /* owned */
	size_t count, cap;
};

/* How a file is to be written: what is kept as text, and what not. */
struct plan {
	struct str sidecar;
	bool opaque; /* the body is base64, whatever it looks like */
};

static void put(struct text *t, struct str s)
{
	if (t->error == 0)
		t->error = buf_add(t->out, s);
}

static void put_quoted(struct text *t, struct str s)
{
	if (t->error == 0)
		t->error = json_quote(t->out, s);
}

static void put_base64(struct text *t, struct str s)
{
	put(t, STR("\""));
	if (t->error == 0)
		t->error = base64_write(t->out, s);
	put(t, STR("\""));
}

static void put_int(struct text *t, const char *before, int64_t n)
{
	put(t, str_of(before));
	if (t->error == 0)
		t->error = buf_printf(t->out, "%lld", (long long)n);
}

/* "name": "text", with what comes before; nothing for an empty text. */
static void put_member(struct text *t, const char *before, struct str s)
{
	if (s.len == 0)
		return;
	put(t, str_of(before));
	put_quoted(t, s);
}

static void put_indent(struct text *t, unsigned depth)
{
	put(t, STR("\n"));
	for (unsigned i = 0; i < depth; i++)
		put(t, STR("  "));
}

/* Vectors and token lists: a line for each number would hide the rest. */
static bool is_numbers(const struct json *doc, uint32_t v)
{
	uint32_t i = json_first(doc, v);

	while (i != JSON_NONE && json_type(doc, i) == JSON_NUMBER)
		i = json_next(doc, i);
	return i == JSON_NONE && json_type(doc, v) == JSON_ARRAY;
}

/* Scalars stay as written; depth is bounded by the parser. */
static void put_pretty(struct text *t, const struct json *doc, uint32_t v,
		       unsigned depth)
{
	bool is_object = json_type(doc, v) == JSON_OBJECT;
	bool flat = is_numbers(doc, v);
	uint32_t i = json_first(doc, v);

	if (!is_object && json_type(doc, v) != JSON_ARRAY) {
		put(t, json_raw(doc, v));
		return;
	}
	put(t, is_object ? STR("{") : STR("["));
	for (; i != JSON_NONE; i = json_next(doc, i)) {
		if (!flat)
			put_indent(t, depth + 1);
		if (is_object) {
			put(t, json_raw(doc, json_key(doc, i)));
			put(t, STR(": "));
		}
		put_pretty(t, doc, i, depth + 1);
		if (json_next(doc, i) != JSON_NONE)
			put(t, STR(","));
	}
	if (!flat && json_count(doc, v) > 0)
		put_indent(t, depth);
	put(t, is_object ? STR("}") : STR("]"));
}

static void put_request_body(struct text *t, struct str body)
{
	struct json_limits limits = { .depth = EXACT_SPAN_DEPTH };
	struct json_error error;
	struct json doc;

	if (body.len == 0)
		return;
	if (json_parse(body, &limits, &doc, &error) == 0) {
		put(t, STR(",\n  \"body\": "));
		put_pretty(t, &doc, json_root(&doc), 1);
		json_fini(&doc);
	} else if (exact_is_utf8(body)) {
		put_member(t, ",\n  \"text\": ", body);
	} else {
		put(t, STR(",\n  \"b64\": "));
		put_base64(t, body);
	}
}

static void put_headers(struct text *t, const struct http_header *headers,
			size_t count)
{
	if (count == 0)
		return;
	put(t, STR(",\n  \"headers\": ["));
	for (size_t i = 0; i < count; i++) {
		put(t, i > 0 ? STR(", [") : STR("["));
		put_quoted(t, headers[i].name);
		put(t, STR(", "));
		put_quoted(t, headers[i].value);
		put(t, STR("]"));
	}
	put(t, STR("]"));
}

static void put_request(struct text *t, const struct recording_request *req)
{
	put(t, STR("\"request\": {\n  \"method\": "));
	put_quoted(t, req->method);
	put(t, STR(", \"path\": "));
	put_quoted(t, req->path);
	put(t, STR(", \"upstream\": "));
	put_quoted(t, req->upstream);
	put_headers(t, req->headers, req->header_count);
	put_request_body(t, req->body);
	put(t, STR("\n},\n"));
}

static void put_event(struct text *t, const struct exact_layout *l,
		      struct exact_event *e)
{
	static const char *const tags[] = {
		[EXACT_OBJECT] = "",         [EXACT_FULL] = "[\"full\",",
		[EXACT_NAMED] = "[\"ev\",",  [EXACT_COMMENT] = "[\"c\",",
		[EXACT_TEXT] = "[\"text\",", [EXACT_RAW] = "[\"raw\",",
		[EXACT_B64] = "[\"b64\",",
	};

	put(t, str_of(tags[e->kind]));
	switch (e->kind) {
	case EXACT_OBJECT:
		if (l->head.len > 0)
			put(t, STR("{"));
		put(t, str_drop(e->text, l->head.len));
		return;
	case EXACT_NAMED:
		put_quoted(t, e->name);
		put(t, STR(","));
		put(t, e->text);
		break;
	case EXACT_FULL:
		put(t, e->text);
		break;
	case EXACT_B64:
		put_base64(t, e->text);
		break;
	case EXACT_COMMENT:
	case EXACT_TEXT:
	case EXACT_RAW:
		put_quoted(t, e->text);
		break;
	}
	put(t, STR("]"));
}

static void add_event(struct events *list, struct exact_event e)
{
	if (list->count == list->cap) {
		list->cap = list->cap == 0 ? 64 : 2 * list->cap;
		list->items =
			xrealloc(list->items, list->cap * sizeof(*list->items));
	}
	list->items[list->count++] = e;
}

static void cut_events(const struct exact_layout *l, struct str body,
		       struct events *list)
{
	size_t at = 0;

	while (at < body.len) {
		struct str rest = str_drop(body, at);
		bool last = list->count + 1 == RECORDING_EVENTS_MAX;
		size_t n = last ? rest.len : exact_split(l->framing, rest);
		struct exact_event e =
			exact_classify(l, str_take(rest, n), list->count == 0);

		at += n;
		e.end = at;
		add_event(list, e);
	}
}

/* What cannot have the head keeps all of its text. */
static void apply_head(const struct exact_layout *l, struct events *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct exact_event *e = &list->items[i];

		if (e->kind == EXACT_OBJECT && !str_starts(e->text, l->head))
			e->kind = EXACT_FULL;
	}
}

static void put_stream(struct text *t, const struct recording_response *res,
		       struct exact_layout *l, struct events *list)
{
	put(t, STR(",\n  \"stream\": {\n    \"format\": "));
	put_quoted(t, str_of(recording_framing_name(res->framing)));
	put(t, STR(", \"eol\": "));
	put_quoted(t, l->eol);
	put(t, STR(",\n    \"head\": "));
	put_quoted(t, l->head);
	put(t, STR(",\n    \"events\": [\n"));
	for (size_t i = 0; i < list->count; i++) {
		put_event(t, l, &list->items[i]);
		put(t, i + 1 < list->count ? STR(",\n") : STR("\n"));
	}
	put(t, STR("    ],\n    \"end\": "));
	put_quoted(t, str_of(recording_end_name(res->end)));
	put(t, STR("\n  }"));
}

static struct str trailing_space(struct str s)
{
	size_t n = s.len;

	while (n > 0 && strchr(" \t\n", s.ptr[n - 1]) != NULL)
		n--;
	return str_drop(s, n);
}

static void put_whole(struct text *t, const struct recording_response *res,
		      const struct plan *plan)
{
	struct str body = res->body, tail = trailing_space(body);
	struct str span = str_take(body, body.len - tail.len);

	if (plan->sidecar.len > 0) {
		put_member(t, ",\n  \"file\": ", plan->sidecar);
	} else if (plan->opaque || !exact_is_utf8(body)) {
		put(t, STR(",\n  \"b64\": "));
		put_base64(t, body);
	} else if (exact_is_span(span, true)) {
		put(t, STR(",\n  \"body\": "));
		put(t, span);
		put_member(t, ",\n  \"tail\": ", tail);
	} else {
		put(t, STR(",\n  \"text\": "));
		put_quoted(t, body);
	}
	put(t, STR(",\n  \"end\": "));
	put_quoted(t, str_of(recording_end_name(res->end)));
}

/* When the last byte of each event had come, as steps from event to event. */
static void put_times(struct text *t, const struct recording_response *res,
		      const struct events *list)
{
	int64_t at = res->mark_count > 0 ? res->marks[0].ms : 0, before = 0;
	size_t m = 0;

	put(t, STR("\"t\": ["));
	for (size_t i = 0; i < list->count; i++) {
		while (m + 1 < res->mark_count &&
		       res->marks[m].end < list->items[i].end)
			at += res->marks[++m].ms;
		put_int(t, i > 0 ? "," : "", at - before);
		before = at;
	}
	put(t, STR("]"));
}

static void put_tail(struct text *t, const struct recording *r,
		     const struct events *list)
{
	const struct recording_response *res = &r->response;
	const struct recording_meta *meta = &r->meta;
	char hex[DIGEST_LEN];

	if (res->fail == RECORDING_ANSWERED) {
		put_int(t, ",\n  \"bytes\": ", (int64_t)res->body.len);
		put_member(t, ", \"sha256\": ", digest_hex(res->body, hex));
	}
	put_int(t, "}, \"timing\": {\"connect\": ", meta->connect_ms);
	put(t, STR(", "));
	put_times(t, res, list);
	put_int(t, "}, \"meta\": {\"attempt\": ", meta->attempt);
	put_member(t, ", \"recorded_at\": ", meta->recorded_at);
	put_member(t, ", \"gateway\": ", meta->gateway);
	put_member(t, ", \"chain\": ", meta->chain);
	put_member(t, ", \"client_key\": ", meta->client_key);
	put_member(t, ", \"test_id\": ", r->test_id);
	if (meta->tokens_in > 0 || meta->tokens_out > 0) {
		put_int(t, ", \"usage\": {\"in\": ", meta->tokens_in);
		put_int(t, ", \"out\": ", meta->tokens_out);
		put(t, STR("}"));
	}
	put(t, r->redacted ? STR(", \"redacted\": true") : STR_NULL);
	put(t, r->stripped ? STR(", \"stripped\": true") : STR_NULL);
	put(t, STR("}\n}\n"));
}

static void put_answer(struct text *t, const struct recording_response *res,
		       const struct plan *plan, struct events *list)
{
	struct exact_layout l = { .framing = res->framing };
	struct exact_event all = { .kind = EXACT_B64,
				   .text = res->body,
				   .end = res->body.len };

	put_int(t, "\"response\": {\n  \"status\": ", res->status);
	put_headers(t, res->headers, res->header_count);
	if (l.framing == RECORDING_WHOLE) {
		add_event(list, all);
		put_whole(t, res, plan);
		return;
	}
	l.eol = exact_eol(l.framing, res->body);
	if (plan->opaque) {
		add_event(list, all);
	} else {
		cut_events(&l, res->body, list);
		l.head = exact_head(list->items, list->count);
		apply_head(&l, list);
	}
	put_stream(t, res, &l, list);
}

static void put_file(struct text *t, const struct recording *r,
		     const struct plan *plan)
{
	struct events list = { 0 };

	put_int(t, "{\n\"v\": ", EXACT_VERSION);
	put(t, STR(",\n\"op\": "));
	put_quoted(t, r->op);
	put(t, STR(", \"key\": "));
	put_quoted(t, r->key);
	put_int(t, ", \"occ\": ", r->occ);
	put(t, STR(",\n"));
	put_request(t, &r->request);
	if (r->response.fail != RECORDING_ANSWERED) {
		put(t, STR("\"response\": {\"fail\": "));
		put_quoted(t, str_of(recording_fail_name(r->response.fail)));
		put_int(t, ", \"after_ms\": ", r->response.fail_ms);
	} else {
		put_answer(t, &r->response, plan, &list);
	}
	put_tail(t, r, &list);
	free(list.items);
}

/* Does the text give back the body? */
static bool proves(struct str text, struct str body)
{
	struct recording again;
	struct arena a;
	bool same;

	arena_init(&a, SIZE_MAX / 2);
	same = exact_read(text, &a, &again, NULL) == 0 && !again.edited &&
	       (again.response.sidecar.len > 0 ||
		str_eq(again.response.body, body));
	arena_fini(&a);
	return same;
}

static int write_as(const struct recording *r, const struct plan *plan,
		    struct buf *out)
{
	struct text t = { .out = out };
	size_t from = out->len;

	put_file(&t, r, plan);
	if (t.error == 0 &&
	    proves(str_drop(buf_str(out), from), r->response.body))
		return 0;
	out->len = from;
	return t.error < 0 ? err_up(t.error) : RECORDING_BAD;
}

int exact_write(const struct recording *r, const struct exact_options *options,
		struct buf *out, bool *use_sidecar)
{
	const struct recording_response *res = &r->response;
	struct plan plan = { 0 };
	int status;

	if (res->body.len > RECORDING_BODY_MAX) {
		return err_new(-EMSGSIZE, "recording: a body over %d bytes",
			       RECORDING_BODY_MAX);
	}
	if (res->framing == RECORDING_WHOLE &&
	    res->body.len > EXACT_SIDECAR_BYTES && !exact_is_utf8(res->body))
		plan.sidecar = options->sidecar;
	*use_sidecar = plan.sidecar.len > 0;
	status = write_as(r, &plan, out);
	if (status == RECORDING_BAD) {
		plan.opaque = true;
		status = write_as(r, &plan, out);
	}
	if (status == RECORDING_BAD)
		return err_new(-EINVAL, "recording: text does not read back");
	return status;
}
