#include "net/exchange.h"

#include <assert.h>
#include <errno.h>

#include "base/err.h"
#include "net/client_head.h"

enum {
	PIECES_MAX = 32, /* of one gathering write */
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

/* Each write must move within the time that may pass between bytes. */
static int send_all(struct task *t, struct conn *c,
		    const struct client_request *req)
{
	struct cursor cur = {
		.head = buf_str(&c->out_head),
		.pieces = req->pieces,
		.count = req->piece_count,
	};
	int64_t deadline_ns = 0;
	size_t moved;
	int r;

	c->stage = CLIENT_WRITE;
	for (;;) {
		r = send_some(c, &cur, &moved);
		if (r < 0)
			return send_failed(c, r);
		if (r == 0)
			break;
		if (moved > 0 || deadline_ns == 0) {
			deadline_ns = conn_deadline(&c->timeouts, task_now(t),
						    c->timeouts.idle_ns);
		}
		r = send_wait(t, c, deadline_ns);
		if (r != 0 || c->answered)
			return r;
	}
	c->sent = true;
	return 0;
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
