/*
 * conn - a connection of the client, and the exchange on it.
 *
 * Private to the client's own files: client.c (the calls), client_head.c (the
 * request's head), exchange.c (sending, the answer's head), body.c, pool.c.
 * One object serves the connection from connect to close, so that an exchange
 * on a pooled connection takes no memory but for what its sizes ask.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/body.h"
#include "net/bufs.h"
#include "net/client.h"

enum {
	CONN_KEEP_MAX = 2048, /* a pooled connection keeps no larger buffer */
	CONN_FIELDS_MAX = HTTP_HEADERS_MAX * sizeof(struct http_header),
	CONN_SCRATCH_MAX = 256 * 1024
};

/*
 * What connections need only between two waits: all of one client's share it.
 * A stream that waits for its next event has none of it.
 */
struct conn_shared {
	struct bufs blocks; /* to read into */
	struct bufs heads;  /* to make requests' heads in */
	struct arena scratch;
};

struct conn {
	struct client_response res; /* first: what the caller holds */
	struct client *client;
	struct conn_shared *shared; /* the client's */
	struct io *io;              /* owned */
	struct list link;           /* in an origin's idle list */
	int64_t idle_until_ns;
	int64_t peer_keeps_ns; /* said by its Keep-Alive field; 0: nothing */

	/* Of the exchange at hand; taken from the request. */
	const struct client_origin *to;
	struct str method;
	struct client_timeouts timeouts;
	struct io *watch;
	int64_t tick_ns;
	int (*tick)(struct task *t, void *arg);
	void *tick_arg;
	bool coded; /* the request chose its codings itself */

	enum client_stage stage;
	int64_t quiet_ns; /* since when no byte came and no tick was called */
	bool sent;        /* all of the request */
	bool answered;    /* the final head is in res.head */
	bool heard;       /* a byte of the answer came */
	bool died;        /* it failed as a stale connection does */
	bool eof;
	int failed; /* the error that ended the exchange, for later calls */

	struct buf out_head; /* a block of shared->heads until it is sent */
	struct buf head;     /* of the answer */
	struct buf fields;   /* struct http_header: slices of head */
	size_t head_scan;
	unsigned interims; /* 1xx answers so far */

	/* Blocks of shared->blocks, or NULL while they would be empty. */
	char *in;
	size_t in_at, in_len; /* bytes in it not looked at */
	char *inflated;
	struct body body;
};

struct conn *conn_new(struct client *client, struct conn_shared *shared,
		      struct io *io);

/* Closes the stream.  c may be NULL. */
void conn_free(struct conn *c);

/* Let go of the last exchange's memory. */
void conn_rest(struct conn *c);

/* Begin req's exchange. */
void conn_begin(struct conn *c, const struct client_request *req);

/* A block for the request's head, and back again; the latter twice is fine. */
void conn_take_head(struct conn *c);
void conn_give_head(struct conn *c);

/* Give back the blocks; nothing in them is needed any more. */
void conn_relax(struct conn *c);

/*
 * now + span, but not beyond the whole request's deadline.  What is 0 was left
 * out and is without limit.
 */
int64_t conn_deadline(const struct client_timeouts *timeouts, int64_t now_ns,
		      int64_t span_ns);

/*
 * Wait for one of the events, calling the tick meanwhile.  Returns 0 with
 * *ready, a client_outcome, -ETIMEDOUT (err_text() is made) or -ECANCELED.
 */
must_check int conn_wait(struct task *t, struct conn *c, unsigned events,
			 int64_t deadline_ns, unsigned *ready);

/*
 * Read what there is into an empty block: 0 with in_len > 0 or eof set, or
 * -errno, -EAGAIN when there was nothing.
 */
must_check int conn_read(struct conn *c);

/* Wait and read.  Returns as conn_wait() and conn_read(), but not -EAGAIN. */
must_check int conn_fill(struct task *t, struct conn *c, int64_t deadline_ns);

/* Give an error of a read or write a text, unless TLS gave it one. */
int conn_io_error(int code);

/* Name the origin in the newest error's text.  Returns code. */
int conn_error(struct conn *c, int code);

#endif
