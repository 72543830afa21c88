/*
 * client - HTTP/1.1 requests to upstreams, over pooled connections.
 *
 *	r = client_send(t, client, &req, &res);
 *	while ((r = client_read(t, res, &data)) == 0 && data.len > 0)
 *		use(data);
 *	client_done(res);
 *
 * One client per worker, no locks.  It keeps idle connections per origin and
 * takes the newest first; one that the upstream closed meanwhile is not used.
 * A request that died on a pooled connection before any byte of an answer came
 * back is sent once more on a new connection, silently: the upstream may close
 * an idle connection at any time (RFC 9112 section 9.3.1).
 *
 * While it waits for the upstream it also watches the caller's own client: when
 * watch hangs up, the call returns CLIENT_HUNG_UP at once.
 */
#ifndef NET_CLIENT_H
#define NET_CLIENT_H

#include "http/head.h"
#include "http/url.h"
#include "io/io.h"
#include "io/tls.h"

struct client;
struct client_response;

struct client_cfg {
	size_t pool_max;       /* idle connections per origin */
	int64_t pool_idle_ns;  /* an idle one is closed after this */
	size_t body_buf_size;  /* 0: 64 KB; held only while bytes are in it */
	uint64_t inflated_max; /* of one body, when coded; 0: 256 MB */
};

struct client *client_new(struct loop *loop, const struct client_cfg *cfg);
void client_free(struct client *c);

/* Where to: equal origins share connections.  Lives as long as the client. */
struct client_origin {
	struct str id; /* unique text: scheme, host, port, proxy, TLS files */
	bool tls;
	bool is_unix;
	struct str host; /* or the socket's path */
	uint16_t port;
	struct tls_ctx *tls_ctx;
	struct str host_header; /* "api.openai.com", with the port if unusual */
	/* HTTP CONNECT for TLS, absolute-form otherwise; host "" for none. */
	struct url proxy;
	/*
	 * May a connection go to this address?  Asked of what the name was
	 * resolved to, and only those are connected to; NULL: to any.
	 * Connections of an origin that asks are not kept.
	 */
	bool (*allow)(const struct io_addr *addr);
};

struct client_timeouts {
	/* 0 is no limit. */
	int64_t connect_ns;    /* DNS, TCP, proxy and TLS together */
	int64_t first_byte_ns; /* from sent to the answer's head */
	int64_t idle_ns;       /* between bytes of the body */
	int64_t deadline_ns;   /* absolute; CLOCK_NEVER */
};

/*
 * A body that is sent as it comes, one read of its source at a time: its memory
 * is the source's.  The connection is always a new one, since what was sent
 * cannot be sent again.
 */
struct client_body {
	/*
	 * The next bytes, which stay until the next call; none is the end.
	 * Returns 0, -EAGAIN to be called again when io is readable, or what
	 * ends the request.
	 */
	int (*next)(struct task *t, void *arg, struct str *data);
	void *arg;
	struct io *io;
	int64_t idle_ns; /* for io to become readable */
	bool has_length; /* else it is chunked */
	uint64_t length;

	/* Set by client_send(). */
	uint64_t taken; /* bytes so far */
	int failed;     /* what next returned, or -ETIMEDOUT */
};

struct client_request {
	const struct client_origin *origin;
	struct str method;
	struct str target;
	const struct http_header *headers; /* but host, content-length,
					      connection: those are added */
	size_t header_count;
	const struct str *pieces; /* the body */
	size_t piece_count;
	struct client_body *body; /* or NULL; instead of pieces */
	bool raw;                 /* ask for no coding and undo none */
	bool once; /* not to be sent again, stale connection or not */
	struct client_timeouts timeouts;
	struct io *watch; /* may be NULL */
	/* Called every tick_ns of silence; may suspend; != 0 ends the wait. */
	int64_t tick_ns; /* 0: never */
	int (*tick)(struct task *t, void *arg);
	void *tick_arg;
};

enum client_outcome {
	CLIENT_HUNG_UP = 1, /* watch did */
	CLIENT_TICK_END,    /* tick returned != 0 */
	CLIENT_BODY_FAILED, /* body->failed says how */
};

/* Where a request failed; with err_text() it makes the message. */
enum client_stage {
	CLIENT_DNS,
	CLIENT_CONNECT,
	CLIENT_PROXY,
	CLIENT_TLS,
	CLIENT_WRITE,
	CLIENT_FIRST_BYTE,
	CLIENT_HEAD, /* what came is not HTTP */
	CLIENT_BODY,
};

struct client_response {
	struct http_head head;    /* its slices live until client_done() */
	bool reused;              /* went over a pooled connection */
	bool retried;             /* silently, after a stale one */
	bool inflated;            /* content-encoding, in head, is undone */
	int64_t sent_ns, head_ns; /* monotonic: request sent, head received */
				  /* private state follows in client.c */
};

/*
 * Send a request and read the answer's head (1xx are skipped).  An answer that
 * comes while the request is still being sent ends the sending.  Returns 0 with
 * *out, a client_outcome, or -errno with *out_stage; -ETIMEDOUT for any of the
 * timeouts.
 */
must_check int client_send(struct task *t, struct client *c,
			   const struct client_request *req,
			   struct client_response **out,
			   enum client_stage *out_stage);

/*
 * The next bytes of the body, without transfer and content coding (gzip is
 * asked for and undone unless the request has its own accept-encoding): all
 * that one read of the socket brought.  data is valid until the next call;
 * data.len == 0 is the end.  Returns 0, a client_outcome, or -errno: -EPROTO
 * for bad framing, -ECONNRESET when the body was cut short.
 */
must_check int client_read(struct task *t, struct client_response *res,
			   struct str *data);

/* Has client_read() bytes to look at, or the end, before it waits? */
bool client_is_ready(struct client_response *res);

/* All of the body, at most max bytes: -EMSGSIZE beyond. */
must_check int client_read_all(struct task *t, struct client_response *res,
			       size_t max, struct buf *out);

/* Pool the connection when the body was read to its end, else close it. */
void client_done(struct client_response *res);

/* Close idle connections that are too old or dead; called by a sweeper. */
void client_sweep(struct client *c);

struct client_stats {
	uint64_t connects, reuses, stale_retries;
	uint64_t active, idle; /* connections in use, and pooled */
};

/* May be asked by any thread, while the client lives. */
struct client_stats client_stats(const struct client *c);

#endif
