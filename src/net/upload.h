/*
 * upload - the body of a request, read by its handler as it comes.
 *
 *	while ((r = upload_read(t, req, &data)) == 0 && data.len > 0)
 *		use(data);
 *	if (r == HTTP_BAD)
 *		refuse(upload_fault(req));
 *
 * For requests that server_cfg.streams left to their handlers; of any other
 * upload_read() gives the end.  Either framing is undone, a coding only when
 * asked for.  The memory is one block of 64 KB, held while there are bytes in
 * it.  The first read sends "100 Continue" to a client that waits for it.
 *
 * An answer that is begun before the body was read to its end closes the
 * connection after it, unless what is left is known and small: that is read and
 * forgotten, so that the next request is found behind it.
 */
#ifndef NET_UPLOAD_H
#define NET_UPLOAD_H

#include "net/reply.h"

/* Before the first read: more than max bytes are a fault, 413. */
void upload_limit(struct request *req, uint64_t max);

/*
 * Before the first read: undo the Content-Encoding, to at most max bytes.
 * Returns 0, or HTTP_BAD (415) when it is not known.
 */
must_check int upload_inflate(struct request *req, uint64_t max);

/*
 * The next bytes, what one read brought; none is the end.  They are valid until
 * the next call.  Returns 0, HTTP_BAD with upload_fault() set (408 when the
 * client was silent for too long), or -errno when it is gone.
 */
must_check int upload_read(struct task *t, struct request *req,
			   struct str *data);

/*
 * As upload_read(), but -EAGAIN when nothing is there: wait until req->io is
 * readable, for upload_timeout_ns().  Only the "100 Continue" may suspend.
 */
must_check int upload_try(struct task *t, struct request *req,
			  struct str *data);

/* For callers that wait by themselves: how long, and that it took longer. */
int64_t upload_timeout_ns(const struct request *req);
int upload_late(struct request *req); /* HTTP_BAD */

/* Was all of it read, or is there none? */
bool upload_is_ended(struct request *req);

const struct http_fault *upload_fault(struct request *req);

#endif
