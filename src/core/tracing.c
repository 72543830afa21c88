#include "core/tracing.h"

#include "core/exchange.h"
#include "provider/raw.h"
#include "telemetry/genai.h"

#include <stdlib.h>

enum {
	SPAN_MAX = 16 * 1024,
	SPAN_USUAL = 2048,
	ATTR_MAX = 256 /* bytes of a name or path */
};

/* Two of them are as good as none (W3C Trace Context 3.2). */
static struct str context_of(const struct http_head *head)
{
	struct str name = STR("traceparent"), found = STR_NULL;

	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];

		if (h->name.len != name.len || !str_eq_nocase(h->name, name))
			continue;
		if (found.len > 0)
			return STR_NULL;
		found = h->value;
	}
	return found;
}

/* Several fields are one list; what is too long is left out whole. */
static struct str state_of(const struct http_head *head, struct arena *a)
{
	struct str state = STR_NULL, name = STR("tracestate");

	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];

		if (!str_eq_nocase(h->name, name) || h->value.len == 0)
			continue;
		state = state.len == 0
				? arena_str(a, h->value)
				: arena_join(a,
					     (struct str[]){ state, STR(","),
							     h->value },
					     3);
		if (!trace_state_is_good(state))
			return STR_NULL;
	}
	return state;
}

struct tracing *tracing_begin(const struct worker *w, struct request *req)
{
	struct str value = context_of(&req->head);
	struct trace_context parent;
	bool has_parent = value.len > 0 && trace_parse(value, &parent);
	struct tracing *trace;

	if (w->tracer == NULL && !has_parent)
		return NULL;
	trace = arena_zalloc(&req->arena, sizeof(*trace));
	trace->tracer = w->tracer;
	trace->arena = &req->arena;
	trace->sends = w->catalog->registry->config->trace_propagate;
	trace->has_parent = has_parent;
	if (has_parent) {
		trace->parent = parent;
		trace->state = state_of(&req->head, &req->arena);
		trace_child(&parent, &trace->own);
	} else {
		trace_new(&trace->own);
	}
	if (trace->tracer == NULL)
		return trace;
	trace->own.sampled =
		trace_is_sampled(&trace->tracer->sampler,
				 has_parent ? &parent : NULL, &trace->own);
	trace->start_ns = clock_wall();
	return trace;
}

void tracing_attempt(struct tracing *trace)
{
	if (trace == NULL || trace->tracer == NULL)
		return;
	trace_child(&trace->own, &trace->attempt);
	trace->attempt_ns = clock_wall();
}

void tracing_headers(const struct tracing *trace, struct provider_call *call)
{
	char *text;

	if (trace == NULL || !trace->sends ||
	    call->header_count + 2 > PROVIDER_HEADERS_MAX)
		return;
	text = arena_alloc(trace->arena, TRACE_TEXT_LEN);
	provider_call_header(call, STR("traceparent"),
			     trace_text(trace->tracer != NULL ? &trace->attempt
							      : &trace->parent,
					text));
	if (trace->state.len > 0)
		provider_call_header(call, STR("tracestate"), trace->state);
}

static bool is_recorded(const struct tracing *trace)
{
	return trace != NULL && trace->tracer != NULL && trace->own.sampled;
}

/* Hand a span over; one that is too large, or meets a full box, is lost. */
static void put(struct tracer *tracer, struct json_writer *w)
{
	struct str text = buf_str(w->out);
	struct mailbox_text *m;

	if (json_writer_done(w) < 0)
		return;
	m = xmalloc(sizeof(*m) + text.len);
	m->len = text.len;
	memcpy(m->text, text.ptr, text.len);
	if (!mailbox_put(&tracer->box, m))
		free(m);
	if (mailbox_len(&tracer->box) == MAILBOX_MAX / 2)
		tracer->wake(tracer->arg);
}

static void begin(struct json_writer *w, struct buf *out)
{
	buf_init(out, SPAN_MAX);
	(void)!buf_reserve(out, SPAN_USUAL);
	json_writer_init(w, out);
}

static void add_usage(struct json_writer *w, const struct usage *u)
{
	if (u == NULL)
		return;
	if (u->prompt_tokens >= 0)
		otlp_attr_int(w, STR("gen_ai.usage.input_tokens"),
			      u->prompt_tokens);
	if (u->completion_tokens >= 0)
		otlp_attr_int(w, STR("gen_ai.usage.output_tokens"),
			      u->completion_tokens);
}

/* What is passed on as it is has no model and no operation. */
static struct str attempt_name(const struct exchange *x, struct arena *a)
{
	if (x->request.op == LLM_RAW)
		return x->request.raw->method;
	return arena_printf(a, STR_FMT " " STR_FMT,
			    STR_ARG(genai_operation(x->request.op)),
			    STR_ARG(str_take(x->request.model, ATTR_MAX)));
}

static void add_attempt(struct json_writer *w, const struct exchange *x,
			struct str failure)
{
	const struct provider *p = &x->upstream->provider;
	bool raw = x->request.op == LLM_RAW;

	if (!raw) {
		otlp_attr_str(w, STR("gen_ai.operation.name"),
			      genai_operation(x->request.op));
		otlp_attr_str(w, STR("gen_ai.request.model"),
			      str_take(x->request.model, ATTR_MAX));
	}
	otlp_attr_str(w, STR("gen_ai.provider.name"),
		      genai_provider(str_of(p->type->name)));
	otlp_attr_str(w, STR("quipu.provider.id"), p->id);
	if (x->upstream->origin != NULL) {
		otlp_attr_str(w, STR("server.address"),
			      x->via->provider.base.host);
		otlp_attr_int(w, STR("server.port"),
			      x->via->provider.base.port);
		otlp_attr_str(w, STR("http.request.method"),
			      raw ? x->request.raw->method : STR("POST"));
	}
	if (x->status > 0)
		otlp_attr_int(w, STR("http.response.status_code"), x->status);
	if (x->attempts > 1)
		otlp_attr_int(w, STR("http.request.resend_count"),
			      x->attempts - 1);
	if (failure.len > 0)
		otlp_attr_str(w, STR("error.type"), failure);
	add_usage(w, x->usage);
}

void tracing_attempt_end(struct tracing *trace, const struct exchange *x,
			 struct str failure)
{
	struct json_writer w;
	struct buf out;
	struct otlp_span span;

	if (!is_recorded(trace) || trace->attempt_ns == 0)
		return;
	if (failure.len == 0 && x->status >= 400)
		failure = arena_printf(trace->arena, "%d", x->status);
	span = (struct otlp_span){
		.own = &trace->attempt,
		.parent = { trace->own.span, TRACE_SPAN_LEN },
		.state = trace->state,
		.kind = OTLP_CLIENT,
		.name = attempt_name(x, trace->arena),
		.start_ns = trace->attempt_ns,
		.end_ns = clock_wall(),
	};
	begin(&w, &out);
	otlp_span(&w, &span);
	add_attempt(&w, x, failure);
	otlp_span_end(&w, failure.len > 0 ? OTLP_ERROR : OTLP_UNSET, STR_NULL);
	put(trace->tracer, &w);
	buf_fini(&out);
	trace->attempt_ns = 0;
}

static void add_request(struct json_writer *w, const struct tracing_request *r,
			struct str failure)
{
	otlp_attr_str(w, STR("http.request.method"), r->method);
	if (r->route.len > 0)
		otlp_attr_str(w, STR("http.route"), r->route);
	otlp_attr_str(w, STR("url.path"), r->path);
	otlp_attr_str(w, STR("url.scheme"),
		      r->tls ? STR("https") : STR("http"));
	otlp_attr_str(w, STR("quipu.request.id"), context_request_id());
	if (r->status > 0)
		otlp_attr_int(w, STR("http.response.status_code"), r->status);
	if (failure.len > 0)
		otlp_attr_str(w, STR("error.type"), failure);
}

/* What the conventions call an error of a server: not what a client did. */
static struct str failure_of(const struct tracing_request *r, struct arena *a)
{
	if (r->status >= 500)
		return arena_printf(a, "%d", r->status);
	return r->finished ? STR_NULL : STR("cut");
}

void tracing_end(struct tracing *trace, const struct tracing_request *r)
{
	struct json_writer w;
	struct buf out;
	struct otlp_span span;
	struct str failure;

	if (!is_recorded(trace))
		return;
	failure = failure_of(r, trace->arena);
	span = (struct otlp_span){
		.own = &trace->own,
		.state = trace->state,
		.kind = OTLP_SERVER,
		.name = r->route.len > 0
				? arena_join(trace->arena,
					     (struct str[]){ r->method,
							     STR(" "),
							     r->route },
					     3)
				: r->method,
		.start_ns = trace->start_ns,
		.end_ns = clock_wall(),
	};
	if (trace->has_parent)
		span.parent =
			(struct str){ trace->parent.span, TRACE_SPAN_LEN };
	begin(&w, &out);
	otlp_span(&w, &span);
	add_request(&w, r, failure);
	otlp_span_end(&w, failure.len > 0 ? OTLP_ERROR : OTLP_UNSET, STR_NULL);
	put(trace->tracer, &w);
	buf_fini(&out);
}
