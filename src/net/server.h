/*
 * server - HTTP/1.1 connections of clients.
 *
 *	static int handle(struct task *t, struct request *req)
 *	{
 *		return request_reply(t, req, 200, STR("application/json"),
 *				     STR("{}"));
 *	}
 *	server = server_new(loop, &cfg, handle, user);
 *	r = server_listen(server, listener);
 *
 * One task serves one connection, one request at a time on it; pipelined
 * requests wait in the socket.  The head and body of a request are in its arena.
 * The handler answers with request_reply(), or with request_start(),
 * request_write() and request_finish(): the head leaves with the first bytes of
 * the body, in one write.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

#include "http/head.h"
#include "io/io.h"
#include "io/tls.h"
#include "net/reply.h"

struct server;

struct server_cfg {
	size_t head_max, body_max, inflated_max;
	int64_t head_timeout_ns, body_timeout_ns, keepalive_timeout_ns;
	int64_t write_timeout_ns;
	size_t connection_max; /* of this server; beyond: 503 and close */
	struct tls_ctx *tls;   /* or NULL; server_set_tls() replaces it */
};

struct server *server_new(struct loop *loop, const struct server_cfg *cfg,
			  int (*handle)(struct task *t, struct request *req),
			  void *user);

/* Start accepting on a listener, which the server owns from now on. */
must_check int server_listen(struct server *s, struct io *listener);

void server_set_tls(struct server *s, struct tls_ctx *tls);

/*
 * Stop accepting, close idle connections, let running requests end; at the
 * deadline cancel those that are left.  The handler sees request_is_ending()
 * and may end its stream with an error of its own before that.
 */
void server_shutdown(struct server *s, int64_t deadline_ns);

/* All connections are gone. */
bool server_is_idle(const struct server *s);

void server_free(struct server *s);

struct server_stats {
	uint64_t accepted, requests, refused;
	size_t connections, active;
};
struct server_stats server_stats(const struct server *s);

#endif
