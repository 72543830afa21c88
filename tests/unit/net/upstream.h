/*
 * upstream - a scripted server on the test's own loop.
 *
 *	static const struct step one[] = {
 *		{ EXPECT, STR_INIT("GET / HTTP/1.1\r\n...") },
 *		{ SEND, STR_INIT("HTTP/1.1 204 No Content\r\n\r\n") },
 *	};
 *	struct world w = { .scripts = { one, ... }, .run = body };
 *
 *	world_run(&w, "name of the test");
 *
 * The n-th connection plays the n-th script and then waits for its end, or
 * closes with CLOSE.
 */
#ifndef TESTS_NET_UPSTREAM_H
#define TESTS_NET_UPSTREAM_H

#include "tests/unit/net/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

struct upstream {
	struct world *w;
	struct io *io;
	const struct step *script;
};

/* Returns false when the client closed instead. */
static inline bool upstream_expect(struct task *t, struct upstream *u,
				   struct str want)
{
	char *got = xmalloc(want.len);
	size_t len = 0, n = 1;

	while (len < want.len && n > 0) {
		if (io_read(t, u->io, got + len, want.len - len, soon(t, 5000),
			    &n) < 0)
			n = 0;
		len += n;
	}
	if (len > 0)
		world_check_str(u->w, ((struct str){ got, len }), want);
	free(got);
	return len > 0;
}

static inline void upstream_eat(struct task *t, struct upstream *u,
				struct str until)
{
	struct buf got;
	size_t n = 1;

	buf_init(&got, EAT_MAX);
	while (n > 0 && !str_ends(buf_str(&got), until)) {
		if (buf_reserve(&got, 4096) < 0 ||
		    io_read(t, u->io, got.ptr + got.len, 4096, soon(t, 5000),
			    &n) < 0)
			n = 0;
		got.len += n;
	}
	buf_fini(&got);
}

static inline void upstream_send(struct task *t, struct upstream *u,
				 struct str bytes)
{
	size_t step = u->w->step > 0 ? u->w->step : bytes.len;

	while (bytes.len > 0) {
		struct str piece = str_take(bytes, step);

		bytes = str_drop(bytes, piece.len);
		if (io_write(t, u->io, &piece, 1, soon(t, 5000)) < 0)
			return;
		if (bytes.len > 0 && task_yield(t) < 0)
			return;
	}
}

static inline void upstream_play(struct task *t, void *arg)
{
	struct upstream *u = arg;
	const struct step *s = u->script;
	char byte;
	size_t n;

	for (; s != NULL && s->kind != STEP_END; s++) {
		if (s->kind == EXPECT && !upstream_expect(t, u, s->bytes))
			break;
		if (s->kind == SEND) {
			upstream_send(t, u, s->bytes);
		} else if (s->kind == EAT) {
			upstream_eat(t, u, s->bytes);
		} else if (s->kind == SLEEP) {
			(void)!task_sleep(t, soon(t, 30));
		} else if (s->kind == CLOSE || s->kind == RESET) {
			break;
		} else if (s->kind == TLS) {
			if (tls_accept(t, u->io, u->w->tls, soon(t, 5000)) < 0)
				break;
			u->w->resumed += tls_is_resumed(u->io);
		}
	}
	if (s != NULL && s->kind == STEP_END)
		(void)!io_read(t, u->io, &byte, 1, CLOCK_NEVER, &n);
	if (s != NULL && s->kind == RESET) {
		io_abort(u->io);
	} else {
		io_close(u->io);
	}
	free(u);
}

static inline void upstream_accept(struct task *t, void *arg)
{
	struct world *w = arg;
	struct io *io;

	while (io_accept(t, w->listener, CLOCK_NEVER, &io) == 0) {
		struct upstream *u = xcalloc(1, sizeof(*u));

		*u = (struct upstream){ w, io, NULL };
		if (w->accepted < SCRIPTS_MAX)
			u->script = w->scripts[w->accepted];
		w->accepted++;
		if (task_spawn(w->loop, "upstream", upstream_play, u) < 0)
			abort();
	}
}

static inline void world_main(struct task *t, void *arg)
{
	struct world *w = arg;

	w->client = client_new(w->loop, &w->cfg);
	w->run(t, w);
	client_free(w->client);
	loop_cancel_all(w->loop);
}

static inline void world_listen(struct world *w)
{
	struct io_listen_cfg cfg = { 0 };
	struct io_addr addr;
	char path[200];

	if (w->unix_path != NULL) {
		(void)unlink(w->unix_path);
		(void)snprintf(path, sizeof(path), "unix:%s", w->unix_path);
		assert_int_equal(io_addr_parse(str_of(path), 0, &cfg.addr), 0);
	} else {
		assert_int_equal(io_addr_parse(STR("127.0.0.1"), 0, &cfg.addr),
				 0);
	}
	assert_int_equal(io_listen(w->loop, &cfg, &w->listener), 0);
	io_local_addr(w->listener, &addr);
	if (w->unix_path == NULL) {
		w->port = ntohs(
			((struct sockaddr_in *)(void *)&addr.ss)->sin_port);
	}
	(void)snprintf(w->host_header, sizeof(w->host_header), "up.test");
	w->origin = (struct client_origin){
		.id = STR("test"),
		.is_unix = w->unix_path != NULL,
		.host = w->unix_path != NULL ? str_of(w->unix_path)
					     : STR("127.0.0.1"),
		.port = w->port,
		.host_header = str_of(w->host_header),
	};
}

static inline void world_run(struct world *w, const char *name)
{
	w->name = name;
	w->loop = loop_new(NULL);
	assert_non_null(w->loop);
	world_listen(w);
	assert_int_equal(task_spawn(w->loop, "accept", upstream_accept, w), 0);
	assert_int_equal(task_spawn(w->loop, "main", world_main, w), 0);
	loop_run(w->loop);
	io_close(w->listener);
	loop_free(w->loop);
	if (w->fault[0] != '\0')
		fail_msg("%s", w->fault);
}

#endif
