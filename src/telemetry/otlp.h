/*
 * otlp - spans and metrics in OTLP's JSON encoding.
 *
 *	otlp_span(&w, &span);
 *	otlp_attr_str(&w, STR("http.route"), route);
 *	otlp_span_end(&w, OTLP_UNSET, STR_NULL);
 *
 *	otlp_begin(&w, &resource, OTLP_SPANS);
 *	json_add_raw(&w, span_text);
 *	otlp_end(&w);
 *
 * https://opentelemetry.io/docs/specs/otlp/: ids are hexadecimal, 64-bit numbers
 * are texts, enumerations are numbers.
 */
#ifndef TELEMETRY_OTLP_H
#define TELEMETRY_OTLP_H

#include "telemetry/metrics.h"
#include "telemetry/metrics_text.h"
#include "telemetry/trace.h"
#include "json/writer.h"

struct otlp_resource {
	struct str service;  /* service.name */
	struct str instance; /* service.instance.id */
};

enum otlp_kind {
	OTLP_SERVER = 2,
	OTLP_CLIENT = 3,
};

enum otlp_status {
	OTLP_UNSET = 0,
	OTLP_ERROR = 2,
};

struct otlp_span {
	const struct trace_context *own;
	struct str parent; /* span id, or "" */
	struct str state;  /* tracestate, or "" */
	enum otlp_kind kind;
	struct str name;
	int64_t start_ns, end_ns; /* wall */
};

/* Begin a span; attributes follow. */
void otlp_span(struct json_writer *w, const struct otlp_span *s);
void otlp_span_end(struct json_writer *w, enum otlp_status status,
		   struct str message);

void otlp_attr_str(struct json_writer *w, struct str key, struct str value);
void otlp_attr_int(struct json_writer *w, struct str key, int64_t value);

/* The message around spans, or around metrics. */
enum otlp_signal {
	OTLP_SPANS,
	OTLP_METRICS,
};
void otlp_begin(struct json_writer *w, const struct otlp_resource *r,
		enum otlp_signal signal);
void otlp_end(struct json_writer *w);

/* The metrics of m, all cumulative, between otlp_begin() and otlp_end(). */
struct otlp_period {
	int64_t start_ns, now_ns; /* wall */
	bool tls;                 /* requests come over TLS */
};
void otlp_metrics(struct json_writer *w, const struct metrics *m,
		  const struct metrics_route_name *names,
		  const struct otlp_period *period);

#endif
