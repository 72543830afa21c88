#include "core/translate.h"

#include "core/answer.h"
#include "http/sse.h"

#include <errno.h>

enum {
	NODES_MAX = 4 << 20,
	NOT_MINE = 1, /* no JSON object, or an error */
};

#define DATA STR("data: ")

struct translating {
	struct source base;
	struct source *inner;
	const struct provider_type *type;
	struct provider_stream *state;
	bool is_stream, ended;
	struct sse_parser sse;
	struct buf in;  /* a whole answer, until it is whole */
	struct buf out; /* handed over until the next read */
};

/* Append what the dialect's object is.  Returns 0, NOT_MINE or -EMSGSIZE. */
static int translate_text(struct translating *tr, struct str text)
{
	static const struct json_limits limits = { .nodes = NODES_MAX };
	struct json_error bad;
	struct json doc;
	int r = NOT_MINE;

	if (json_parse(text, &limits, &doc, &bad) != 0)
		return NOT_MINE;
	if (json_type(&doc, json_root(&doc)) == JSON_OBJECT &&
	    !answer_is_error(&doc))
		r = tr->type->translate(tr->state, &doc, &tr->out);
	json_fini(&doc);
	return r;
}

static int add_event(struct translating *tr, const struct sse_event *ev)
{
	size_t before = tr->out.len;
	int r = buf_add(&tr->out, DATA);

	if (r == 0)
		r = translate_text(tr, ev->data);
	if (r == 0 && tr->out.len > before + DATA.len)
		return buf_add(&tr->out, STR("\n\n"));
	tr->out.len = before;
	return r == NOT_MINE ? buf_add(&tr->out, ev->raw) : r;
}

static int add_events(struct translating *tr)
{
	struct sse_event ev;
	int r = 0, rc = 0;

	while (r == 0 && (rc = sse_next(&tr->sse, &ev)) > 0) {
		if (rc == SSE_EVENT) {
			r = add_event(tr, &ev);
			/* The rest of a CRLF; our events end in LF. */
		} else if (!str_eq(ev.raw, STR("\n"))) {
			r = buf_add(&tr->out, ev.raw);
		}
	}
	return r == 0 && rc < 0 ? rc : r;
}

/* In pieces that the parser can hold, so that its limit is that of an event. */
static int feed(struct translating *tr, struct str data)
{
	int r = 0;

	while (data.len > 0 && r == 0) {
		size_t room = tr->sse.max - sse_rest(&tr->sse).len;

		r = room > 0 ? sse_feed(&tr->sse, str_take(data, room))
			     : -EMSGSIZE;
		data = str_drop(data, room);
		if (r == 0)
			r = add_events(tr);
	}
	return r;
}

/* The last event, or what is left of one that never ended. */
static int end_stream(struct translating *tr)
{
	struct str rest = sse_rest(&tr->sse);
	size_t before = tr->out.len;
	int r;

	if (rest.len > 0)
		return buf_add(&tr->out, rest);
	r = buf_add(&tr->out, DATA);
	if (r == 0)
		r = tr->type->translate(tr->state, NULL, &tr->out);
	if (r == 0 && tr->out.len > before + DATA.len)
		return buf_add(&tr->out, STR("\n\n"));
	tr->out.len = before;
	return r;
}

static int take(struct translating *tr, struct str data)
{
	int r;

	if (data.len > 0 && tr->is_stream)
		return feed(tr, data);
	if (data.len > 0)
		return buf_add(&tr->in, data);
	tr->ended = true;
	if (tr->is_stream)
		return end_stream(tr);
	r = translate_text(tr, buf_str(&tr->in));
	return r == NOT_MINE ? buf_add(&tr->out, buf_str(&tr->in)) : r;
}

static int read_translated(struct task *t, struct source *s, struct str *out)
{
	struct translating *tr = (struct translating *)(void *)s;
	struct str data;
	int r = 0;

	buf_release(&tr->out);
	if (sse_rest(&tr->sse).len == 0)
		sse_relax(&tr->sse);
	while (r == 0 && tr->out.len == 0 && !tr->ended) {
		r = tr->inner->type->read(t, tr->inner, &data);
		if (r == 0)
			r = take(tr, data);
	}
	*out = r == 0 ? buf_str(&tr->out) : STR_NULL;
	return r;
}

static void close_translated(struct source *s)
{
	struct translating *tr = (struct translating *)(void *)s;

	tr->inner->type->close(tr->inner);
	sse_fini(&tr->sse);
	buf_fini(&tr->in);
	buf_fini(&tr->out);
}

static bool claims_stream(const struct source *s)
{
	struct str type = STR("text/event-stream");

	return str_eq_nocase(str_take(http_value(s->head, HTTP_CONTENT_TYPE),
				      type.len),
			     type);
}

static const struct source_type translated = { read_translated,
					       close_translated };

struct source *translate_source(const struct exchange *x, struct source *inner)
{
	const struct config *cfg = x->worker->catalog->registry->config;
	struct translating *tr = arena_zalloc(x->arena, sizeof(*tr));
	size_t max = (size_t)cfg->answer_max;
	const struct provider *p = &x->upstream->provider;
	struct provider_request req = x->request;

	/* A stream that was asked for and did not come is one whole object. */
	req.stream = req.stream && claims_stream(inner);
	tr->state = p->type->translate_begin(p, &req, x->arena);
	if (tr->state == NULL)
		return inner;
	tr->base = (struct source){ &translated, inner->head };
	tr->inner = inner;
	tr->type = p->type;
	tr->is_stream = req.stream;
	sse_init(&tr->sse, (size_t)cfg->event_max);
	buf_init(&tr->in, max);
	buf_init(&tr->out, max);
	return &tr->base;
}
