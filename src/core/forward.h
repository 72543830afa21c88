/*
 * forward - a request passed on to an upstream as it is, and its answer back.
 *
 *	forward_init(&f, req, worker, upstream);
 *	f.path = STR("/audio/speech");
 *	forward_run(t, &f);
 *
 * Both bodies go through as they come, in their own coding, with one block of
 * memory each way; a slow side slows the other.  The upstream's answer ends an
 * upload that is still under way.  One attempt is made, since what was sent of a
 * body is gone, and statuses mean what the upstream means by them.
 *
 * A body of up to 64 KB with a known length is read first and sent whole: then a
 * pooled connection can be used.  So is one that the provider has to sign, as
 * far as server.limits.body allows.
 */
#ifndef CORE_FORWARD_H
#define CORE_FORWARD_H

#include "core/exchange.h"
#include "net/reply.h"
#include "provider/raw.h"

struct forward {
	/* Set by the caller. */
	struct str path;  /* below the base URL; url_stays_below() */
	struct str query; /* without '?' */
	const struct provider_data *data; /* the client's, or NULL */
	uint64_t body_max;                /* 0: any */
	bool own_cors; /* the upstream's is not the client's */

	struct exchange x; /* its status and attempts, for the log */

	/* Private. */
	struct request *req;
	struct provider_raw raw;
	struct client_request request;
	struct client_body body;
	struct client_response *res;
};

void forward_init(struct forward *f, struct request *req, struct worker *w,
		  const struct upstream *u);

/* Answer the request, whatever happens. */
void forward_run(struct task *t, struct forward *f);

#endif
