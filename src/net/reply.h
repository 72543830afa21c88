/*
 * reply - a request as its handler sees it, and the way to answer it.
 */
#ifndef NET_REPLY_H
#define NET_REPLY_H

#include "base/arena.h"
#include "http/head.h"
#include "io/io.h"

struct server;

struct request {
	struct server *server;
	void *user; /* of server_new() */
	struct io *io;
	struct arena arena;
	struct http_head head;
	struct str path, query;  /* of the target, not decoded */
	struct str body;         /* whole, inflated; in the arena */
	char id[REQUEST_ID_MAX]; /* "req_" and 24 hex digits */
	uint8_t id_len;
	int64_t start_ns;
	/* of the answer */
	int status; /* 0: none was begun */
	bool started, chunked, finished, keep_alive;
	uint64_t bytes_out;
	struct buf out_head; /* until the first bytes leave */
	int64_t first_byte_ns;
};

struct str request_id(const struct request *req);

/* Add a field to the answer's head; before request_reply() or _start(). */
void request_header(struct request *req, struct str name, struct str value);

/* A whole answer.  Returns 0 or -errno as io_write(). */
must_check int request_reply(struct task *t, struct request *req, int status,
			     struct str type, struct str body);

/* As request_reply(), with a body in pieces. */
must_check int request_reply_pieces(struct task *t, struct request *req,
				    int status, struct str type,
				    const struct str *pieces, size_t count);

/*
 * An answer whose length is not known: chunked, or until close for HTTP/1.0.
 * Nothing is sent before the first request_write().
 */
void request_start(struct request *req, int status, struct str type);

/* One write: the head if it is still due, and one chunk of all pieces. */
must_check int request_write(struct task *t, struct request *req,
			     const struct str *pieces, size_t count);

/* The clean end. */
must_check int request_finish(struct task *t, struct request *req);

/*
 * The unclean end: after what was sent the connection is cut, so that no client
 * takes the answer for complete.
 */
void request_cut(struct request *req);

/* The server is shutting down and its deadline is near. */
bool request_is_ending(const struct request *req);

#endif
