/*
 * prometheus - metrics in Prometheus' text format, version 0.0.4.
 *
 *	struct prometheus p = { .out = &out };
 *
 *	prometheus_family(&p, "quipu_tokens_total", "counter", "Tokens.");
 *	prometheus_value(&p, labels, countof(labels), n);
 *	r = prometheus_done(&p);
 *
 * All samples of a family follow it.
 */
#ifndef TELEMETRY_PROMETHEUS_H
#define TELEMETRY_PROMETHEUS_H

#include "base/buf.h"
#include "telemetry/histogram.h"

#define PROMETHEUS_TYPE STR("text/plain; version=0.0.4; charset=utf-8")

struct prometheus {
	struct buf *out;
	const char *family; /* private, as error */
	int error;
};

struct prometheus_label {
	const char *name;
	struct str value; /* any bytes */
};

/* Begin a family: its HELP and TYPE lines.  help is one plain line. */
void prometheus_family(struct prometheus *p, const char *name, const char *type,
		       const char *help);

/* A sample of a counter or a gauge. */
void prometheus_value(struct prometheus *p,
		      const struct prometheus_label *labels, size_t count,
		      uint64_t value);
void prometheus_double(struct prometheus *p, double value);

/* All samples of one histogram. */
void prometheus_histogram(struct prometheus *p,
			  const struct prometheus_label *labels, size_t count,
			  const struct histogram_scale *scale,
			  const struct histogram *h);

/* Returns 0, or -EMSGSIZE when the buffer's limit was passed on the way. */
must_check int prometheus_done(const struct prometheus *p);

#endif
