/*
 * dial - open a connection to an origin: name, TCP or UNIX, proxy, TLS.
 *
 *	r = dial_open(t, origin, deadline, &stage, &io);
 *
 * A name's addresses are tried in the resolver's order; each gets an equal
 * share of the time that is left.
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include "net/client.h"

/*
 * Returns 0 with *out, or -errno with *stage; err_text() says why, but not
 * whereto.
 */
must_check int dial_open(struct task *t, const struct client_origin *to,
			 int64_t deadline_ns, enum client_stage *stage,
			 struct io **out);

/*
 * As dial_open(), but returns CLIENT_HUNG_UP when watch hangs up meanwhile.
 * watch may be NULL.
 */
must_check int dial_watched(struct task *t, const struct client_request *req,
			    int64_t deadline_ns, enum client_stage *stage,
			    struct io **out);

#endif
