/*
 * tracing - the spans of a request: its own, and one for each attempt.
 *
 *	trace = tracing_begin(worker, req);	(NULL: nothing to do)
 *	tracing_attempt(trace, ...);
 *	tracing_headers(trace, call);
 *	tracing_attempt_end(trace, ...);
 *	tracing_end(trace, ...);
 *
 * Spans are written as OTLP where they end, and put into the worker's mailbox
 * for the exporter.  Without an exporter a client's own context is passed on as
 * it came.  No prompt and no answer is ever in a span.
 */
#ifndef CORE_TRACING_H
#define CORE_TRACING_H

#include "core/worker.h"
#include "llm/usage.h"
#include "telemetry/mailbox.h"
#include "telemetry/otlp.h"

/* Of a worker; owned by the exporter. */
struct tracer {
	struct trace_sampler sampler;
	struct mailbox box;
	void (*wake)(void *arg); /* the box is half full */
	void *arg;
};

/* Of a request, in its arena. */
struct tracing {
	struct tracer *tracer; /* NULL: only passed on */
	struct arena *arena;
	bool has_parent;
	struct trace_context parent, own, attempt;
	struct str state;   /* the client's tracestate, or "" */
	int64_t start_ns;   /* wall */
	int64_t attempt_ns; /* wall; 0: no attempt is under way */
	bool sends;         /* contexts go upstream */
};

/*
 * Read the client's context and decide.  Returns NULL when there is neither a
 * tracer nor a context.
 */
struct tracing *tracing_begin(const struct worker *w, struct request *req);

struct exchange;

/* All take a NULL trace.  An attempt begins; its context goes along with call. */
void tracing_attempt(struct tracing *trace);
void tracing_headers(const struct tracing *trace, struct provider_call *call);

/* It has ended, if one is under way; failure is "" or a short word. */
void tracing_attempt_end(struct tracing *trace, const struct exchange *x,
			 struct str failure);

struct tracing_request {
	struct str method, route, path;
	bool tls;
	int status;
	bool finished;
};
void tracing_end(struct tracing *trace, const struct tracing_request *r);

#endif
