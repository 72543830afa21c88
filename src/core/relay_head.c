#include "core/relay_head.h"

#include "core/answer.h"
#include "core/edge.h"
#include "core/images.h"

/* Which fields of the upstream's answer are the client's business. */
static bool passes(const struct http_header *h)
{
	static const struct str prefixes[] = {
		STR_INIT("x-ratelimit-"),   STR_INIT("x-request-id"),
		STR_INIT("retry-after"),    STR_INIT("openai-"),
		STR_INIT("x-ms-"),          STR_INIT("apim-"),
		STR_INIT("anthropic-"),     STR_INIT("request-id"),
		STR_INIT("x-amzn-"),        STR_INIT("x-groq-"),
		STR_INIT("x-should-retry"),
	};
	char first = str_lower(h->name.ptr[0]);

	for (size_t i = 0; i < countof(prefixes); i++) {
		struct str p = prefixes[i];

		if (first == p.ptr[0] && h->name.len >= p.len &&
		    str_eq_nocase(str_take(h->name, p.len), p))
			return true;
	}
	return false;
}

static bool is_timed(const struct relay *r)
{
	return r->x->worker->catalog->registry->config->server_timing;
}

void relay_head_asked(struct relay *r)
{
	if (is_timed(r))
		r->asked_ns = clock_monotonic();
}

void relay_head_answered(struct relay *r)
{
	if (is_timed(r))
		r->answered_ns = clock_monotonic();
}

static double ms(int64_t ns)
{
	return ns > 0 ? (double)ns / CLOCK_MS : 0;
}

/*
 * What of the time until now the upstream took, and what is ours.  The loop's
 * own clock stands still while it works, which is what is to be measured.
 */
__attribute__((noinline)) static void add_timing(struct relay *r)
{
	int64_t now = clock_monotonic();
	int64_t total = now - r->req->start_ns;
	/* A ping may begin the head, before there is an answer. */
	int64_t upstream =
		(r->answered_ns > 0 ? r->answered_ns : now) - r->asked_ns;

	request_header(r->req, STR("server-timing"),
		       arena_printf(&r->req->arena,
				    "total;dur=%.3f, upstream;dur=%.3f, "
				    "gateway;dur=%.3f",
				    ms(total), ms(upstream),
				    ms(total - upstream)));
}

/* Who has answered, and at which attempt. */
static void add_route(struct request *req, const struct exchange *x)
{
	static const char digits[] = "0123456789";
	unsigned n = x->attempts;
	struct str text = { &digits[n % 10], 1 };

	if (n > 9)
		text = arena_printf(&req->arena, "%u", n);
	request_header(req, STR("x-quipu-provider"), x->upstream->provider.id);
	request_header(req, STR("x-quipu-attempts"), text);
}

/* What recordings had to do with it. */
__attribute__((noinline)) static void
add_replay(struct request *req, const struct edge *e, bool is_certain)
{
	const struct {
		struct str name, value;
	} fields[] = {
		{ STR("x-replay-status"), str_of(edge_status_name(e->status)) },
		{ STR("x-replay-id"), e->id },
		{ STR("x-replay-key"), e->key },
		{ STR("x-replay-match"), str_of(e->match) },
	};

	if (!is_certain && e->status != EDGE_MISS &&
	    e->status != EDGE_EXHAUSTED)
		return;
	for (size_t i = 0; i < countof(fields); i++) {
		if (fields[i].value.len > 0)
			request_header(req, fields[i].name, fields[i].value);
	}
	if (e->age_s >= 0) {
		request_header(req, STR("x-replay-age"),
			       arena_printf(&req->arena, "%lld",
					    (long long)e->age_s));
	}
	/* To ask again would not help. */
	if (e->status == EDGE_MISS || e->status == EDGE_EXHAUSTED)
		request_header(req, STR("x-should-retry"), STR("false"));
}

void relay_head_tell(struct request *req, const struct exchange *x,
		     bool is_certain)
{
	/* A ping may have gone out before anybody has answered. */
	if (is_certain)
		add_route(req, x);
	if (x->edge != NULL)
		add_replay(req, x->edge, is_certain);
}

void relay_head_begin(struct relay *r, int status, struct str type)
{
	const struct http_head *head = r->x->head;
	bool has_id = false;

	request_start(r->req, status, type);
	relay_head_tell(r->req, r->x, r->committed);
	for (size_t i = 0; head != NULL && i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];

		if (h->id == HTTP_X_REQUEST_ID)
			has_id = true;
		if (passes(h))
			request_header(r->req, h->name, h->value);
	}
	if (!has_id)
		request_header(r->req, STR("x-request-id"), request_id(r->req));
	if (is_timed(r))
		add_timing(r);
}

void relay_head_stream(struct relay *r)
{
	struct str type = STR("text/event-stream");

	if (r->x->head != NULL && answer_claims_stream(r->x))
		type = http_value(r->x->head, HTTP_CONTENT_TYPE);
	relay_head_begin(r, 200, type);
	request_header(r->req, STR("cache-control"), STR("no-cache"));
	request_header(r->req, STR("x-accel-buffering"), STR("no"));
	r->req->last_words =
		STR("data: {\"error\":{\"message\":\"The server is shutting "
		    "down.\",\"type\":\"server_error\",\"param\":null,"
		    "\"code\":\"shutting_down\"}}\n\n");
}

void relay_release(struct relay *r)
{
	if (r->on_commit != NULL)
		r->on_commit(r->commit_arg);
	r->on_commit = NULL;
	/* A provider that answers by itself still reads it. */
	if (r->x->head != NULL)
		images_drop(r->x);
}

void relay_commit(struct relay *r)
{
	r->committed = true;
	relay_release(r);
}
