#include "core/edge_source.h"

#include "core/library.h"
#include "core/player.h"
#include "recording/secret.h"

enum {
	REQUEST_BYTES_MAX = 128 << 20,
	SECONDS = 19, /* of a time's text: without what is behind the dot */
};

static struct str op_name(enum llm_op op)
{
	static const struct str names[] = {
		[LLM_CHAT] = STR_INIT("chat.completions"),
		[LLM_COMPLETIONS] = STR_INIT("completions"),
		[LLM_EMBEDDINGS] = STR_INIT("embeddings"),
		[LLM_MODERATIONS] = STR_INIT("moderations"),
		[LLM_RERANK] = STR_INIT("rerank"),
		[LLM_RESPONSES] = STR_INIT("responses"),
		[LLM_MODELS] = STR_INIT("models"),
		[LLM_RAW] = STR_INIT("raw"),
	};

	return names[op];
}

static struct recording_request request_of(const struct exchange *x,
					   const struct provider_call *call,
					   struct arena *a)
{
	struct recording_request req = {
		.method = arena_str(a, call->method),
		.path = arena_str(a, call->target),
		.upstream = arena_str(a, x->upstream->provider.id),
		.body = arena_join(a, call->pieces, call->piece_count),
	};

	req.header_count =
		secret_keep_headers(call->headers, call->header_count,
				    SECRET_REQUEST, a, &req.headers);
	return req;
}

static struct str base_url(const struct provider *p, struct arena *a)
{
	return arena_printf(a, "%s://" STR_FMT STR_FMT,
			    p->base.tls ? "https" : "http",
			    STR_ARG(provider_host(p, a)),
			    STR_ARG(p->base.path));
}

/* What is played needs no key, but a place for one. */
static int encode(struct exchange *x, struct provider_call *call)
{
	int r;

	x->request.key = STR("replay");
	x->request.token = NULL;
	r = provider_encode(&x->upstream->provider, &x->request, x->arena, call,
			    &x->error);
	x->request.key = STR_NULL;
	return r;
}

/* The other body, with what the provider makes of it; "" when there is none. */
static struct str ogx_body(struct exchange *x, struct arena *a)
{
	const struct json *doc = x->request.doc;
	struct api_error error = x->error;
	struct provider_call *call;
	int r;

	if (x->edge->ogx_doc == NULL)
		return STR_NULL;
	call = arena_alloc(x->arena, sizeof(*call));
	x->request.doc = x->edge->ogx_doc;
	r = encode(x, call);
	x->request.doc = doc;
	x->error = error;
	return r == 0 ? arena_join(a, call->pieces, call->piece_count)
		      : STR_NULL;
}

static void done(void *arg)
{
	library_done(arg);
}

static bool released(void *arg)
{
	return library_released(arg);
}

/* What is made of the time of an answer is to be the same each time. */
static void go_back(struct exchange *x, const struct recording *r)
{
	int64_t s;

	if (clock_read(r->meta.recorded_at, &s))
		x->request.wall_ns = s * CLOCK_S;
}

static struct str stamp(const struct exchange *x, struct arena *a)
{
	char text[CLOCK_TEXT_LEN + 1];
	struct str now = clock_text(x->request.wall_ns, text);

	return arena_printf(a, STR_FMT "Z", STR_ARG(str_take(now, SECONDS)));
}

static int play(struct task *t, struct exchange *x, struct library_found *found,
		struct source **out, enum client_stage *stage)
{
	const struct player_cfg cfg = {
		.recording = found->recording,
		.occurrence = found->occurrence,
		.done = done,
		.released = released,
		.arg = found,
	};

	go_back(x, found->recording);
	return player_open(t, x, &cfg, out, stage);
}

/* What is to be kept of an attempt, before its answer comes. */
static void note(struct task *t, struct exchange *x,
		 const struct provider_call *call)
{
	struct recorder_request *req = xcalloc(1, sizeof(*req));
	struct arena *a = &req->arena;

	arena_init(a, REQUEST_BYTES_MAX);
	req->session = arena_str(a, x->edge->session);
	req->base_url = base_url(&x->upstream->provider, a);
	req->library = x->edge->library;
	req->expects = library_expect(req->library, req->session);
	req->start_ns = task_now(t);
	req->found = x->edge->found;
	req->recording.op = op_name(x->request.op);
	req->recording.occ = x->edge->occ;
	req->recording.request = request_of(x, call, a);
	req->ogx_body = ogx_body(x, a);
	req->recording.meta.attempt = x->attempts;
	req->recording.meta.recorded_at = stamp(x, a);
	x->edge->found = NULL;
	x->edge->pending = req;
}

static int go_live(struct task *t, struct exchange *x,
		   const struct provider_call *call)
{
	struct edge *e = x->edge;

	e->status = EDGE_LIVE;
	if (e->playback.occurrence > 0)
		e->occ = e->playback.occurrence;
	if (edge_keeps(e))
		e->status = EDGE_RECORDED;
	if (edge_keeps(e) || e->found != NULL)
		note(t, x, call);
	return EDGE_GO_LIVE;
}

/* There is a recording, but the network is asked. */
static int set_aside(struct edge *e, struct library_found *found)
{
	e->occ = found->recording->occ;
	if (e->mode == EDGE_VERIFY)
		e->found = found;
	else
		library_done(found);
	return EDGE_GO_LIVE;
}

/* Returns as edge_open(), or EDGE_GO_LIVE when there is nothing to play. */
static int look_up(struct task *t, struct exchange *x,
		   const struct provider_call *call, struct source **out,
		   enum client_stage *stage)
{
	struct edge *e = x->edge;
	struct library_found *found = arena_zalloc(x->arena, sizeof(*found));
	struct recording_request req = request_of(x, call, x->arena);
	const struct library_query query = {
		.op = op_name(x->request.op),
		.base_url = base_url(&x->upstream->provider, x->arena),
		.request = &req,
		.ogx_body = ogx_body(x, x->arena),
		.edge = e,
		.arena = x->arena,
	};
	int r = library_find(t, e->library, &query, found, &x->error);

	if (r < 0)
		return r;
	if (r == 0 && edge_plays(e))
		return play(t, x, found, out, stage);
	if (r == 0)
		return set_aside(e, found);
	if (!library_goes_live(e->library, e))
		return SOURCE_REFUSED;
	x->error = (struct api_error){ 0 };
	return EDGE_GO_LIVE;
}

/* Of an attempt before. */
static void forget_status(struct edge *e)
{
	e->status = EDGE_NONE;
	e->occ = 0;
	e->id = STR_NULL;
	e->key = STR_NULL;
	e->match = NULL;
	e->age_s = -1;
}

int edge_open(struct task *t, struct exchange *x, struct source **out,
	      enum client_stage *stage)
{
	struct edge *e = x->edge;
	struct provider_call *call = arena_alloc(x->arena, sizeof(*call));
	int r = encode(x, call);

	forget_status(e);
	/* The network's way says what is wrong with it. */
	if (r != 0)
		return e->mode == EDGE_REPLAY ? SOURCE_REFUSED : EDGE_GO_LIVE;
	r = EDGE_GO_LIVE;
	if (edge_looks_up(e))
		r = look_up(t, x, call, out, stage);
	return r == EDGE_GO_LIVE ? go_live(t, x, call) : r;
}

struct recorder_request *edge_take(struct exchange *x)
{
	struct recorder_request *req = x->edge->pending;

	x->edge->pending = NULL;
	return req;
}

void edge_forget(struct exchange *x)
{
	struct recorder_request *req = edge_take(x);

	if (req != NULL)
		recorder_drop(req);
}
