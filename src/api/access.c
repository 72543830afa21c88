#include "api/access.h"

#include "base/log.h"

enum {
	LINE_MAX_BYTES = 4096,
	LINE_USUAL = 512,
	MODEL_MAX = 200 /* bytes of a model's name in the log */
};

void access_begin(struct access *a, struct api_call *c)
{
	const struct request *req = c->req;

	a->method = str_take(req->head.method, 16);
	a->path = str_take(req->path, 200);
	a->text_len = a->method.len + 1 + a->path.len;
	a->bytes_in = req->body.len;
	c->trace = tracing_begin(c->worker, c->req);
	if (!log_enabled(LOG_INFO) && c->trace == NULL)
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
	struct metrics_model *s =
		metrics_model(m, &(struct metrics_names){
					 .provider = f->provider,
					 .kind = f->kind,
					 .operation = f->operation,
					 .model = f->series });
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

/*
 * What a line has room for it gets.  It is written here, not printed: a line per
 * request is the most frequent text there is.
 */
static void add(struct buf *out, struct str s)
{
	(void)!buf_add(out, s);
}

static void add_number(struct buf *out, uint64_t n, unsigned digits_min)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0 || sizeof(text) - at < digits_min);
	add(out, (struct str){ text + at, sizeof(text) - at });
}

/* key is " key=". */
static void add_ms(struct buf *out, struct str key, int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)(ns / CLOCK_US) : 0;

	add(out, key);
	add_number(out, us / 1000, 1);
	add(out, STR("."));
	add_number(out, us % 1000, 3);
}

static void add_count(struct buf *out, struct str key, int64_t n)
{
	if (n < 0)
		return;
	add(out, key);
	add_number(out, (uint64_t)n, 1);
}

/* Of a request that a model answers. */
static void add_model(struct buf *out, const struct api_call *c)
{
	const struct api_facts *f = &c->facts;
	const struct usage *u = &f->usage;

	if (f->model.len > 0) {
		add(out, STR(" model="));
		add(out, str_take(f->model, MODEL_MAX));
	}
	add(out, STR(" provider="));
	add(out, f->provider);
	add_count(out, STR(" upstream_status="), f->upstream_status);
	add_count(out, STR(" attempts="), f->attempts);
	if (f->first_token_ns > 0)
		add_ms(out, STR(" ttft_ms="),
		       f->first_token_ns - c->req->start_ns);
	add_count(out, STR(" prompt_tokens="), u->prompt_tokens);
	add_count(out, STR(" completion_tokens="), u->completion_tokens);
	add_count(out, STR(" cached_tokens="), u->cached_tokens);
	add_count(out, STR(" reasoning_tokens="), u->reasoning_tokens);
}

static struct str route_text(const struct api_call *c)
{
	return c->route < route_count() ? routes[c->route].path : METRICS_OTHER;
}

__attribute__((noinline)) static void
tell(const struct access *a, const struct api_call *c, int64_t now)
{
	const struct request *req = c->req;
	struct buf out;

	buf_init(&out, LINE_MAX_BYTES);
	(void)!buf_reserve(&out, LINE_USUAL);
	add(&out, a->method);
	add(&out, STR(" "));
	add(&out, a->path);
	add(&out, STR(" route="));
	add(&out, route_text(c));
	add_count(&out, STR(" status="), req->status);
	add_ms(&out, STR(" ms="), now - req->start_ns);
	if (req->first_byte_ns > 0)
		add_ms(&out, STR(" first_ms="),
		       req->first_byte_ns - req->start_ns);
	add_count(&out, STR(" in="), (int64_t)a->bytes_in);
	add_count(&out, STR(" out="), (int64_t)req->bytes_out);
	if (!req->finished)
		add(&out, STR(" cut=true"));
	if (c->facts.provider.len > 0)
		add_model(&out, c);
	log_fields(LOG_INFO, str_take(buf_str(&out), a->text_len),
		   str_drop(buf_str(&out), a->text_len));
	buf_fini(&out);
}

static void end_trace(const struct access *a, const struct api_call *c)
{
	const struct request *req = c->req;
	struct tracing_request r = { .method = a->method,
				     .path = a->path,
				     .status = req->status,
				     .finished = req->finished };

	r.tls = c->catalog->registry->config->tls_cert.len > 0;
	if (c->route < route_count())
		r.route = route_text(c);
	tracing_end(c->trace, &r);
}

void access_end(const struct access *a, struct api_call *c)
{
	struct metrics *m = c->worker->metrics;
	int64_t now = task_now(c->task);

	count_route(m, c->route, c->req, now);
	if (c->facts.provider.len > 0)
		count_model(m, &c->facts, c->req, now);
	if (c->catalog->registry->config->log_access && log_enabled(LOG_INFO))
		tell(a, c, now);
	if (c->trace != NULL)
		end_trace(a, c);
}

void access_refused(const struct request *req)
{
	const struct worker *w = req->user;
	struct metrics_route *r = &w->metrics->routes[route_count()];

	counter_add(&r->codes[metrics_code(req->status)], 1);
}
