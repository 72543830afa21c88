#include "api/access.h"

#include "base/log.h"

void access_begin(struct access *a, struct api_call *c)
{
	const struct request *req = c->req;

	a->method = str_take(req->head.method, 16);
	a->path = str_take(req->path, 200);
	if (!log_enabled(LOG_INFO))
		return;
	a->method = arena_str(&c->req->arena, a->method);
	a->path = arena_str(&c->req->arena, a->path);
}

static void count_route(struct metrics *m, size_t route,
			const struct request *req, int64_t now_ns)
{
	struct metrics_route *r = &m->routes[route];

	counter_add(&r->codes[metrics_code(req->status)], 1);
	if (!req->finished)
		counter_add(&r->cut, 1);
	histogram_add(&r->duration, &histogram_time,
		      (uint64_t)(now_ns - req->start_ns));
}

static void count_model(struct metrics *m, const struct api_facts *f,
			const struct request *req, int64_t now_ns)
{
	struct metrics_model *s = metrics_model(m, f->provider, f->series);
	const struct usage *u = &f->usage;

	metrics_tokens(s, METRICS_PROMPT, u->prompt_tokens);
	metrics_tokens(s, METRICS_COMPLETION, u->completion_tokens);
	metrics_tokens(s, METRICS_CACHED, u->cached_tokens);
	metrics_tokens(s, METRICS_REASONING, u->reasoning_tokens);
	if (u->prompt_tokens >= 0) {
		histogram_add(&s->input, &histogram_tokens,
			      (uint64_t)u->prompt_tokens);
	}
	if (u->completion_tokens >= 0) {
		histogram_add(&s->output, &histogram_tokens,
			      (uint64_t)u->completion_tokens);
	}
	if (!req->finished || req->status >= 400)
		counter_add(&s->failures, 1);
	histogram_add(&s->duration, &histogram_time,
		      (uint64_t)(now_ns - req->start_ns));
	if (f->first_token_ns > 0) {
		histogram_add(&s->first_token, &histogram_time,
			      (uint64_t)(f->first_token_ns - req->start_ns));
	}
}

static int64_t us(int64_t ns)
{
	return ns / CLOCK_US;
}

/* Of a request that a model answers; "" for others. */
static struct str model_text(const struct api_call *c)
{
	const struct api_facts *f = &c->facts;
	const struct usage *u = &f->usage;

	if (f->provider.len == 0)
		return STR_NULL;
	return arena_printf(
		&c->req->arena,
		" model=" STR_FMT " provider=" STR_FMT
		" upstream_status=%d attempts=%u prompt_tokens=%lld "
		"completion_tokens=%lld",
		STR_ARG(str_take(f->model, 200)), STR_ARG(f->provider),
		f->upstream_status, f->attempts, (long long)u->prompt_tokens,
		(long long)u->completion_tokens);
}

static void log_line_of(const struct access *a, const struct api_call *c,
			int64_t now)
{
	const struct request *req = c->req;
	struct str model = model_text(c);
	int64_t first = req->first_byte_ns > 0
				? us(req->first_byte_ns - req->start_ns)
				: 0;
	int64_t all = us(now - req->start_ns);

	log_info(STR_FMT " " STR_FMT
			 " status=%d ms=%lld.%03lld first_ms=%lld.%03lld "
			 "out=%llu%s" STR_FMT,
		 STR_ARG(a->method), STR_ARG(a->path), req->status,
		 (long long)all / 1000, (long long)all % 1000,
		 (long long)first / 1000, (long long)first % 1000,
		 (unsigned long long)req->bytes_out,
		 req->finished ? "" : " cut=true", STR_ARG(model));
}

void access_end(const struct access *a, struct api_call *c)
{
	struct metrics *m = c->worker->metrics;
	int64_t now = task_now(c->task);

	count_route(m, c->route, c->req, now);
	if (c->facts.provider.len > 0)
		count_model(m, &c->facts, c->req, now);
	if (c->catalog->registry->config->log_access && log_enabled(LOG_INFO))
		log_line_of(a, c, now);
}

void access_refused(const struct request *req)
{
	const struct worker *w = req->user;
	struct metrics_route *r = &w->metrics->routes[route_count()];

	counter_add(&r->codes[metrics_code(req->status)], 1);
}
