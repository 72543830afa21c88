#include "net/upload.h"

#include "net/body.h"
#include "net/session.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

enum {
	DRAIN_MAX = 64 * 1024
};

#define DRAIN_NS (2 * CLOCK_S)

struct upload {
	struct session *session;
	struct body body;
	char *in, *plain; /* blocks of the server, or NULL */
	uint64_t max, seen;
	bool begun;
	int failed; /* what ended it, for later calls */
	struct http_fault fault;
};

static struct upload *upload_of(struct request *req)
{
	return session_of(req)->upload;
}

void upload_begin(struct session *c)
{
	struct upload *u = arena_zalloc(&c->req.arena, sizeof(*u));

	u->session = c;
	u->max = UINT64_MAX;
	body_start(&u->body, &c->req.head, NULL);
	c->upload = u;
}

static void relax(struct upload *u)
{
	struct bufs *blocks = &u->session->server->blocks;

	bufs_give(blocks, u->in);
	bufs_give(blocks, u->plain);
	u->in = NULL;
	u->plain = NULL;
}

static int too_large(struct upload *u)
{
	return session_fault(&u->fault, 413,
			     "the request's body is over %" PRIu64 " bytes",
			     u->max);
}

static int damaged(struct upload *u, int r)
{
	if (r == -EMSGSIZE) {
		return session_fault(&u->fault, 413,
				     "the request's body inflates to too much");
	}
	return session_fault(&u->fault, 400, STR_FMT, STR_ARG(err_text()));
}

/* Whether the client may begin. */
static int begin(struct task *t, struct upload *u)
{
	static const struct str go_on =
		STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
	struct session *c = u->session;

	u->begun = true;
	if (u->body.length > u->max)
		return too_large(u);
	if (!c->req.head.expect_continue || session_rest(c).len > 0)
		return 0;
	return io_write(t, c->io, &go_on, 1,
			task_now(t) + c->server->cfg.write_timeout_ns);
}

/* Bytes of the connection: sets *out_extra to how many are not the body's. */
static int feed(struct upload *u, char *ptr, size_t len, size_t *out_extra)
{
	int r = body_feed(&u->body, ptr, len);

	if (r < 0)
		return damaged(u, r);
	*out_extra = u->body.extra;
	u->seen += u->body.content.len;
	return u->seen > u->max ? too_large(u) : 0;
}

/* What came along with the head. */
static int feed_rest(struct upload *u)
{
	struct session *c = u->session;
	size_t len = session_rest(c).len, extra = 0;
	int r = feed(u, c->in.ptr + c->used, len, &extra);

	c->used += len - extra;
	return r;
}

/* No more than the body has, or than the next request's buffer takes. */
static size_t read_max(const struct upload *u)
{
	size_t most = u->session->server->blocks.size;
	uint64_t may = u->body.framing == HTTP_BODY_LENGTH
			       ? u->body.left
			       : u->session->next.max;

	return may < most ? (size_t)may : most;
}

/* Returns 0, -EAGAIN, HTTP_BAD or -errno. */
static int read_some(struct upload *u)
{
	struct session *c = u->session;
	size_t n, extra = 0;
	int r;

	if (u->in == NULL)
		u->in = bufs_take(&c->server->blocks);
	r = io_try_read(c->io, u->in, read_max(u), &n);
	if (r < 0)
		return r;
	if (n == 0)
		return err_new(-ECONNRESET, "the client has hung up");
	r = feed(u, u->in, n, &extra);
	if (r == 0 && extra > 0)
		r = buf_add(&c->next, (struct str){ u->in + n - extra, extra });
	return r;
}

static struct body_room room(struct upload *u)
{
	struct bufs *blocks = &u->session->server->blocks;

	if (u->body.z == NULL)
		return (struct body_room){ 0 };
	if (u->plain == NULL)
		u->plain = bufs_take(blocks);
	return (struct body_room){ u->plain, blocks->size };
}

static int take(struct task *t, struct upload *u, struct str *data)
{
	int r = u->begun ? 0 : begin(t, u);

	while (r == 0) {
		if (body_is_ready(&u->body)) {
			r = body_take(&u->body, room(u), data);
			if (r < 0)
				return damaged(u, r);
			if (data->len > 0 || u->body.ended)
				return 0;
		}
		r = session_rest(u->session).len > 0 ? feed_rest(u)
						     : read_some(u);
	}
	return r;
}

int upload_try(struct task *t, struct request *req, struct str *data)
{
	struct upload *u = upload_of(req);
	int r;

	*data = STR_NULL;
	if (u == NULL || u->failed != 0)
		return u == NULL ? 0 : u->failed;
	r = take(t, u, data);
	if (r != 0 && r != -EAGAIN)
		u->failed = r;
	if (r != 0)
		*data = STR_NULL;
	if (data->len == 0)
		relax(u);
	return r;
}

int64_t upload_timeout_ns(const struct request *req)
{
	return req->server->cfg.body_timeout_ns;
}

int upload_late(struct request *req)
{
	struct upload *u = upload_of(req);

	u->failed =
		session_fault(&u->fault, 408,
			      "no byte of the request's body came for "
			      "%lld s",
			      (long long)(upload_timeout_ns(req) / CLOCK_S));
	return u->failed;
}

int upload_read(struct task *t, struct request *req, struct str *data)
{
	struct io_wait wait = { .io = req->io, .events = IO_READABLE };
	int r;

	for (;;) {
		r = upload_try(t, req, data);
		if (r != -EAGAIN)
			return r;
		r = io_wait_any(t, &wait, 1,
				task_now(t) + upload_timeout_ns(req));
		if (r == -ETIMEDOUT)
			return upload_late(req);
		if (r < 0)
			return r;
	}
}

void upload_limit(struct request *req, uint64_t max)
{
	struct upload *u = upload_of(req);

	if (u != NULL)
		u->max = max;
}

int upload_inflate(struct request *req, uint64_t max)
{
	struct upload *u = upload_of(req);
	enum inflate_coding coding = inflate_coding_find(
		http_value(&req->head, HTTP_CONTENT_ENCODING));

	if (u == NULL || coding == INFLATE_NONE)
		return 0;
	assert(!u->begun && u->body.z == NULL);
	if (coding == INFLATE_UNKNOWN) {
		u->failed = session_fault(&u->fault, 415,
					  "content-encoding is none of zstd, "
					  "gzip, deflate, identity");
		return u->failed;
	}
	u->body.z = inflate_new(coding, max);
	return 0;
}

bool upload_is_ended(struct request *req)
{
	const struct upload *u = upload_of(req);

	return u == NULL || (u->body.ended && u->failed == 0);
}

const struct http_fault *upload_fault(struct request *req)
{
	return &upload_of(req)->fault;
}

/*
 * A client that waits for "100 Continue" may send its body after another
 * answer, or not: what comes next cannot be told (RFC 9110 section 10.1.1).
 */
bool upload_must_close(const struct session *c)
{
	const struct upload *u = c->upload;

	if (u == NULL || (u->body.ended && u->failed == 0))
		return false;
	if (u->failed != 0 || (!u->begun && c->req.head.expect_continue))
		return true;
	return u->body.framing != HTTP_BODY_LENGTH || u->body.left > DRAIN_MAX;
}

/* Returns whether the body's end was reached. */
static bool drain(struct task *t, struct session *c)
{
	struct io_wait wait = { .io = c->io, .events = IO_READABLE };
	int64_t deadline_ns = task_now(t) + DRAIN_NS;
	struct str data;
	int r = 0;

	while (r == 0 && !upload_is_ended(&c->req)) {
		r = upload_try(t, &c->req, &data);
		if (r == -EAGAIN)
			r = io_wait_any(t, &wait, 1, deadline_ns);
	}
	return r == 0;
}

bool upload_end(struct task *t, struct session *c, bool keep)
{
	struct upload *u = c->upload;

	if (u == NULL)
		return keep;
	keep = keep && drain(t, c);
	c->linger = c->linger || !u->body.ended || u->failed != 0;
	relax(u);
	body_fini(&u->body);
	c->upload = NULL;
	return keep;
}
