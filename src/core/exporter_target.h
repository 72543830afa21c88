/*
 * exporter_target - where one kind of telemetry goes; private to exporter.
 */
#ifndef CORE_EXPORTER_TARGET_H
#define CORE_EXPORTER_TARGET_H

#include "core/worker.h"

enum exporter_signal {
	EXPORTER_TRACES,
	EXPORTER_METRICS,
};

enum {
	EXPORTER_HEADERS_MAX = 16
};

struct exporter_target {
	const struct client_origin *origin; /* a reference; NULL: not wanted */
	struct str path;
	struct http_header headers[EXPORTER_HEADERS_MAX];
	size_t header_count;
	struct arena arena; /* of the texts above */
};

bool exporter_target_is_wanted(const struct config *c,
			       enum exporter_signal signal);

/*
 * From the configuration: the signal's own endpoint as it is, or the common one
 * with /v1/traces or /v1/metrics behind it.  Returns 0, also when it is not
 * wanted, or API_FAIL with a message for the operator.
 */
must_check int exporter_target_init(struct exporter_target *x,
				    const struct config *c,
				    enum exporter_signal signal,
				    struct arena *a, struct api_error *error);
void exporter_target_fini(struct exporter_target *x);

/*
 * Send one message.  Returns the answer's status, 0 when none came; then
 * err_text() says why.  *wait_ns is what Retry-After asks for, or 0.
 */
struct exporter_message {
	struct str body;
	int64_t deadline_ns;
	/* Asked every second or so; != 0 gives up. */
	int (*tick)(struct task *t, void *arg);
	void *tick_arg;
};
int exporter_target_send(struct task *t, const struct exporter_target *x,
			 struct client *client,
			 const struct exporter_message *m, int64_t *wait_ns);

#endif
