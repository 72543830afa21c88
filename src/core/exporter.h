/*
 * exporter - spans and metrics to an OTLP collector, over HTTP with JSON.
 *
 *	r = exporter_new(&cfg, &exporter, &error);	(NULL: not asked)
 *	worker->tracer = exporter_tracer(exporter, i);
 *	task_spawn(first->loop, "telemetry", exporter_run, exporter);
 *	...
 *	exporter_stop(exporter, deadline);
 *	exporter_free(exporter);
 *
 * One task on the first worker's loop sends what all workers put into their
 * mailboxes, in batches.  What does not fit into a mailbox is lost and counted;
 * no worker ever waits.  A batch that cannot be delivered is sent again a few
 * times, then it is lost and counted as well.
 */
#ifndef CORE_EXPORTER_H
#define CORE_EXPORTER_H

#include "core/tracing.h"

struct exporter;

struct exporter_cfg {
	struct config *config;
	const struct worker_team *team;
	const struct metrics_route_name *routes; /* outlive the exporter */
	size_t route_count;
	struct arena *arena; /* for an error's text */
};

/*
 * Returns 0, with *out NULL when the configuration asks for nothing, or API_FAIL
 * with a message for the operator.  Reads files.
 */
must_check int exporter_new(const struct exporter_cfg *cfg,
			    struct exporter **out, struct api_error *error);

/* Of worker i, or NULL when there are no traces. */
struct tracer *exporter_tracer(struct exporter *e, size_t i);

/* A task for the first worker's loop; arg is the exporter. */
void exporter_run(struct task *t, void *arg);

/*
 * On that loop: end when all workers are idle, or at the deadline, after a last
 * delivery that takes a few seconds at most.
 */
void exporter_stop(struct exporter *e, int64_t deadline_ns);

/* May be asked by any thread.  Spans that were lost, and that were delivered. */
struct exporter_stats {
	uint64_t delivered, lost, failures;
};
struct exporter_stats exporter_stats(const struct exporter *e);

/* When no task is left that uses it; e may be NULL. */
void exporter_free(struct exporter *e);

#endif
