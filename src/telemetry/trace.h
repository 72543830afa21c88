/*
 * trace - who a request belongs to, as W3C Trace Context says it.
 *
 *	if (trace_parse(value, &parent))
 *		trace_child(&parent, &own);
 *	else
 *		trace_new(&own);
 *	text = trace_text(&own, out);
 *
 * https://www.w3.org/TR/trace-context/, level 1.  Ids are kept as the lower-case
 * hexadecimal digits that they are sent as.
 */
#ifndef TELEMETRY_TRACE_H
#define TELEMETRY_TRACE_H

#include "base/str.h"

enum {
	TRACE_ID_LEN = 32,
	TRACE_SPAN_LEN = 16,
	TRACE_TEXT_LEN = 55,
	TRACE_STATE_MAX = 512,
};

struct trace_context {
	char trace[TRACE_ID_LEN];
	char span[TRACE_SPAN_LEN];
	bool sampled;
};

/*
 * Read a traceparent.  Strict: version 00 is exactly 55 bytes, a later one may
 * have more after a dash; ff, ids of zeroes and upper case are refused.  Returns
 * false, and leaves out alone, when the value is to be ignored.
 */
bool trace_parse(struct str value, struct trace_context *out);

/* The value to send: version 00, of flags only "sampled". */
struct str trace_text(const struct trace_context *c, char out[TRACE_TEXT_LEN]);

/* A trace that begins here; not sampled yet. */
void trace_new(struct trace_context *out);

/* A span below parent's, in its trace, sampled if it is. */
void trace_child(const struct trace_context *parent, struct trace_context *out);

/*
 * May a tracestate be passed on?  Visible ASCII, spaces, tabs; not empty, and
 * at most TRACE_STATE_MAX bytes, as the standard wants all to carry.
 */
bool trace_state_is_good(struct str value);

/* Which traces are recorded: OTEL_TRACES_SAMPLER. */
struct trace_sampler {
	bool by_parent; /* as it is decided, if there is a parent */
	uint64_t limit; /* of 2^56: what share of the others */
};

/* name: "parentbased_traceidratio", ...; ratio: 0 to 1, of *traceidratio. */
struct trace_sampler trace_sampler(struct str name, double ratio);

/* Decide for own; parent is NULL when the trace begins here. */
bool trace_is_sampled(const struct trace_sampler *s,
		      const struct trace_context *parent,
		      const struct trace_context *own);

#endif
