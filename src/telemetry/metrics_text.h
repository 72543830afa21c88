/*
 * metrics_text - what was counted, as Prometheus reads it.
 *
 * docs/metrics.md lists the names; they are an interface.
 */
#ifndef TELEMETRY_METRICS_TEXT_H
#define TELEMETRY_METRICS_TEXT_H

#include "telemetry/metrics.h"
#include "telemetry/prometheus.h"

struct metrics_route_name {
	struct str method, path;
};

/*
 * All series of m.  names has m->route_count entries: those of the routes; what
 * met none of them is the last in m.
 */
void metrics_text(struct prometheus *p, const struct metrics *m,
		  const struct metrics_route_name *names);

#endif
