#include "net/websocket.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/base64.h"
#include "base/err.h"
#include "net/session.h"

enum {
	READ_SIZE = 16 * 1024,
	AHEAD_MAX = 64 * 1024, /* read beyond a message */
	FRAME_IN_MAX = 14,     /* the longest head of one that comes */
	KEY_BYTES = 16,
	REASON_MAX = FRAME_CONTROL_MAX - 2,
	NOTHING = 100, /* no message is there; private */
};

static const int64_t look_ns = CLOCK_S; /* for the server's end */
static const int64_t last_ns = CLOCK_S; /* for the peer's close frame */

static struct str field(const struct request *req, struct str name)
{
	const struct http_header *h = http_find_name(&req->head, name);

	return h != NULL ? h->value : STR_NULL;
}

bool websocket_is_asked(const struct request *req)
{
	return http_has_token(http_value(&req->head, HTTP_UPGRADE),
			      STR("websocket"));
}

static int refuse(struct http_fault *fault, int status, const char *text)
{
	(void)session_fault(fault, status, "%s", text);
	return WEBSOCKET_REFUSED;
}

/* RFC 6455 section 4.2.1 */
static int check(struct request *req, struct http_fault *fault)
{
	struct str key = field(req, STR("sec-websocket-key")), bytes;

	if (!str_eq(req->head.method, STR("GET")) || req->head.minor < 1)
		return refuse(fault, 400,
			      "WebSocket begins with GET and HTTP/1.1.");
	if (!http_has_token(http_value(&req->head, HTTP_CONNECTION),
			    STR("upgrade"))) {
		return refuse(fault, 400,
			      "WebSocket needs the header connection: "
			      "upgrade.");
	}
	if (!str_eq(field(req, STR("sec-websocket-version")), STR("13")))
		return refuse(fault, 426,
			      "Only version 13 of WebSocket is spoken here.");
	if (!base64_read(key, &req->arena, &bytes) || bytes.len != KEY_BYTES) {
		return refuse(fault, 400,
			      "The header sec-websocket-key is not the base64 "
			      "of 16 bytes.");
	}
	return 0;
}

/* RFC 6455 section 4.2.2, 5.4: proves that the key was read. */
static int write_proof(struct buf *out, struct str key)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char text[64], digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	assert(key.len > 0 && key.len + sizeof(magic) <= sizeof(text));
	for (size_t i = 0; i < key.len; i++)
		text[i] = (unsigned char)key.ptr[i];
	memcpy(text + key.len, magic, sizeof(magic) - 1);
	if (EVP_Digest(text, key.len + sizeof(magic) - 1, digest, &len,
		       EVP_sha1(), NULL) != 1)
		return err_new(-EIO, "SHA-1 cannot be had");
	return base64_write(out, (struct str){ (char *)digest, len });
}

static int answer(struct task *t, struct request *req)
{
	struct buf proof;
	int r;

	buf_init(&proof, 64);
	r = write_proof(&proof, field(req, STR("sec-websocket-key")));
	if (r == 0) {
		request_start(req, 101, STR_NULL);
		request_header(req, STR("upgrade"), STR("websocket"));
		request_header(req, STR("connection"), STR("Upgrade"));
		request_header(req, STR("sec-websocket-accept"),
			       buf_str(&proof));
		request_header(req, STR("x-request-id"), request_id(req));
		r = request_upgrade(t, req);
	}
	buf_fini(&proof);
	return r < 0 ? err_up(r) : 0;
}

int websocket_accept(struct task *t, struct request *req, size_t message_max,
		     struct http_fault *fault, struct websocket *out)
{
	int r = check(req, fault);

	if (r != 0)
		return r;
	*out = (struct websocket){ .req = req, .message_max = message_max };
	buf_init(&out->in, message_max + FRAME_IN_MAX + AHEAD_MAX);
	buf_init(&out->message, message_max);
	r = buf_add(&out->in, session_rest(session_of(req)));
	if (r == 0)
		r = answer(t, req);
	if (r < 0)
		buf_fini(&out->in);
	return r < 0 ? err_up(r) : 0;
}

static int send_frame(struct task *t, struct websocket *ws,
		      enum frame_type type, struct str payload)
{
	char head[FRAME_HEAD_MAX];
	struct str pieces[] = { frame_head(type, payload.len, head), payload };
	int r = request_raw(t, ws->req, pieces, 2);

	if (r < 0)
		ws->closed = ws->heard = true;
	return r < 0 ? err_up(r) : 0;
}

static void send_close(struct task *t, struct websocket *ws, unsigned code,
		       struct str reason)
{
	char text[FRAME_CONTROL_MAX];
	size_t len = reason.len < REASON_MAX ? reason.len : REASON_MAX;

	if (ws->closed)
		return;
	text[0] = (char)(code >> 8);
	text[1] = (char)code;
	if (len > 0)
		memcpy(text + 2, reason.ptr, len);
	if (send_frame(t, ws, FRAME_CLOSE, (struct str){ text, len + 2 }) < 0)
		err_clear();
	ws->closed = true;
}

static int fail(struct task *t, struct websocket *ws, unsigned code,
		const char *why)
{
	send_close(t, ws, code, str_of(why));
	return WEBSOCKET_CLOSED;
}

/* The bytes that are no message given out. */
static struct str rest_of(const struct websocket *ws)
{
	return str_drop(buf_str(&ws->in), ws->taken);
}

/* What the control frames in the buffer ask for. */
struct asked {
	bool ping;
	bool close;
	unsigned code;
	size_t len;
	char payload[FRAME_CONTROL_MAX]; /* of the newest ping */
};

static void hear_control(const struct frame *f, char *payload, struct asked *a)
{
	size_t len = (size_t)f->len;

	frame_unmask(payload, len, f->mask);
	if (f->type == FRAME_CLOSE) {
		a->close = true;
		a->code = frame_close_code((struct str){ payload, len });
	} else if (f->type == FRAME_PING) {
		a->ping = true;
		a->len = len;
		memcpy(a->payload, payload, len);
	}
}

/*
 * Take the control frames out of the buffer: one pass, so that a flood of them
 * costs what its bytes do.  Returns 0, or -EPROTO or -EMSGSIZE with *why.
 */
static int sift(struct websocket *ws, struct asked *a, const char **why)
{
	char *in = ws->in.ptr;
	size_t from = ws->taken, to = ws->taken, whole;
	struct frame f;
	int n = 0;

	while (!a->close) {
		struct str rest = { in + from, ws->in.len - from };

		n = frame_parse(rest, &f, why);
		if (n > 0 && !frame_is_control(f.type) &&
		    f.len > ws->message_max - ws->message.len) {
			*why = "the message is too long";
			n = -EMSGSIZE;
		}
		if (n <= 0 || rest.len - (size_t)n < f.len)
			break;
		whole = (size_t)n + (size_t)f.len;
		if (frame_is_control(f.type)) {
			hear_control(&f, in + from + n, a);
		} else {
			memmove(in + to, in + from, whole);
			to += whole;
		}
		from += whole;
	}
	if (from > to)
		memmove(in + to, in + from, ws->in.len - from);
	ws->in.len -= from - to;
	return n < 0 ? n : 0;
}

/*
 * Answer what the control frames ask for.  Of several pings only the newest
 * (RFC 6455 section 5.5.3).
 */
static int heed(struct task *t, struct websocket *ws)
{
	struct asked a = { 0 };
	const char *why = NULL;
	int r = ws->in.len > ws->taken ? sift(ws, &a, &why) : 0;

	if (r < 0) {
		return fail(t, ws,
			    r == -EMSGSIZE ? FRAME_CLOSE_TOO_BIG
					   : FRAME_CLOSE_PROTOCOL,
			    why);
	}
	if (a.close) {
		ws->peer_code = a.code;
		ws->heard = true;
		return fail(t, ws,
			    a.code != 0 ? FRAME_CLOSE_NORMAL
					: FRAME_CLOSE_PROTOCOL,
			    "");
	}
	if (!a.ping)
		return 0;
	r = send_frame(t, ws, FRAME_PONG, (struct str){ a.payload, a.len });
	return r < 0 ? err_up(r) : 0;
}

static int check_order(struct task *t, struct websocket *ws,
		       const struct frame *f)
{
	if (f->type == FRAME_BINARY)
		return fail(t, ws, FRAME_CLOSE_UNSUPPORTED,
			    "messages are text here, not binary");
	if ((f->type == FRAME_MORE) != ws->in_fragments) {
		return fail(t, ws, FRAME_CLOSE_PROTOCOL,
			    f->type == FRAME_MORE
				    ? "no message has begun"
				    : "the message before has not ended");
	}
	return 0;
}

/* One frame of data.  Returns 0 with the whole message, NOTHING, or as fail. */
static int take_frame(struct task *t, struct websocket *ws, struct str *message)
{
	struct str rest = rest_of(ws);
	const char *why;
	struct frame f;
	char *payload;
	int r = 0, n = frame_parse(rest, &f, &why);

	if (n <= 0 || rest.len - (size_t)n < f.len)
		return NOTHING;
	r = check_order(t, ws, &f);
	if (r != 0)
		return r;
	payload = ws->in.ptr + ws->taken + n;
	frame_unmask(payload, (size_t)f.len, f.mask);
	*message = (struct str){ payload, (size_t)f.len };
	ws->taken += (size_t)n + (size_t)f.len;
	if (!f.is_last || ws->in_fragments) {
		r = buf_add(&ws->message, *message);
		*message = buf_str(&ws->message);
	}
	ws->in_fragments = !f.is_last;
	if (r < 0)
		return fail(t, ws, FRAME_CLOSE_TOO_BIG,
			    "the message is too long");
	return f.is_last ? 0 : NOTHING;
}

static int take(struct task *t, struct websocket *ws, struct str *message)
{
	size_t before;
	int r;

	do {
		before = ws->taken;
		r = take_frame(t, ws, message);
	} while (r == NOTHING && ws->taken > before);
	if (r == 0 && !frame_is_text(*message))
		return fail(t, ws, FRAME_CLOSE_NOT_TEXT,
			    "the message is not UTF-8");
	return r;
}

/* Room for the next read; what was given out is gone after this. */
static int make_room(struct websocket *ws)
{
	buf_drop(&ws->in, ws->taken);
	ws->taken = 0;
	if (ws->in.len == 0)
		buf_release(&ws->in);
	return buf_reserve(&ws->in, READ_SIZE);
}

static int read_some(struct task *t, struct websocket *ws, int64_t deadline_ns)
{
	struct io *io = ws->req->io;
	int64_t until_ns = task_now(t) + look_ns;
	size_t n;
	int r = make_room(ws);

	if (r < 0)
		return err_up(r);
	if (until_ns > deadline_ns)
		until_ns = deadline_ns;
	r = io_read(t, io, ws->in.ptr + ws->in.len, READ_SIZE, until_ns, &n);
	if (r == -ETIMEDOUT && until_ns < deadline_ns) {
		bool idle = ws->in.len == 0 && !ws->in_fragments;

		return idle && server_is_ending(ws->req->server)
			       ? WEBSOCKET_SERVER_ENDS
			       : 0;
	}
	if (r < 0)
		return err_up(r);
	ws->in.len += n;
	if (n == 0)
		ws->closed = ws->heard = true;
	return n > 0 ? 0 : WEBSOCKET_CLOSED;
}

int websocket_receive(struct task *t, struct websocket *ws, int64_t deadline_ns,
		      struct str *message)
{
	int r;

	if (!ws->in_fragments)
		buf_clear(&ws->message);
	while (!ws->closed) {
		r = heed(t, ws);
		if (r == 0)
			r = take(t, ws, message);
		if (r == NOTHING)
			r = read_some(t, ws, deadline_ns);
		else
			return r < 0 ? err_up(r) : r;
		if (r != 0)
			return r < 0 ? err_up(r) : r;
	}
	return WEBSOCKET_CLOSED;
}

int websocket_poll(struct task *t, struct websocket *ws)
{
	size_t room, n;
	int r;

	while (!ws->closed) {
		/* Mostly nothing has come: that costs nothing to know. */
		if (!(io_ready(ws->req->io) & IO_READABLE))
			return 0;
		room = ws->in.max - ws->in.len;
		room = room < READ_SIZE ? room : READ_SIZE;
		if (room == 0)
			return 0;
		if (buf_reserve(&ws->in, room) < 0)
			return 0;
		r = io_try_read(ws->req->io, ws->in.ptr + ws->in.len, room, &n);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return err_up(r);
		if (n == 0) {
			ws->closed = ws->heard = true;
			break;
		}
		ws->in.len += n;
		r = heed(t, ws);
		if (r != 0)
			return r < 0 ? err_up(r) : r;
	}
	return WEBSOCKET_CLOSED;
}

int websocket_send(struct task *t, struct websocket *ws, struct str text)
{
	int r;

	if (ws->closed)
		return err_new(-EPIPE, "the WebSocket is closed");
	r = send_frame(t, ws, FRAME_TEXT, text);
	if (r < 0)
		return err_up(r);
	ws->req->bytes_out += text.len;
	return 0;
}

/* The peer answers our close frame with its own, behind what it sent before. */
static void wait_for_close(struct task *t, struct websocket *ws)
{
	int64_t deadline_ns = task_now(t) + last_ns;
	char bytes[256];
	size_t left = AHEAD_MAX, n = 1;

	while (n > 0 && left > n) {
		left -= n;
		if (io_read(t, ws->req->io, bytes, sizeof(bytes), deadline_ns,
			    &n) < 0)
			break;
	}
	err_clear();
}

void websocket_close(struct task *t, struct websocket *ws, unsigned code,
		     struct str reason)
{
	send_close(t, ws, code, reason);
	ws->req->finished = true;
	ws->req->keep_alive = false;
	if (!ws->heard) {
		io_shutdown_write(ws->req->io);
		wait_for_close(t, ws);
	}
	buf_fini(&ws->in);
	buf_fini(&ws->message);
}
