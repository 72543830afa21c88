#include "net/server.h"

#include "base/counter.h"
#include "base/log.h"
#include "base/rand.h"
#include "http/chunk.h"
#include "http/url.h"
#include "net/session.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	ARENA_EXTRA = 64 << 20, /* for everything but the body itself */
	LINGER_BYTES_MAX = 16 << 20,
	BLOCK_SIZE = 64 * 1024,
	TLS_HANDSHAKE = 22, /* RFC 8446 section 5.1: a record's first byte */
};

#define LINGER_NS       (2 * CLOCK_S)
#define ACCEPT_PAUSE_NS (100 * CLOCK_MS)

struct listener {
	struct list link;
	struct server *server;
	struct io *io;
	struct task *task;
};

static struct session *session_new(struct server *s, struct io *io)
{
	struct session *c = xcalloc(1, sizeof(*c));
	size_t in_max = s->cfg.head_max + SESSION_READ_SIZE;

	c->server = s;
	c->io = io;
	c->idle = true;
	buf_init(&c->in, in_max);
	buf_init(&c->next, in_max);
	buf_init(&c->req.out, REQUEST_HEAD_MAX);
	arena_init(&c->req.arena,
		   s->cfg.body_max + s->cfg.inflated_max + ARENA_EXTRA);
	list_add(&s->sessions, &c->link);
	counter_add(&s->stats.connections, 1);
	return c;
}

static void session_free(struct session *c)
{
	io_close(c->io);
	counter_sub(&c->server->stats.connections, 1);
	list_drop(&c->link);
	arena_fini(&c->req.arena);
	buf_fini(&c->req.out);
	buf_fini(&c->in);
	buf_fini(&c->next);
	free(c);
}

/*
 * Read more into in.  While nothing is there no buffer is held: idle
 * connections are to be cheap.  Returns 0 with *out_n (0 at the end), or -errno.
 */
static int fill(struct task *t, struct session *c, int64_t deadline_ns,
		size_t *out_n)
{
	struct io_wait wait = { .io = c->io, .events = IO_READABLE };
	int r;

	if (c->in.len == 0) {
		buf_release(&c->in);
		r = io_wait_any(t, &wait, 1, deadline_ns);
		if (r < 0)
			return r;
	}
	if (c->in.cap - c->in.len == 0) {
		size_t room = c->in.max - c->in.len;

		r = buf_reserve(&c->in, room < SESSION_READ_SIZE
						? room
						: SESSION_READ_SIZE);
		if (r < 0)
			return r;
	}
	r = io_read(t, c->io, c->in.ptr + c->in.len, c->in.cap - c->in.len,
		    deadline_ns, out_n);
	if (r == 0)
		c->in.len += *out_n;
	return r;
}

/*
 * Wait for a whole head at the start of in.  Returns 0 with *out_len, HTTP_BAD,
 * or -errno; -ECONNRESET also when the client is simply gone.
 */
static int read_head(struct task *t, struct session *c, size_t *out_len,
		     struct http_fault *fault)
{
	const struct server_cfg *cfg = &c->server->cfg;
	int64_t deadline_ns = task_now(t) + cfg->keepalive_timeout_ns;
	bool begun = false;
	size_t scan = 0, n;
	int r;

	for (;;) {
		if (c->in.len > 0 && !begun) {
			begun = true;
			c->idle = false;
			deadline_ns = task_now(t) + cfg->head_timeout_ns;
		}
		*out_len = http_head_end(buf_str(&c->in), &scan);
		if (*out_len > 0 && *out_len <= cfg->head_max)
			return 0;
		if (c->in.len >= cfg->head_max) {
			return session_fault(fault, 431,
					     "the request's head is over %zu "
					     "bytes",
					     cfg->head_max);
		}
		if (begun && c->in.ptr[0] == TLS_HANDSHAKE) {
			return session_fault(
				fault, 400,
				"TLS was spoken to a port of plain "
				"HTTP; use http://");
		}
		r = fill(t, c, deadline_ns, &n);
		if (r == -ETIMEDOUT && begun) {
			return session_fault(fault, 408,
					     "the request's head did not come "
					     "within %lld s",
					     (long long)(cfg->head_timeout_ns /
							 CLOCK_S));
		}
		if (r < 0)
			return r;
		if (n == 0)
			return -ECONNRESET;
	}
}

/* "req_" and 24 hexadecimal digits. */
static uint8_t make_id(char out[REQUEST_ID_MAX])
{
	memcpy(out, "req_", 4);
	rand_hex(out + 4, 24);
	return 28;
}

static void request_begin(struct task *t, struct session *c)
{
	struct request *req = &c->req;

	req->server = c->server;
	req->user = c->server->cfg.user;
	req->io = c->io;
	req->head = (struct http_head){ .minor = 1 };
	req->path = req->query = req->body = STR_NULL;
	req->start_ns = task_now(t);
	req->status = 0;
	req->sent = req->writing = req->chunked = req->finished = false;
	req->keep_alive = false;
	req->first_byte_ns = 0;
	req->bytes_out = 0;
	req->bodyless = false;
	req->extra = STR_NULL;
	req->last_words = STR_NULL;
	req->id_len = make_id(req->id);
	context_set_request_id(request_id(req));
	c->linger = false;
}

/*
 * A client that numbers its requests finds its own number in the answer and the
 * log, if it is one word of a sane length; else the request keeps ours.
 */
static void take_request_id(struct request *req)
{
	struct str id = http_value(&req->head, HTTP_X_REQUEST_ID);

	if (id.len == 0 || id.len > sizeof(req->id))
		return;
	for (size_t i = 0; i < id.len; i++) {
		if (id.ptr[i] <= ' ' || id.ptr[i] > '~')
			return;
	}
	memcpy(req->id, id.ptr, id.len);
	req->id_len = (uint8_t)id.len;
	context_set_request_id(request_id(req));
}

/* Returns 0, HTTP_BAD with *fault set, or -errno. */
static int read_request(struct task *t, struct session *c,
			struct http_fault *fault)
{
	struct request *req = &c->req;
	size_t len;
	int r;

	r = read_head(t, c, &len, fault);
	if (r < 0)
		return r;
	request_begin(t, c);
	if (r != 0)
		return r;
	c->used = len;
	r = http_parse_request(str_take(buf_str(&c->in), len), &req->arena,
			       &req->head, fault);
	if (r != 0)
		return r;
	take_request_id(req);
	if (url_parse_target(req->head.target, &req->path, &req->query) < 0)
		return session_fault(fault, 400, "the request target is bad");
	req->keep_alive = req->head.keep_alive;
	return intake_read(t, c, fault);
}

/*
 * Read a request, and refuse a bad one.  Returns as read_request().  Out of line,
 * as what follows, since a handler's stack begins below serve_session()'s.
 */
static __attribute__((noinline)) int begin_one(struct task *t,
					       struct session *c)
{
	struct server *s = c->server;
	struct http_fault fault;
	int r = read_request(t, c, &fault);

	if (r < 0)
		return r;
	counter_add(&s->stats.requests, 1);
	counter_add(&s->stats.active, 1);
	if (r != 0) {
		c->req.keep_alive = false;
		c->linger = true;
		s->cfg.refuse(t, &c->req, &fault);
	}
	return r;
}

/* The cancelled stream's last words, as far as they can be said at once. */
static __attribute__((noinline)) void say_last_words(struct request *req)
{
	char chunk[CHUNK_HEAD_MAX];
	struct str pieces[3] = { STR_NULL, req->last_words, STR_NULL };
	size_t n;

	if (!req->sent || req->writing || req->last_words.len == 0)
		return;
	if (req->chunked) {
		pieces[0] = chunk_head(req->last_words.len, chunk);
		pieces[2] = STR("\r\n");
	}
	if (io_try_write(req->io, pieces, 3, &n) < 0)
		log_debug("the client is gone");
}

/* Forget the request; what came behind it is the next one's. */
static void request_end(struct session *c)
{
	buf_drop(&c->in, c->used);
	c->used = 0;
	if (c->next.len > 0 && c->in.len == 0) {
		struct buf was = c->in;

		c->in = c->next;
		c->next = was;
		buf_release(&c->next);
	}
	buf_release(&c->req.out);
	if (c->in.len > 0)
		arena_reset(&c->req.arena);
	else
		arena_fini(&c->req.arena);
	context_set_request_id(STR_NULL);
	err_clear();
}

/* Serve one request.  Returns whether another may follow. */
static bool serve_one(struct task *t, struct session *c)
{
	struct server *s = c->server;
	bool again;
	int r;

	c->idle = true;
	task_note(t, "waiting for a request from", STR_NULL);
	r = begin_one(t, c);
	if (r < 0)
		return false;
	if (r == 0)
		s->cfg.handle(t, &c->req);
	if (!c->req.finished && task_is_cancelled(t))
		say_last_words(&c->req);
	counter_sub(&s->stats.active, 1);
	again = c->req.finished && c->req.keep_alive && !s->ending;
	again = upload_end(t, c, again);
	if (!c->req.finished)
		c->linger = false;
	request_end(c);
	return again;
}

/*
 * Closing a socket with unread bytes resets it, and the reset may overtake the
 * answer (RFC 9112 section 9.6): read a little more first.
 */
static __attribute__((noinline)) void linger(struct task *t, struct session *c)
{
	int64_t deadline_ns = task_now(t) + LINGER_NS;
	size_t left = LINGER_BYTES_MAX, n = 1;

	io_shutdown_write(c->io);
	buf_release(&c->in);
	if (buf_reserve(&c->in, SESSION_READ_SIZE) < 0)
		return;
	while (n > 0 && left > 0) {
		if (io_read(t, c->io, c->in.ptr, c->in.cap, deadline_ns, &n) <
		    0)
			return;
		left -= n < left ? n : left;
	}
}

static __attribute__((noinline)) bool start_tls(struct task *t,
						struct session *c)
{
	const struct server_cfg *cfg = &c->server->cfg;
	struct tls_ctx *tls = tls_ctx_ref(cfg->tls);
	bool ok = tls_accept(t, c->io, tls,
			     task_now(t) + cfg->head_timeout_ns) == 0;

	if (!ok)
		log_debug("TLS handshake failed: " STR_FMT,
			  STR_ARG(err_text()));
	tls_ctx_unref(tls);
	return ok;
}

static void serve_session(struct task *t, void *arg)
{
	struct session *c = arg;
	struct server *s = c->server;
	bool ok = true;

	c->task = t;
	if (s->cfg.tls != NULL)
		ok = start_tls(t, c);
	while (ok && !s->ending)
		ok = serve_one(t, c);
	/*
	 * A chunked body without its last chunk is cut for all to see; any
	 * other needs a reset, which may overtake what was said before.
	 */
	if (c->req.status != 0 && !c->req.finished && !c->req.chunked) {
		io_abort(c->io);
		c->io = NULL;
	} else if (c->linger) {
		linger(t, c);
	}
	session_free(c);
}

/* Over the limit: say so as well as one can without waiting. */
static void turn_away(struct server *s, struct io *io)
{
	char id[REQUEST_ID_MAX];
	struct str pieces[] = {
		STR("HTTP/1.1 503 Service Unavailable\r\n"
		    "content-type: application/json\r\nretry-after: 1\r\n"
		    "x-request-id: "),
		{ id, make_id(id) },
		STR("\r\nconnection: close\r\n\r\n"
		    "{\"error\":{\"message\":\"Too many connections. Try "
		    "again later.\",\"type\":\"server_error\",\"param\":null,"
		    "\"code\":\"overloaded\"}}\n"),
	};
	size_t n;

	counter_add(&s->stats.refused, 1);
	if (s->cfg.tls == NULL &&
	    io_try_write(io, pieces, countof(pieces), &n) < 0)
		log_debug("the client is gone");
	io_close(io);
}

static void take(struct server *s, struct io *io)
{
	struct session *c;

	counter_add(&s->stats.accepted, 1);
	if (s->stats.connections >= s->cfg.connection_max) {
		turn_away(s, io);
		return;
	}
	c = session_new(s, io);
	if (task_spawn(s->loop, "connection", serve_session, c) < 0) {
		c->io = NULL;
		turn_away(s, io);
		session_free(c);
	}
}

static void accept_all(struct task *t, void *arg)
{
	struct listener *l = arg;
	struct io *io;
	int r = 0;

	l->task = t;
	while (!l->server->ending && r != -ECANCELED) {
		r = io_accept(t, l->io, CLOCK_NEVER, &io);
		if (r == 0) {
			take(l->server, io);
		} else if (r != -ECANCELED) {
			/* Out of descriptors, most likely: let some end. */
			log_warn("accept: " STR_FMT, STR_ARG(err_text()));
			r = task_sleep(t, task_now(t) + ACCEPT_PAUSE_NS);
		}
	}
	list_drop(&l->link);
	io_close(l->io);
	free(l);
}

struct server *server_new(struct loop *loop, const struct server_cfg *cfg)
{
	struct server *s = xcalloc(1, sizeof(*s));

	s->loop = loop;
	s->cfg = *cfg;
	if (cfg->tls != NULL)
		s->cfg.tls = tls_ctx_ref(cfg->tls);
	bufs_init(&s->blocks, BLOCK_SIZE);
	list_init(&s->listeners);
	list_init(&s->sessions);
	return s;
}

int server_listen(struct server *s, struct io *io)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	int r;

	l->server = s;
	l->io = io;
	list_add(&s->listeners, &l->link);
	r = task_spawn(s->loop, "listener", accept_all, l);
	if (r < 0) {
		list_drop(&l->link);
		free(l);
	}
	return r;
}

void server_set_tls(struct server *s, struct tls_ctx *tls)
{
	struct tls_ctx *was = s->cfg.tls;

	s->cfg.tls = tls != NULL ? tls_ctx_ref(tls) : NULL;
	tls_ctx_unref(was);
}

static void cancel_at_deadline(struct task *t, void *arg)
{
	struct server *s = arg;

	while (!list_is_empty(&s->sessions) &&
	       task_now(t) < s->ending_deadline_ns) {
		if (task_sleep(t, task_now(t) + 20 * CLOCK_MS) < 0)
			return;
	}
	list_for_each(l, &s->sessions) {
		struct session *c = list_entry(l, struct session, link);

		if (c->task != NULL)
			task_cancel(c->task);
	}
}

void server_shutdown(struct server *s, int64_t deadline_ns)
{
	s->ending = true;
	s->ending_deadline_ns = deadline_ns;
	list_for_each(l, &s->listeners) {
		struct listener *li = list_entry(l, struct listener, link);

		if (li->task != NULL)
			task_cancel(li->task);
	}
	list_for_each(l, &s->sessions) {
		struct session *c = list_entry(l, struct session, link);

		if (c->idle && c->task != NULL)
			task_cancel(c->task);
	}
	if (task_spawn(s->loop, "shutdown", cancel_at_deadline, s) < 0)
		loop_cancel_all(s->loop);
}

bool server_is_ending(const struct server *s)
{
	return s->ending;
}

void server_free(struct server *s)
{
	assert(list_is_empty(&s->sessions) && list_is_empty(&s->listeners));
	tls_ctx_unref(s->cfg.tls);
	bufs_fini(&s->blocks);
	free(s);
}

struct server_stats server_stats(const struct server *s)
{
	return (struct server_stats){
		.accepted = counter_get(&s->stats.accepted),
		.requests = counter_get(&s->stats.requests),
		.refused = counter_get(&s->stats.refused),
		.connections = counter_get(&s->stats.connections),
		.active = counter_get(&s->stats.active),
	};
}
