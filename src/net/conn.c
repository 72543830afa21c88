#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"

static const char *const doing[] = {
	[CLIENT_WRITE] = "sending the request to",
	[CLIENT_FIRST_BYTE] = "waiting for the answer of",
	[CLIENT_HEAD] = "reading the answer of",
	[CLIENT_BODY] = "reading the body of",
};

struct conn *conn_new(struct client *client, struct conn_shared *shared,
		      struct io *io)
{
	struct conn *c = xcalloc(1, sizeof(*c));

	c->client = client;
	c->shared = shared;
	c->io = io;
	list_init(&c->link);
	buf_init(&c->head, HTTP_HEAD_MAX);
	buf_init(&c->fields, CONN_FIELDS_MAX);
	return c;
}

void conn_take_head(struct conn *c)
{
	assert(c->out_head.ptr == NULL);

	c->out_head = (struct buf){
		.ptr = bufs_take(&c->shared->heads),
		.cap = c->shared->heads.size,
		.max = c->shared->heads.size,
	};
}

void conn_give_head(struct conn *c)
{
	bufs_give(&c->shared->heads, c->out_head.ptr);
	c->out_head = (struct buf){ 0 };
}

void conn_relax(struct conn *c)
{
	bufs_give(&c->shared->blocks, c->in);
	bufs_give(&c->shared->blocks, c->inflated);
	c->in = NULL;
	c->inflated = NULL;
	c->in_at = 0;
	c->in_len = 0;
}

void conn_free(struct conn *c)
{
	if (c == NULL)
		return;
	list_drop(&c->link);
	io_close(c->io);
	conn_relax(c);
	body_fini(&c->body);
	conn_give_head(c);
	buf_fini(&c->head);
	buf_fini(&c->fields);
	free(c);
}

static void buf_recycle(struct buf *b)
{
	buf_clear(b);
	if (b->cap > CONN_KEEP_MAX)
		buf_release(b);
}

void conn_rest(struct conn *c)
{
	conn_relax(c);
	conn_give_head(c);
	buf_recycle(&c->head);
	buf_recycle(&c->fields);
	body_fini(&c->body);
	c->body = (struct body){ 0 };
}

void conn_begin(struct conn *c, const struct client_request *req)
{
	assert(c->in == NULL && c->inflated == NULL && c->head.len == 0);

	c->res = (struct client_response){ 0 };
	c->to = req->origin;
	c->method = req->method;
	c->timeouts = req->timeouts;
	c->watch = req->watch;
	c->tick_ns = req->tick != NULL ? req->tick_ns : 0;
	c->tick = req->tick;
	c->tick_arg = req->tick_arg;

	c->sent = false;
	c->answered = false;
	c->heard = false;
	c->died = false;
	c->eof = false;
	c->failed = 0;
	c->head_scan = 0;
	c->interims = 0;
	c->peer_keeps_ns = 0;
}

int64_t conn_deadline(const struct client_timeouts *timeouts, int64_t now_ns,
		      int64_t span_ns)
{
	int64_t last_ns =
		timeouts->deadline_ns > 0 ? timeouts->deadline_ns : CLOCK_NEVER;

	if (span_ns <= 0 || span_ns >= last_ns - now_ns)
		return last_ns;
	return now_ns + span_ns;
}

int conn_error(struct conn *c, int code)
{
	struct str why = err_text();
	char text[ERR_TEXT_MAX];
	size_t len = why.len;

	if (len > 0)
		memcpy(text, why.ptr, len);
	if (c->to->is_unix) {
		return err_new(code, "%s unix:" STR_FMT ": " STR_FMT,
			       doing[c->stage], STR_ARG(c->to->host), (int)len,
			       text);
	}
	return err_new(code, "%s " STR_FMT ":%u: " STR_FMT, doing[c->stage],
		       STR_ARG(c->to->host), c->to->port, (int)len, text);
}

static int wait_once(struct task *t, struct conn *c, unsigned events,
		     int64_t deadline_ns, unsigned *ready)
{
	struct io_wait waits[2] = {
		{ .io = c->io, .events = events },
		{ .io = c->watch, .events = IO_HUNG_UP },
	};
	int r = io_wait_any(t, waits, c->watch != NULL ? 2 : 1, deadline_ns);

	if (r < 0)
		return r;
	*ready = waits[0].ready;
	return waits[1].ready != 0 ? CLIENT_HUNG_UP : 0;
}

int conn_wait(struct task *t, struct conn *c, unsigned events,
	      int64_t deadline_ns, unsigned *ready)
{
	for (;;) {
		int64_t until_ns = deadline_ns;
		int r;

		if (c->tick_ns > 0 && c->tick_ns < deadline_ns - c->quiet_ns)
			until_ns = c->quiet_ns + c->tick_ns;
		r = wait_once(t, c, events, until_ns, ready);
		if (r != -ETIMEDOUT)
			return r < 0 ? err_up(r) : r;
		if (until_ns == deadline_ns)
			return err_new(-ETIMEDOUT, "timed out");
		c->quiet_ns = task_now(t);
		if (c->tick(t, c->tick_arg) != 0)
			return CLIENT_TICK_END;
	}
}

int conn_io_error(int code)
{
	if (err_text().len > 0)
		return err_up(code);
	return err_new(code, "%s", strerrordesc_np(-code));
}

int conn_read(struct conn *c)
{
	size_t n;
	int r;

	assert(c->in_len == 0);

	if (c->in == NULL)
		c->in = bufs_take(&c->shared->blocks);
	err_clear();
	r = io_try_read(c->io, c->in, c->shared->blocks.size, &n);
	if (r == -EAGAIN)
		return r;
	if (r < 0)
		return conn_io_error(r);
	c->in_at = 0;
	c->in_len = n;
	c->eof = n == 0;
	c->heard = c->heard || n > 0;
	return 0;
}

int conn_fill(struct task *t, struct conn *c, int64_t deadline_ns)
{
	unsigned ready;
	int r;

	do {
		conn_relax(c);
		r = conn_wait(t, c, IO_READABLE, deadline_ns, &ready);
		if (r != 0)
			return r < 0 ? err_up(r) : r;
		r = conn_read(c);
	} while (r == -EAGAIN);
	c->quiet_ns = task_now(t);
	return r < 0 ? err_up(r) : 0;
}
