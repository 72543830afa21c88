/*
 * intake - the body of a client's request, in whatever framing and coding.
 */
#include "http/chunk.h"
#include "net/inflate.h"
#include "net/session.h"

#include <errno.h>
#include <stdlib.h>

enum {
	CHUNK_READ_SIZE = 16 * 1024
};

static int too_large(const struct session *c, struct http_fault *fault)
{
	return session_fault(fault, 413, "the request's body is over %zu bytes",
			     c->server->cfg.body_max);
}

/* One read towards a body; the client has body_timeout for each. */
static int read_some(struct task *t, struct session *c, struct buf *into,
		     struct http_fault *fault)
{
	int64_t timeout_ns = c->server->cfg.body_timeout_ns;
	size_t n;
	int r = io_read(t, c->io, into->ptr + into->len, into->cap - into->len,
			task_now(t) + timeout_ns, &n);

	if (r == -ETIMEDOUT) {
		return session_fault(fault, 408,
				     "no byte of the request's body came for "
				     "%lld s",
				     (long long)(timeout_ns / CLOCK_S));
	}
	if (r < 0)
		return r;
	into->len += n;
	return n > 0 ? 0 : -ECONNRESET;
}

static int read_length(struct task *t, struct session *c,
		       struct http_fault *fault)
{
	struct request *req = &c->req;
	size_t len = (size_t)req->head.content_length;
	struct str rest = session_rest(c);
	struct buf body;
	int r = 0;

	if (req->head.content_length > c->server->cfg.body_max)
		return too_large(c, fault);
	if (rest.len >= len) {
		req->body = str_take(rest, len);
		c->used += len;
		return 0;
	}
	/* Exactly as large as announced, and untouched until it comes. */
	body = (struct buf){ .ptr = arena_alloc(&req->arena, len),
			     .cap = len,
			     .max = len };
	if (rest.len > 0)
		memcpy(body.ptr, rest.ptr, rest.len);
	body.len = rest.len;
	c->used += rest.len;
	while (r == 0 && body.len < len)
		r = read_some(t, c, &body, fault);
	req->body = buf_str(&body);
	return r;
}

/*
 * Move the data in *in to body.  Returns CHUNK_END, CHUNK_MORE, or as
 * intake_read().
 */
static int take_chunks(struct session *c, struct chunk_decoder *d,
		       struct str *in, struct buf *body,
		       struct http_fault *fault)
{
	struct str data;
	int r;

	while ((r = chunk_next(d, in, &data)) == CHUNK_DATA) {
		if (buf_add(body, data) < 0)
			return too_large(c, fault);
	}
	if (r < 0)
		return session_fault(fault, 400, STR_FMT, STR_ARG(err_text()));
	return r;
}

/* A fault is told apart from CHUNK_MORE and CHUNK_END by this. */
static int decode_chunked(struct task *t, struct session *c, struct buf *body,
			  struct buf *raw, struct http_fault *fault)
{
	struct chunk_decoder d = { 0 };
	struct str in = session_rest(c);
	size_t had = in.len;
	int r;

	fault->status = 0;
	r = take_chunks(c, &d, &in, body, fault);
	c->used += had - in.len;
	while (r == CHUNK_MORE && fault->status == 0) {
		buf_clear(raw);
		r = read_some(t, c, raw, fault);
		if (r != 0)
			return r;
		in = buf_str(raw);
		r = take_chunks(c, &d, &in, body, fault);
		if (r == CHUNK_END && buf_add(&c->next, in) < 0)
			return -EMSGSIZE;
	}
	return r == CHUNK_END ? 0 : HTTP_BAD;
}

static int read_chunked(struct task *t, struct session *c,
			struct http_fault *fault)
{
	struct request *req = &c->req;
	struct buf body, raw;
	int r;

	buf_init(&body, c->server->cfg.body_max);
	buf_init(&raw, CHUNK_READ_SIZE);
	r = buf_reserve(&raw, CHUNK_READ_SIZE);
	if (r == 0)
		r = decode_chunked(t, c, &body, &raw, fault);
	if (r == 0)
		req->body = arena_str(&req->arena, buf_str(&body));
	buf_fini(&raw);
	buf_fini(&body);
	return r;
}

static int decode_content(struct session *c, struct http_fault *fault)
{
	struct request *req = &c->req;
	struct str coding = http_value(&req->head, HTTP_CONTENT_ENCODING);
	size_t max = c->server->cfg.inflated_max;
	enum inflate_coding kind = inflate_coding_find(coding);
	struct buf plain;
	int r;

	if (kind == INFLATE_NONE)
		return 0;
	if (kind == INFLATE_UNKNOWN) {
		return session_fault(fault, 415,
				     "content-encoding is none of zstd, gzip, "
				     "deflate, identity");
	}
	buf_init(&plain, max);
	r = inflate_all(kind, req->body, &plain);
	if (r == 0)
		req->body = arena_str(&req->arena, buf_str(&plain));
	buf_fini(&plain);
	if (r == -EMSGSIZE) {
		return session_fault(fault, 413,
				     "the request's body inflates to over %zu "
				     "bytes",
				     max);
	}
	if (r < 0) {
		return session_fault(fault, 400,
				     "the request's body is not what its "
				     "content-encoding says: " STR_FMT,
				     STR_ARG(err_text()));
	}
	return 0;
}

int intake_read(struct task *t, struct session *c, struct http_fault *fault)
{
	static const struct str go_on =
		STR_INIT("HTTP/1.1 100 Continue\r\n\r\n");
	struct request *req = &c->req;
	int r = 0;

	if (req->head.framing == HTTP_BODY_NONE)
		return 0;
	if (c->server->cfg.streams != NULL && c->server->cfg.streams(req)) {
		upload_begin(c);
		return 0;
	}
	task_note(t, "reading a request's body from", STR_NULL);
	if (req->head.expect_continue && session_rest(c).len == 0 &&
	    req->head.content_length <= c->server->cfg.body_max)
		r = io_write(t, c->io, &go_on, 1,
			     task_now(t) + c->server->cfg.write_timeout_ns);
	if (r < 0)
		return r;
	if (req->head.framing == HTTP_BODY_CHUNKED)
		r = read_chunked(t, c, fault);
	else
		r = read_length(t, c, fault);
	return r == 0 ? decode_content(c, fault) : r;
}
