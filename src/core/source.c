#include "core/source.h"

#include "core/credentials.h"
#include "core/edge_source.h"
#include "core/images.h"
#include "core/tracing.h"
#include "core/translate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	LOCAL_EVENT_MAX = 16 << 20
};

struct net_source {
	struct source base;
	struct client_response *res;
};

struct local_source {
	struct source base;
	struct exchange *x;
	struct provider_stream *state;
	struct buf out;
	int64_t due_ns; /* when out may be handed over */
	bool more;
	bool pending; /* out has bytes that nobody has seen */
};

int source_wait(struct task *t, const struct exchange *x, int64_t end_ns)
{
	struct io_wait hang_up = { .io = x->watch, .events = IO_HUNG_UP };
	int r;

	while (task_now(t) < end_ns) {
		int64_t until = end_ns;
		bool ticks = x->tick_ns > 0 && task_now(t) + x->tick_ns < until;

		if (ticks)
			until = task_now(t) + x->tick_ns;
		r = x->watch != NULL ? io_wait_any(t, &hang_up, 1, until)
				     : task_sleep(t, until);
		if (r == 0 && x->watch != NULL)
			return CLIENT_HUNG_UP;
		if (r < 0 && r != -ETIMEDOUT)
			return r;
		if (ticks && x->tick(t, x->tick_arg) != 0)
			return CLIENT_TICK_END;
	}
	return 0;
}

static int net_read(struct task *t, struct source *s, struct str *data)
{
	struct net_source *ns = (struct net_source *)(void *)s;

	return client_read(t, ns->res, data);
}

static void net_close(struct source *s)
{
	struct net_source *ns = (struct net_source *)(void *)s;

	client_done(ns->res);
}

static const struct source_type net_type = { net_read, net_close };

static void fill_request(const struct exchange *x,
			 const struct provider_call *call, int64_t now,
			 struct client_request *out)
{
	const struct config_network *net = x->via->provider.network;

	assert(call->place <= x->via->provider.place_count);
	*out = (struct client_request){
		.origin = call->place == 0 ? x->via->origin
					   : x->via->places[call->place - 1],
		.method = call->method,
		.target = call->target,
		.headers = call->headers,
		.header_count = call->header_count,
		.pieces = call->pieces,
		.piece_count = call->piece_count,
		.timeouts = { .connect_ns = net->connect_timeout_ns,
			      .first_byte_ns = net->first_byte_timeout_ns,
			      .idle_ns = net->idle_timeout_ns,
			      .deadline_ns =
				      net->total_timeout_ns > 0
					      ? now + net->total_timeout_ns
					      : CLOCK_NEVER },
		.watch = x->watch,
		.tick_ns = x->tick_ns,
		.tick = x->tick,
		.tick_arg = x->tick_arg,
	};
}

int source_request(struct exchange *x, int64_t now_ns,
		   struct client_request *out)
{
	/* Not on the stack, of which a stream is to touch one page. */
	struct provider_call *call = arena_alloc(x->arena, sizeof(*call));
	int r = provider_encode(&x->via->provider, &x->request, x->arena, call,
				&x->error);

	if (r != 0)
		return SOURCE_REFUSED;
	tracing_headers(x->trace, call);
	fill_request(x, call, now_ns, out);
	return 0;
}

static int net_open(struct task *t, struct exchange *x, struct source **out,
		    enum client_stage *stage)
{
	struct net_source *ns = arena_zalloc(x->arena, sizeof(*ns));
	struct client_request req;
	struct recorder_request *kept = NULL;
	struct arena_mark mark;
	int r = credentials_take(t, x);

	if (r != 0)
		return r < 0 ? r : SOURCE_REFUSED;
	mark = arena_mark(x->arena);
	r = source_request(x, task_now(t), &req);
	if (r != 0)
		return r;
	if (x->edge != NULL)
		kept = edge_take(x);
	/* What is recorded is read to its end, whoever listens. */
	if (kept != NULL) {
		req.watch = NULL;
		kept->key = arena_str(&kept->arena, x->request.key);
	}
	r = client_send(t, x->worker->client, &req, &ns->res, stage);
	arena_rewind(x->arena, mark);
	if (r != 0) {
		if (kept != NULL)
			recorder_failed(t, x, kept, r, *stage);
		return r;
	}
	ns->base = (struct source){ &net_type, &ns->res->head };
	x->sent_ns = ns->res->sent_ns;
	*out = &ns->base;
	if (kept != NULL)
		recorder_wrap(x, kept, out);
	return 0;
}

/* Make the next piece.  Returns 0 or SOURCE_REFUSED. */
static int generate(struct local_source *ls, int64_t now)
{
	struct exchange *x = ls->x;
	const struct provider *p = &x->upstream->provider;
	struct provider_reply reply = { .arena = x->arena,
					.out = &ls->out,
					.error = &x->error };
	int r;

	buf_clear(&ls->out);
	r = p->type->generate(p, &x->request, ls->state, &reply);
	if (r != 0 && r != 1)
		return SOURCE_REFUSED;
	ls->more = r == 1;
	ls->pending = ls->out.len > 0;
	ls->due_ns = now + reply.wait_ns;
	return 0;
}

static int local_read(struct task *t, struct source *s, struct str *data)
{
	struct local_source *ls = (struct local_source *)(void *)s;
	int r;

	while (!ls->pending && ls->more) {
		r = generate(ls, task_now(t));
		if (r != 0)
			return -EPROTO;
	}
	r = source_wait(t, ls->x, ls->due_ns);
	if (r != 0)
		return r;
	*data = ls->pending ? buf_str(&ls->out) : STR_NULL;
	ls->pending = false;
	return 0;
}

static void local_close(struct source *s)
{
	struct local_source *ls = (struct local_source *)(void *)s;

	buf_fini(&ls->out);
}

static const struct source_type local_type = { local_read, local_close };

static int local_open(struct task *t, struct exchange *x, struct source **out)
{
	const struct provider_type *type = x->upstream->provider.type;
	struct local_source *ls = arena_zalloc(x->arena, sizeof(*ls));
	int r;

	ls->base.type = &local_type;
	ls->x = x;
	ls->state = arena_zalloc(x->arena, type->stream_size);
	buf_init(&ls->out, LOCAL_EVENT_MAX);
	x->sent_ns = task_now(t);
	r = generate(ls, task_now(t));
	if (r != 0) {
		buf_fini(&ls->out);
		return r;
	}
	*out = &ls->base;
	return 0;
}

/* Returns as source_open(): from a recording, or the network. */
static int remote_open(struct task *t, struct exchange *x, struct source **out,
		       enum client_stage *stage)
{
	int r;

	if (x->edge != NULL) {
		r = edge_open(t, x, out, stage);
		if (r != EDGE_GO_LIVE)
			return r;
	}
	r = images_fetch(t, x);
	if (r != 0)
		r = r == -ECANCELED ? r : SOURCE_REFUSED;
	else
		r = net_open(t, x, out, stage);
	if (x->edge != NULL)
		edge_forget(x);
	return r;
}

int source_open(struct task *t, struct exchange *x, struct source **out,
		enum client_stage *stage)
{
	const struct provider_type *type = x->upstream->provider.type;
	int r;

	if ((type->caps & PROVIDER_LOCAL) != 0)
		return local_open(t, x, out);
	r = remote_open(t, x, out, stage);
	if (r == 0 && type->translate != NULL && (*out)->head->status >= 200 &&
	    (*out)->head->status < 300)
		*out = translate_source(x, *out);
	return r;
}
