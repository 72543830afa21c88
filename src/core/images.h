/*
 * images - pictures fetched for upstreams that cannot; private to core.
 *
 * The address of a picture comes from a client, and fetching it is a request of
 * this machine's: without limits a client could reach what only this machine
 * can.  So a picture is fetched by http or https on a new connection without a
 * proxy, only from addresses that the name was resolved to and that are public;
 * that is looked at anew for each of a few redirections.  Size, type, number and
 * time have limits.  The picture then stands in the request as a data URL.
 */
#ifndef CORE_IMAGES_H
#define CORE_IMAGES_H

#include "core/exchange.h"

enum {
	IMAGES_MAX = 16,          /* of one request */
	IMAGES_AT_ONCE = 4,       /* of these */
	IMAGES_REDIRECTS_MAX = 3, /* of each */
};

/*
 * Before an attempt: put pictures into x->request.doc, if the upstream's kind
 * wants that and there are any.  Returns 0, or EXCHANGE_FAILED with x->error (a
 * 400 that names the member).
 */
must_check int images_fetch(struct task *t, struct exchange *x);

/* Give back what was fetched; x->request.doc is NULL then if it was that. */
void images_drop(struct exchange *x);

#endif
