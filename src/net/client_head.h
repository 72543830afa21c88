/*
 * client_head - the head of a request, made; and of an answer, read.
 *
 * Private to the client.
 */
#ifndef NET_CLIENT_HEAD_H
#define NET_CLIENT_HEAD_H

#include "net/conn.h"

/*
 * The whole head into c->out_head; sets c->coded.  Returns 0, or -EINVAL or
 * -EMSGSIZE when the request cannot be sent.  keep: the connection may be
 * pooled.
 */
must_check int client_head_make(struct conn *c,
				const struct client_request *req, bool keep);

enum {
	CLIENT_HEAD_MORE = 1
};

/*
 * Take bytes of the answer's head from the block, skipping 1xx answers.
 * Returns 0 when the final head is whole and in c->res.head, what follows it
 * still in the block; CLIENT_HEAD_MORE; or -EPROTO.
 */
must_check int client_head_feed(struct conn *c);

#endif
