/*
 * source - where the bytes of one attempt's answer come from; private to core.
 *
 * The network, a provider that answers by itself, or a recording.
 */
#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

#include "core/exchange.h"

/*
 * The request of one attempt, in x's arena; the credentials were taken.
 * Returns 0 or SOURCE_REFUSED.
 */
must_check int source_request(struct exchange *x, int64_t now_ns,
			      struct client_request *out);

struct source_type {
	/* 0, a client_outcome, or -errno; no data is the end. */
	int (*read)(struct task *t, struct source *s, struct str *data);
	void (*close)(struct source *s);
};

struct source {
	const struct source_type *type;
	const struct http_head *head; /* NULL: a local 200 */
};

/*
 * Wait until end_ns, watching the exchange's client and ticking as the network
 * does.  Returns 0, a client_outcome, or -ECANCELED.
 */
must_check int source_wait(struct task *t, const struct exchange *x,
			   int64_t end_ns);

/*
 * Start one attempt.  Returns 0 with *out, a client_outcome, EXCHANGE errors
 * as -errno with *stage, or API_FAIL with x->error for what no retry can mend.
 */
enum {
	SOURCE_REFUSED = 16
};
must_check int source_open(struct task *t, struct exchange *x,
			   struct source **out, enum client_stage *stage);

#endif
