#include "net/exchange.h"

#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "http/chunk.h"
#include "net/client_head.h"

enum {
	PIECES_MAX = 12, /* of one gathering write; they are on the stack */
	SEND_BLOCKED = 1
};

/* What is still to be sent: the head, then the request's pieces. */
struct cursor {
	struct str head;
	const struct str *pieces;
	size_t count;
	size_t at;   /* 0 is the head, i + 1 is piece i */
	size_t done; /* bytes of it that were sent */
};

static struct str cursor_piece(const struct cursor *cur, size_t i)
{
	return i == 0 ? cur->head : cur->pieces[i - 1];
}

static size_t cursor_gather(const struct cursor *cur,
			    struct str out[PIECES_MAX])
{
	size_t n = 0, skip = cur->done;

	for (size_t i = cur->at; i <= cur->count && n < PIECES_MAX; i++) {
		struct str piece = str_drop(cursor_piece(cur, i), skip);

		skip = 0;
		if (piece.len > 0)
			out[n++] = piece;
	}
	return n;
}

static void cursor_move(struct cursor *cur, size_t n)
{
	while (cur->at <= cur->count) {
		size_t left = cursor_piece(cur, cur->at).len - cur->done;

		if (n < left) {
			cur->done += n;
			return;
		}
		n -= left;
		cur->at++;
		cur->done = 0;
	}
	assert(n == 0);
}

/* Returns 0 when all was sent, SEND_BLOCKED, or -errno. */
static int send_some(struct conn *c, struct cursor *cur, size_t *moved)
{
	filled_later struct str pieces[PIECES_MAX];
	size_t count, n, want;
	int r;

	*moved = 0;
	while ((count = cursor_gather(cur, pieces)) > 0) {
		want = 0;
		for (size_t i = 0; i < count; i++)
			want += pieces[i].len;
		err_clear();
		r = io_try_write(c->io, pieces, count, &n);
		if (r < 0)
			return conn_io_error(r);
		cursor_move(cur, n);
		*moved += n;
		if (n < want)
			return SEND_BLOCKED;
	}
	return 0;
}

/* The stream is dead: stale, if it is an old one that never answered. */
static int die(struct conn *c, int code)
{
	c->died = !c->heard;
	if (c->heard)
		c->stage = CLIENT_HEAD;
	return code;
}

/* Returns as client_head_feed(). */
static int feed(struct conn *c)
{
	int r = client_head_feed(c);

	if (r < 0)
		c->stage = CLIENT_HEAD;
	c->answered = r == 0;
	return r < 0 ? err_up(r) : r;
}

/*
 * Something came while the request is still being sent: the answer, an interim
 * one, a part of them, or the end.  Returns 0 or -errno.
 */
static int hear_early(struct conn *c)
{
	int r = conn_read(c);

	if (r < 0 && r != -EAGAIN)
		return die(c, err_up(r));
	if (r == 0 && c->eof)
		return die(c, err_new(-ECONNRESET, "it closed the connection"));
	if (r == 0)
		r = feed(c);
	if (!c->answered)
		conn_relax(c);
	return r < 0 && r != -EAGAIN ? err_up(r) : 0;
}

/*
 * A peer that refuses a body may answer and close: its answer can be in our
 * socket although writing fails.
 */
static int send_failed(struct conn *c, int code)
{
	struct str why = err_text();
	char text[ERR_TEXT_MAX];
	size_t len = why.len;
	int r;

	if (len > 0)
		memcpy(text, why.ptr, len);
	r = hear_early(c);
	if (r == 0 && c->answered)
		return 0;
	return die(c, err_new(code, STR_FMT, (int)len, text));
}

static int send_wait(struct task *t, struct conn *c, int64_t deadline_ns)
{
	unsigned ready;
	int r = conn_wait(t, c, IO_WRITABLE | IO_READABLE, deadline_ns, &ready);

	if (r == 0 && (ready & IO_READABLE) != 0)
		r = hear_early(c);
	return r < 0 ? err_up(r) : r;
}

/*
 * Each write must move within the time that may pass between bytes.  Returns 0
 * also when the answer came meanwhile.
 */
static int send_pieces(struct task *t, struct conn *c, struct cursor *cur)
{
	int64_t deadline_ns = 0;
	size_t moved;
	int r;

	for (;;) {
		r = send_some(c, cur, &moved);
		if (r < 0)
			return send_failed(c, r);
		if (r == 0)
			return 0;
		if (moved > 0 || deadline_ns == 0) {
			deadline_ns = conn_deadline(&c->timeouts, task_now(t),
						    c->timeouts.idle_ns);
		}
		r = send_wait(t, c, deadline_ns);
		if (r != 0 || c->answered)
			return r;
	}
}

static int send_whole(struct task *t, struct conn *c,
		      const struct client_request *req)
{
	struct cursor cur = {
		.head = buf_str(&c->out_head),
		.pieces = req->pieces,
		.count = req->piece_count,
	};
	int r = send_pieces(t, c, &cur);

	c->sent = r == 0 && cur.at > cur.count;
	return r;
}

/* Wait until the body's source may have more, or the answer is there. */
static int wait_source(struct task *t, struct conn *c, struct client_body *body)
{
	struct io_wait waits[2] = {
		{ .io = c->io, .events = IO_READABLE },
		{ .io = body->io, .events = IO_READABLE },
	};
	int64_t last_ns = conn_deadline(&c->timeouts, task_now(t), 0);
	int64_t until_ns = task_now(t) + body->idle_ns;
	int r = io_wait_any(t, waits, 2,
			    until_ns < last_ns ? until_ns : last_ns);

	if (r == -ETIMEDOUT && until_ns < last_ns) {
		body->failed = r;
		return CLIENT_BODY_FAILED;
	}
	if (r < 0)
		return err_up(r);
	return waits[0].ready != 0 ? hear_early(c) : 0;
}

/*
 * The next bytes of the body.  Returns 0 with *data, also when the answer came
 * meanwhile; CLIENT_BODY_FAILED; or -errno.
 */
static int next_of_body(struct task *t, struct conn *c,
			struct client_body *body, struct str *data)
{
	int r;

	*data = STR_NULL;
	for (;;) {
		r = body->next(t, body->arg, data);
		if (r == 0 && data->len > body->length - body->taken &&
		    body->has_length)
			r = -EPROTO;
		if (r == 0)
			break;
		if (r != -EAGAIN) {
			body->failed = r;
			return CLIENT_BODY_FAILED;
		}
		r = wait_source(t, c, body);
		if (r != 0 || c->answered)
			return r;
	}
	body->taken += data->len;
	return 0;
}

/* One chunk, or the plain bytes. */
static int send_part(struct task *t, struct conn *c, struct str head,
		     struct str data, bool chunked)
{
	char text[CHUNK_HEAD_MAX];
	struct str pieces[] = { STR_NULL, data, STR_NULL };
	struct cursor cur = { .head = head, .pieces = pieces, .count = 3 };

	if (chunked && data.len > 0) {
		pieces[0] = chunk_head(data.len, text);
		pieces[2] = STR("\r\n");
	} else if (chunked) {
		pieces[2] = CHUNK_LAST;
	}
	return send_pieces(t, c, &cur);
}

/*
 * The body as it comes.  Between two parts there is a wait, although it is over
 * at once when the peer takes more: it sees an early answer and the client's
 * hang-up, and lets the other tasks run.  Out of line: few requests need it, and
 * all pay for its room on the stack.
 */
static __attribute__((noinline)) int send_body(struct task *t, struct conn *c,
					       struct client_body *body)
{
	struct str head = buf_str(&c->out_head), data;
	int r;

	for (;;) {
		r = next_of_body(t, c, body, &data);
		if (r != 0 || c->answered)
			return r;
		if (data.len == 0)
			break;
		r = send_part(t, c, head, data, !body->has_length);
		head = STR_NULL;
		if (body->has_length && body->taken == body->length)
			break;
		if (r == 0 && !c->answered) {
			r = send_wait(t, c,
				      conn_deadline(&c->timeouts, task_now(t),
						    c->timeouts.idle_ns));
		}
		if (r != 0 || c->answered)
			return r;
	}
	if (body->has_length && body->taken < body->length) {
		body->failed = -EPROTO;
		return CLIENT_BODY_FAILED;
	}
	if (r == 0 && !c->answered)
		r = send_part(t, c, head, STR_NULL, !body->has_length);
	c->sent = r == 0 && !c->answered;
	return r;
}

static int send_all(struct task *t, struct conn *c,
		    const struct client_request *req)
{
	c->stage = CLIENT_WRITE;
	return req->body != NULL ? send_body(t, c, req->body)
				 : send_whole(t, c, req);
}

static int read_head(struct task *t, struct conn *c, int64_t deadline_ns)
{
	int r;

	c->stage = CLIENT_FIRST_BYTE;
	do {
		r = conn_fill(t, c, deadline_ns);
		if (r > 0)
			return r;
		if (r == -ETIMEDOUT || r == -ECANCELED)
			return err_up(r);
		if (r < 0)
			return die(c, err_up(r));
		if (c->eof) {
			return die(c, err_new(-ECONNRESET,
					      "it closed the connection"));
		}
		r = feed(c);
	} while (r == CLIENT_HEAD_MORE);
	return r < 0 ? err_up(r) : 0;
}

int exchange_run(struct task *t, struct conn *c,
		 const struct client_request *req)
{
	int r;

	c->quiet_ns = task_now(t);
	r = send_all(t, c, req);
	if (r != 0)
		return r < 0 ? err_up(r) : r;
	conn_give_head(c);
	c->res.sent_ns = task_now(t);
	if (!c->answered) {
		r = read_head(t, c,
			      conn_deadline(&c->timeouts, c->res.sent_ns,
					    c->timeouts.first_byte_ns));
	}
	c->res.head_ns = task_now(t);
	return r < 0 ? err_up(r) : r;
}
