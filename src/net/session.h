/*
 * session - a connection of a client; private to net: server, intake, reply.
 */
#ifndef NET_SESSION_H
#define NET_SESSION_H

#include "net/bufs.h"
#include "net/server.h"

enum {
	SESSION_READ_SIZE = 4096,
	DATE_TEXT_MAX = 96
};

struct server {
	struct loop *loop;
	struct server_cfg cfg;
	struct list listeners;
	struct list sessions;
	bool ending;
	int64_t ending_deadline_ns;
	struct server_stats stats;
	struct bufs blocks; /* of uploads */
	int64_t date_s;     /* what date says, in seconds since 1970 */
	char date[DATE_TEXT_MAX];
};

struct session {
	struct list link;
	struct server *server;
	struct task *task; /* NULL before it runs */
	struct io *io;
	struct buf in;         /* the request under way, and what followed it */
	size_t used;           /* in up to here belongs to that request */
	struct buf next;       /* read past it, when in could not take it */
	bool idle;             /* between requests: may be closed at once */
	bool linger;           /* unread bytes may be on their way */
	struct upload *upload; /* of a body left to the handler; or NULL */
	struct request req;
};

static inline struct session *session_of(struct request *req)
{
	return list_entry(req, struct session, req);
}

/*
 * Read the body that the head announces into req->body and undo its content
 * coding.  Returns 0, HTTP_BAD with *fault set, or -errno.
 */
must_check int intake_read(struct task *t, struct session *c,
			   struct http_fault *fault);

/*
 * upload.c: leave the body to the handler; must the connection be closed after
 * an answer that begins now; and the request's end.  The last reads what was
 * left unread if the connection is to be kept, and returns whether it can be.
 */
void upload_begin(struct session *c);
bool upload_must_close(const struct session *c);
must_check bool upload_end(struct task *t, struct session *c, bool keep);

/* The bytes of in that the request does not own. */
static inline struct str session_rest(const struct session *c)
{
	return str_drop(buf_str(&c->in), c->used);
}

/* Fill a fault and return HTTP_BAD. */
int session_fault(struct http_fault *fault, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
