/*
 * reply - a request as its handler sees it, and the way to answer it.
 *
 * A whole answer:
 *
 *	r = request_reply(t, req, 200, STR("application/json"), body);
 *
 * with fields of one's own:
 *
 *	request_start(req, 200, STR("application/json"));
 *	request_header(req, STR("retry-after"), STR("1"));
 *	r = request_send(t, req, pieces, count);
 *
 * and in parts as they come, where the head leaves with the first of them:
 *
 *	request_start(req, 200, STR("text/event-stream"));
 *	r = request_write(t, req, pieces, count);
 *	r = request_finish(t, req);
 *
 * A body that comes in parts but whose length is known says so first:
 *
 *	request_length(req, length);
 *
 * Functions that send return 0, or -errno as io_write() does; after that the
 * connection is of no more use and the handler only has to return.
 */
#ifndef NET_REPLY_H
#define NET_REPLY_H

#include "base/arena.h"
#include "http/head.h"
#include "io/io.h"

struct server;

enum {
	REQUEST_PIECES_MAX = 64,
	REQUEST_HEAD_MAX = 48 * 1024
};

struct request {
	struct server *server;
	void *user; /* of server_new() */
	struct io *io;
	struct arena arena;
	struct http_head head;
	struct str path, query; /* of the target, not decoded */
	struct str body;        /* whole, inflated */
	char id[REQUEST_ID_MAX];
	uint8_t id_len;
	int64_t start_ns;

	/* Of the answer. */
	int status;   /* 0: none was begun */
	bool sent;    /* its head has left */
	bool writing; /* a write is under way: the bytes out are in between */
	bool chunked;
	bool has_length; /* request_length() was called */
	bool bodyless;   /* of the answer, known with its head */
	bool finished;   /* whole and clean */
	bool keep_alive;
	int64_t first_byte_ns; /* 0: none yet */
	uint64_t bytes_out;    /* of the body */
	uint64_t length;       /* has_length: what is announced */
	struct str extra;      /* fields that every head gets, as lines */
	struct buf out;        /* the head, until it leaves */
	/*
	 * What a stream that the server has to end says last, if the handler
	 * set it: bytes of the body, static.
	 */
	struct str last_words;
};

struct str request_id(const struct request *req);

/* Begin an answer's head; anew if one was begun and nothing was sent. */
void request_start(struct request *req, int status, struct str type);

/* Add a field to the head that was begun.  Bad bytes become an -EINVAL later. */
void request_header(struct request *req, struct str name, struct str value);

/* Send the head with a whole body: content-length, one write. */
must_check int request_send(struct task *t, struct request *req,
			    const struct str *pieces, size_t count);

/*
 * Announce the length of a body that request_write() is to send, or that an
 * answer to HEAD would have had.
 */
void request_length(struct request *req, uint64_t length);

/* Send the head now: the body's first part is not there yet. */
must_check int request_flush(struct task *t, struct request *req);

/*
 * Send one part of a body: one write, and one chunk when its length is unknown.
 * -EMSGSIZE when there would be more than was announced.  count is
 * at most REQUEST_PIECES_MAX.
 */
must_check int request_write(struct task *t, struct request *req,
			     const struct str *pieces, size_t count);

/* The clean end of such a body; -EPROTO when it is short of its length. */
must_check int request_finish(struct task *t, struct request *req);

/*
 * The unclean end: what was sent is all there is, and the connection is cut so
 * that no client takes the answer for complete.
 */
void request_cut(struct request *req);

/*
 * Send the head that was begun as it is: the connection speaks another protocol
 * after it, by request_raw(), and is closed in the end.
 */
must_check int request_upgrade(struct task *t, struct request *req);
must_check int request_raw(struct task *t, struct request *req,
			   const struct str *pieces, size_t count);

/* A whole answer, with x-request-id. */
must_check int request_reply(struct task *t, struct request *req, int status,
			     struct str type, struct str body);

/*
 * The head and body of the request are not needed any more: gives their memory
 * back while a long answer is under way.
 */
void request_release_input(struct request *req);

#endif
