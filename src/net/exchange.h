/*
 * exchange - one request and the head of its answer, on one connection.
 *
 * Private to the client.
 */
#ifndef NET_EXCHANGE_H
#define NET_EXCHANGE_H

#include "net/conn.h"

/*
 * Send c->out_head and the body, and read the answer's head.  An answer that
 * comes before all was sent ends the sending.  Returns 0, a client_outcome, or
 * -errno with c->stage and c->died set.
 */
must_check int exchange_run(struct task *t, struct conn *c,
			    const struct client_request *req);

#endif
