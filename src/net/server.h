/*
 * server - HTTP/1.1 connections of clients.
 *
 *	server = server_new(loop, &cfg);
 *	r = server_listen(server, listener);
 *	loop_run(loop);
 *
 * One task serves one connection, one request at a time on it; pipelined
 * requests wait in the socket.  The handler answers through net/reply.h and
 * returns; what it left unanswered is cut.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "io/tls.h"
#include "net/reply.h"

struct server;

struct server_cfg {
	/* Answer a request. */
	void (*handle)(struct task *t, struct request *req);
	/* Answer a request that could not be read; fault says why. */
	void (*refuse)(struct task *t, struct request *req,
		       const struct http_fault *fault);
	/*
	 * Does the handler read the request's body itself, by net/upload.h?
	 * Asked when there is one; NULL: never.
	 */
	bool (*streams)(const struct request *req);
	void *user;
	size_t head_max, body_max, inflated_max; /* bytes */
	int64_t head_timeout_ns;      /* from the first byte of a head */
	int64_t body_timeout_ns;      /* between bytes of a body */
	int64_t keepalive_timeout_ns; /* between requests */
	int64_t write_timeout_ns;     /* for a client that reads nothing */
	size_t connection_max;        /* beyond: 503 */
	struct tls_ctx *tls;          /* or NULL; a reference is taken */
};

struct server *server_new(struct loop *loop, const struct server_cfg *cfg);

/* Start accepting on a listener, which the server owns from now on. */
must_check int server_listen(struct server *s, struct io *listener);

/* For connections accepted from now on. */
void server_set_tls(struct server *s, struct tls_ctx *tls);

/*
 * Stop accepting, close idle connections, let running requests end.  Those that
 * still run at the deadline are cancelled; a stream says its last words first.
 */
void server_shutdown(struct server *s, int64_t deadline_ns);

/* Is the server shutting down. */
bool server_is_ending(const struct server *s);

/* All connections and accepting tasks must be gone: the loop has run out. */
void server_free(struct server *s);

struct server_stats {
	uint64_t accepted, requests, refused;
	uint64_t connections, active; /* active: with a request under way */
};

/* May be asked by any thread, while the server lives. */
struct server_stats server_stats(const struct server *s);

#endif
