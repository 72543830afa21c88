#include "net/client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/counter.h"
#include "base/err.h"
#include "net/client_head.h"
#include "net/conn.h"
#include "net/dial.h"
#include "net/exchange.h"
#include "net/pool.h"

enum {
	BLOCK_SIZE = 64 * 1024,
	INFLATED_MAX = 256 << 20
};

struct client {
	struct loop *loop;
	struct client_cfg cfg;
	struct pool pool;
	struct conn_shared shared;
	struct client_stats stats;
};

static struct conn *conn_of(struct client_response *res)
{
	return list_entry(res, struct conn, res);
}

struct client *client_new(struct loop *loop, const struct client_cfg *cfg)
{
	struct client *c = xcalloc(1, sizeof(*c));

	c->loop = loop;
	c->cfg = *cfg;
	if (c->cfg.body_buf_size == 0)
		c->cfg.body_buf_size = BLOCK_SIZE;
	if (c->cfg.inflated_max == 0)
		c->cfg.inflated_max = INFLATED_MAX;
	pool_init(&c->pool, cfg->pool_max, cfg->pool_idle_ns);
	bufs_init(&c->shared.blocks, c->cfg.body_buf_size);
	bufs_init(&c->shared.heads, HTTP_HEAD_MAX);
	arena_init(&c->shared.scratch, CONN_SCRATCH_MAX);
	return c;
}

void client_free(struct client *c)
{
	if (c == NULL)
		return;
	assert(c->stats.active == 0);
	pool_fini(&c->pool);
	bufs_fini(&c->shared.blocks);
	bufs_fini(&c->shared.heads);
	arena_fini(&c->shared.scratch);
	free(c);
}

static struct conn *pooled_conn(struct client *client,
				const struct client_request *req)
{
	struct conn *c;

	if (req->origin->allow != NULL)
		return NULL;
	c = pool_take(&client->pool, req->origin->id, loop_now(client->loop));
	if (c == NULL)
		return NULL;
	counter_add(&client->stats.reuses, 1);
	conn_begin(c, req);
	c->res.reused = true;
	return c;
}

/* What the body needs to be undone, known from the head. */
static int start_body(struct client *client, struct conn *c)
{
	const struct http_head *head = &c->res.head;
	struct str name = http_value(head, HTTP_CONTENT_ENCODING);
	enum inflate_coding coding = INFLATE_NONE;
	struct inflate *z = NULL;

	if (!c->coded && head->framing != HTTP_BODY_NONE)
		coding = inflate_coding_find(name);
	if (coding == INFLATE_UNKNOWN) {
		return err_new(-EPROTO, "unknown content coding '" STR_FMT "'",
			       STR_ARG(str_take(name, 32)));
	}
	if (coding != INFLATE_NONE)
		z = inflate_new(coding, client->cfg.inflated_max);
	c->res.inflated = z != NULL;
	body_start(&c->body, head, z);
	return 0;
}

static int run(struct task *t, struct client *client, struct conn *c,
	       const struct client_request *req)
{
	int r;

	c->stage = CLIENT_WRITE;
	r = client_head_make(c, req,
			     client->cfg.pool_max > 0 &&
				     req->origin->allow == NULL);
	if (r < 0)
		return err_up(r);
	r = exchange_run(t, c, req);
	if (r != 0)
		return r < 0 ? err_up(r) : r;
	c->stage = CLIENT_HEAD;
	r = start_body(client, c);
	return r < 0 ? err_up(r) : 0;
}

static int fail(struct conn *c, int r, enum client_stage *out_stage)
{
	*out_stage = c->stage;
	if (r < 0)
		r = conn_error(c, r);
	conn_free(c);
	return r;
}

static int send_new(struct task *t, struct client *client,
		    const struct client_request *req, struct conn **out,
		    enum client_stage *out_stage)
{
	struct conn *c;
	struct io *io;
	int r = dial_watched(t, req,
			     conn_deadline(&req->timeouts, task_now(t),
					   req->timeouts.connect_ns),
			     out_stage, &io);

	if (r != 0)
		return r < 0 ? err_up(r) : r;
	counter_add(&client->stats.connects, 1);
	c = conn_new(client, &client->shared, io);
	conn_begin(c, req);
	r = run(t, client, c, req);
	if (r != 0)
		return fail(c, r, out_stage);
	*out = c;
	return 0;
}

int client_send(struct task *t, struct client *client,
		const struct client_request *req, struct client_response **out,
		enum client_stage *out_stage)
{
	struct conn *c = req->body == NULL ? pooled_conn(client, req) : NULL;
	bool retried = false;
	int r;

	if (c != NULL) {
		r = run(t, client, c, req);
		retried = r < 0 && c->died && !req->once;
		if (r != 0 && !retried)
			return fail(c, r, out_stage);
	}
	if (retried) {
		counter_add(&client->stats.stale_retries, 1);
		conn_free(c);
	}
	if (c == NULL || retried) {
		r = send_new(t, client, req, &c, out_stage);
		if (r != 0)
			return r < 0 ? err_up(r) : r;
	}
	assert(c != NULL);
	c->res.retried = retried;
	counter_add(&client->stats.active, 1);
	*out = &c->res;
	return 0;
}

static int feed_block(struct conn *c)
{
	char *ptr = c->in + c->in_at;
	size_t len = c->in_len;

	c->in_at += len;
	c->in_len = 0;
	return body_feed(&c->body, ptr, len);
}

static struct body_room room(struct conn *c)
{
	if (c->body.z == NULL)
		return (struct body_room){ 0 };
	if (c->inflated == NULL)
		c->inflated = bufs_take(&c->shared->blocks);
	return (struct body_room){ c->inflated, c->shared->blocks.size };
}

/* Wait for bytes, or the end. */
static int read_more(struct task *t, struct conn *c)
{
	int r = conn_fill(t, c,
			  conn_deadline(&c->timeouts, task_now(t),
					c->timeouts.idle_ns));

	if (r != 0)
		return r < 0 ? err_up(r) : r;
	if (c->eof)
		r = body_end(&c->body);
	return r < 0 ? err_up(r) : 0;
}

static int read_body(struct task *t, struct conn *c, struct str *data)
{
	int r;

	for (;;) {
		if (c->in_len > 0) {
			r = feed_block(c);
			if (r < 0)
				return err_up(r);
		}
		if (body_is_ready(&c->body)) {
			r = body_take(&c->body, room(c), data);
			if (r < 0)
				return err_up(r);
			if (data->len > 0 || c->body.ended)
				return 0;
		}
		r = read_more(t, c);
		if (r != 0)
			return r < 0 ? err_up(r) : r;
	}
}

int client_read(struct task *t, struct client_response *res, struct str *data)
{
	struct conn *c = conn_of(res);
	int r;

	*data = STR_NULL;
	if (c->failed < 0)
		return err_new(c->failed, "the answer has failed before");
	c->stage = CLIENT_BODY;
	r = read_body(t, c, data);
	if (r < 0) {
		c->failed = conn_error(c, r);
		*data = STR_NULL;
	}
	if (data->len == 0)
		conn_relax(c);
	return r;
}

bool client_is_ready(struct client_response *res)
{
	const struct conn *c = conn_of(res);

	return c->in_len > 0 || body_is_ready(&c->body);
}

int client_read_all(struct task *t, struct client_response *res, size_t max,
		    struct buf *out)
{
	struct conn *c = conn_of(res);
	struct str data;
	size_t n = 0;
	int r;

	for (;;) {
		r = client_read(t, res, &data);
		if (r != 0 || data.len == 0)
			return r < 0 ? err_up(r) : r;
		if (data.len > max - n || buf_add(out, data) < 0)
			break;
		n += data.len;
	}
	c->failed = err_new(-EMSGSIZE, "over %zu bytes", max);
	c->failed = conn_error(c, c->failed);
	return c->failed;
}

/*
 * The answer's end may have come along with its head, though nobody read it:
 * errors are often left unread.
 */
static bool is_reusable(struct conn *c)
{
	if (c->failed < 0 || !c->sent || c->eof || !c->res.head.keep_alive)
		return false;
	if (c->in_len > 0 && feed_block(c) < 0)
		return false;
	return c->body.ended && c->body.extra == 0;
}

void client_done(struct client_response *res)
{
	struct conn *c = conn_of(res);
	struct client *client = c->client;

	assert(client->stats.active > 0);
	counter_sub(&client->stats.active, 1);
	if (c->to->allow != NULL || !is_reusable(c)) {
		conn_free(c);
		return;
	}
	conn_rest(c);
	pool_put(&client->pool, c->to->id, c, loop_now(client->loop));
}

void client_sweep(struct client *c)
{
	pool_sweep(&c->pool, loop_now(c->loop));
}

struct client_stats client_stats(const struct client *c)
{
	return (struct client_stats){
		.connects = counter_get(&c->stats.connects),
		.reuses = counter_get(&c->stats.reuses),
		.stale_retries = counter_get(&c->stats.stale_retries),
		.active = counter_get(&c->stats.active),
		.idle = counter_get(&c->pool.idle),
	};
}
