#include "core/relay.h"

#include "base/log.h"
#include "core/answer.h"
#include "core/edge.h"
#include "core/fail.h"
#include "core/keeper.h"
#include "core/relay_head.h"
#include "core/relay_whole.h"
#include "llm/chunk.h"
#include "json/splice.h"

#include <assert.h>
#include <errno.h>

enum {
	BURST_MAX = 64 << 20,
	PIECES_ROOM = 4,
	/* relay_events(): an event of the upstream told of an error. */
	RELAY_ERROR = 16,
};

#define DONE_TEXT  "data: [DONE]\n\n"
#define DONE_EVENT STR(DONE_TEXT)

static const struct config *config_of(const struct relay *r)
{
	return r->x->worker->catalog->registry->config;
}

/* Is the answer read to its end although the client has gone? */
static bool is_drained(const struct relay *r)
{
	return config_of(r)->drain_on_disconnect ||
	       edge_is_recorded(r->x->edge);
}

/* rc is of a write to the client; 0 when there is to be more of the answer. */
static int go_on(struct relay *r, int rc)
{
	if (rc == 0 || rc == -ECANCELED || !is_drained(r))
		return rc;
	r->client_gone = true;
	return 0;
}

/* Silence: keep the connection alive, also before the first byte. */
static int ping(struct task *t, void *arg)
{
	struct relay *r = arg;
	struct str comment = STR(": ping\n\n");

	if (r->client_gone)
		return 0;
	if (r->req->status == 0)
		relay_head_stream(r);
	return go_on(r, request_write(t, r->req, &comment, 1));
}

void relay_init(struct relay *r, struct request *req, struct exchange *x,
		struct str model)
{
	*r = (struct relay){
		.req = req, .x = x, .model = model, .usage = USAGE_NONE
	};
	r->stream = x->request.stream;
	r->hide_usage = x->request.add_usage;
	x->arena = &req->arena;
	x->usage = &r->usage;
	if (!config_of(r)->drain_on_disconnect)
		x->watch = req->io;
	if (r->stream) {
		x->tick_ns = config_of(r)->ping_interval_ns;
		x->tick = ping;
		x->tick_arg = r;
	}
}

/* A burst of many events is copied together, so that it stays one write. */
static int gather_more(struct relay *r)
{
	int rc = 0;

	for (size_t i = 0; i < r->piece_count && rc == 0; i++)
		rc = buf_add(&r->burst, r->pieces[i]);
	r->piece_count = 0;
	return rc;
}

/* Send what was gathered.  Returns 0, or -errno when the client is gone. */
static int flush(struct task *t, struct relay *r)
{
	int rc = 0;

	if (r->burst.len > 0) {
		rc = gather_more(r);
		r->pieces[r->piece_count++] = buf_str(&r->burst);
	}
	if (r->piece_count > 0)
		relay_commit(r);
	if (rc == 0 && r->piece_count > 0 && !r->client_gone) {
		if (r->req->status == 0)
			relay_head_stream(r);
		rc = request_write(t, r->req, r->pieces, r->piece_count);
	}
	r->piece_count = 0;
	buf_release(&r->burst);
	return go_on(r, rc);
}

/* Gather s; slices that touch become one. */
static void gather(struct relay *r, struct str s)
{
	struct str *last;

	if (s.len == 0)
		return;
	assert(r->piece_count < countof(r->pieces));
	last = r->piece_count > 0 ? &r->pieces[r->piece_count - 1] : NULL;
	if (last != NULL && last->ptr + last->len == s.ptr)
		last->len += s.len;
	else
		r->pieces[r->piece_count++] = s;
}

/* The event with the client's model in place of its own. */
static void gather_model(struct relay *r, const struct sse_event *ev,
			 struct str model)
{
	size_t at = sse_raw_at(ev, (size_t)(model.ptr - ev->data.ptr));

	gather(r, str_take(ev->raw, at));
	gather(r, r->model);
	gather(r, str_drop(ev->raw, at + model.len));
}

/*
 * An event like one before: it has a model, no usage and no error, and need not
 * be parsed, which is most of what an event costs.
 */
static bool gather_alike(struct relay *r, const struct sse_event *ev)
{
	const struct mold *molds = r->x->worker->molds;
	struct str model;

	if (ev->data_at == SIZE_MAX)
		return false;
	for (unsigned i = 0; i < WORKER_MOLDS; i++) {
		unsigned at = (r->mold + i) % WORKER_MOLDS;

		if (!mold_fits(&molds[at], ev->data, &model))
			continue;
		r->mold = at;
		gather_model(r, ev, model);
		return true;
	}
	return false;
}

static void learn(struct relay *r, const struct json *doc, uint32_t model)
{
	struct worker *w = r->x->worker;

	r->mold = w->next_mold;
	w->next_mold = (w->next_mold + 1) % WORKER_MOLDS;
	mold_make(&w->molds[r->mold], doc, model);
}

/*
 * An error of the upstream ends the stream.  The event passes as it is but for
 * what its error lacks; nothing was sent yet: it becomes the whole answer.
 */
static __attribute__((noinline)) void gather_error(struct relay *r,
						   const struct sse_event *ev,
						   const struct json *doc)
{
	struct str text;

	answer_set_error(r->x, doc);
	if (r->req->status == 0)
		return;
	text = answer_error_text(r->x, r->x->arena);
	if (str_eq(text, doc->text)) {
		gather(r, ev->raw);
		return;
	}
	gather(r, STR("data: "));
	gather(r, text);
	gather(r, STR("\n\n"));
}

/* The chunk that was asked for in the client's place: usage, no choices. */
static bool is_hidden(const struct relay *r, const struct json *doc)
{
	uint32_t choices = json_get(doc, json_root(doc), STR("choices"));

	return r->hide_usage && json_type(doc, choices) == JSON_ARRAY &&
	       json_first(doc, choices) == JSON_NONE;
}

/*
 * An event that is no JSON object passes as it is.  Returns 0, or RELAY_ERROR.
 */
static __attribute__((noinline)) int gather_new(struct relay *r,
						const struct sse_event *ev)
{
	struct json_error error;
	struct json doc;
	uint32_t root, model;
	bool is_plain = true;

	if (ev->data.len == 0 || ev->data.ptr[0] != '{' ||
	    json_parse(ev->data, NULL, &doc, &error) != 0) {
		r->done |= str_eq(ev->data, STR("[DONE]"));
		gather(r, ev->raw);
		return 0;
	}
	root = json_root(&doc);
	if (answer_is_error(&doc)) {
		gather_error(r, ev, &doc);
		json_fini(&doc);
		return RELAY_ERROR;
	}
	if (json_type(&doc, json_get(&doc, root, STR("usage"))) ==
	    JSON_OBJECT) {
		is_plain = false;
		(void)usage_read(&doc, root, &r->usage);
	}
	model = json_get(&doc, root, STR("model"));
	if (!is_plain && is_hidden(r, &doc)) {
		json_fini(&doc);
		return 0;
	}
	if (json_type(&doc, model) == JSON_STRING) {
		gather_model(r, ev, json_raw(&doc, model));
		if (is_plain && ev->data_at != SIZE_MAX)
			learn(r, &doc, model);
	} else {
		gather(r, ev->raw);
	}
	json_fini(&doc);
	return 0;
}

/* Returns as gather_new(). */
static int gather_event(struct relay *r, const struct sse_event *ev)
{
	r->any = true;
	if (r->keeper != NULL)
		keeper_event(r->keeper, ev->data);
	return gather_alike(r, ev) ? 0 : gather_new(r, ev);
}

/* An answer that goes to the client is over; end is 0, or as relay_answer(). */
static void keep(struct task *t, struct relay *r, int end)
{
	if (r->keeper == NULL)
		return;
	keeper_end(t, r->x, r->keeper,
		   end == 0 ? STORE_COMPLETED
		   : end == RELAY_ERROR || end == EXCHANGE_FAILED
			   ? STORE_FAILED
			   : STORE_CANCELLED);
}

/* All complete events in the parser.  Returns 0, RELAY_ERROR or -errno. */
static int relay_events(struct task *t, struct relay *r)
{
	struct sse_event ev;
	int rc, end = 0;

	while (end == 0 && (rc = sse_next(&r->sse, &ev)) > 0) {
		if (r->piece_count + PIECES_ROOM > countof(r->pieces) &&
		    gather_more(r) < 0)
			return -EMSGSIZE;
		if (rc != SSE_EVENT) {
			gather(r, ev.raw);
			continue;
		}
		end = gather_event(r, &ev);
		if (r->first_ns == 0 && end == 0)
			r->first_ns = task_now(t);
	}
	if (end == 0 && rc < 0)
		return rc;
	/* Nothing has left: the error becomes the answer, with its status. */
	if (end == RELAY_ERROR && r->req->status == 0)
		return end;
	/* Who has read the last byte may look for it. */
	if (r->done || end != 0)
		keep(t, r, end);
	rc = flush(t, r);
	return rc < 0 ? rc : end;
}

/*
 * What one read brought, in pieces that the parser can hold, so that its limit
 * is that of one event.  Returns 0 or -errno.
 */
static __attribute__((noinline)) int
relay_bytes(struct task *t, struct relay *r, struct str data)
{
	size_t max = (size_t)config_of(r)->event_max;
	int rc = 0;

	while (data.len > 0 && rc == 0) {
		size_t room = max - sse_rest(&r->sse).len;

		rc = room > 0 ? sse_feed(&r->sse, str_take(data, room))
			      : -EMSGSIZE;
		data = str_drop(data, room);
		if (rc == 0)
			rc = relay_events(t, r);
	}
	return rc;
}

/* Of a stream that has begun: x->error is its last event. */
static __attribute__((noinline)) void stream_failed(struct task *t,
						    struct relay *r)
{
	const struct exchange *x = r->x;

	log_warn("provider=" STR_FMT " stream failed: " STR_FMT,
		 STR_ARG(x->upstream->provider.id), STR_ARG(x->error.message));
	if (r->client_gone)
		request_cut(r->req);
	else
		fail_send(t, r->req, &x->error);
}

/* Did the answer end as it should?  0, or EXCHANGE_FAILED with x->error. */
static int check_end(struct relay *r)
{
	struct exchange *x = r->x;

	if (r->done)
		return 0;
	if (sse_rest(&r->sse).len > 0) {
		(void)answer_bad(x, "ended its stream in the middle of an "
				    "event.");
		x->error.code = STR("upstream_cut");
		return EXCHANGE_FAILED;
	}
	return r->any ? 0 : answer_bad(x, "ended its stream without an event.");
}

/* So does ours. */
static void end_stream(struct task *t, struct relay *r)
{
	if (!r->done && !r->no_done)
		gather(r, DONE_EVENT);
	if (flush(t, r) == 0 && !r->client_gone &&
	    request_finish(t, r->req) < 0)
		log_debug("the client is gone");
}

static int too_long(struct relay *r)
{
	(void)answer_bad(r->x,
			 "sent an event of more than %lld bytes "
			 "(upstream.event_max).",
			 (long long)config_of(r)->event_max);
	r->x->error.code = STR("upstream_event_too_long");
	return EXCHANGE_FAILED;
}

/* A stream has come to an end.  Returns as relay_answer(). */
static int end_or_fail(struct task *t, struct relay *r, int rc)
{
	if (rc == 0 || r->committed)
		keep(t, r, rc);
	if (rc == 0)
		end_stream(t, r);
	else if (rc == RELAY_ERROR || rc == EXCHANGE_FAILED)
		r->piece_count = 0;
	if (rc == 0 || !r->committed)
		return rc == RELAY_ERROR ? EXCHANGE_FAILED : rc;
	if (rc == EXCHANGE_FAILED)
		stream_failed(t, r);
	else
		request_cut(r->req);
	return 0;
}

/* data is what the first read brought.  Returns as relay_answer(). */
static int relay_stream(struct task *t, struct relay *r, struct str data)
{
	int rc = 0;

	sse_init(&r->sse, (size_t)config_of(r)->event_max);
	buf_init(&r->burst, BURST_MAX);
	while (rc == 0 && data.len > 0) {
		rc = relay_bytes(t, r, data);
		if (rc != 0)
			break;
		if (r->keeper != NULL)
			keeper_digest(r->keeper);
		if (sse_rest(&r->sse).len == 0)
			sse_relax(&r->sse);
		rc = exchange_read(t, r->x, &data);
	}
	if (rc == 0)
		rc = check_end(r);
	else if (rc == -EMSGSIZE)
		rc = too_long(r);
	rc = end_or_fail(t, r, rc);
	sse_fini(&r->sse);
	buf_fini(&r->burst);
	return rc;
}

/*
 * The first bytes decide what the answer is.  Returns 0 when all is done that
 * could be, EXCHANGE_FAILED with x->error when the answer is of no use and
 * nothing of it was sent, or another outcome of exchange_read().
 */
static int relay_answer(struct task *t, struct relay *r)
{
	struct str data;
	int rc = exchange_read(t, r->x, &data);

	relay_head_answered(r);
	if (rc != 0)
		return rc;
	if (r->keeper != NULL)
		keeper_begin(t, r->keeper);
	if (r->stream && answer_is_stream(r->x, data)) {
		counter_add(&r->x->worker->metrics->streams, 1);
		rc = relay_stream(t, r, data);
		counter_sub(&r->x->worker->metrics->streams, 1);
		return rc;
	}
	if (!r->stream && answer_claims_stream(r->x) &&
	    answer_is_stream(r->x, data)) {
		return answer_bad(r->x, "answered with a stream, which was not "
					"asked for.");
	}
	return relay_whole(t, r, data);
}

/* The answer of one target.  Returns as relay_answer(). */
static int relay_target(struct task *t, struct relay *r)
{
	struct exchange *x = r->x;
	int rc;

	/* Nobody else can be asked: nothing need be kept for it. */
	if (x->choice.count == 0)
		relay_release(r);
	if (x->model.len > 0)
		r->model = x->model;
	task_note(t, "relaying an answer of provider",
		  x->upstream->provider.id);
	rc = relay_answer(t, r);
	if (rc == EXCHANGE_FAILED) {
		log_warn("provider=" STR_FMT
			 " failed after status %d: " STR_FMT,
			 STR_ARG(x->upstream->provider.id), x->status,
			 STR_ARG(str_take(x->error.message, 300)));
	}
	return rc;
}

/* An error of the upstream, in its own words as far as they will do. */
static __attribute__((noinline)) void send_refusal(struct task *t,
						   struct relay *r)
{
	struct exchange *x = r->x;
	struct str body;

	if (r->req->sent) {
		fail_send(t, r->req, &x->error);
		return;
	}
	body = answer_error_text(x, &r->req->arena);
	r->committed = true;
	relay_head_begin(r, x->error.status, STR("application/json"));
	if (request_send(t, r->req, &body, 1) < 0)
		log_debug("the client is gone");
}

void relay_run(struct task *t, struct relay *r, void (*on_commit)(void *arg),
	       void *arg)
{
	int rc;

	relay_head_asked(r);
	rc = exchange_open(t, r->x);
	relay_head_answered(r);
	r->on_commit = on_commit;
	r->commit_arg = arg;
	while (rc == 0) {
		rc = relay_target(t, r);
		if (rc == 0)
			return;
		if (rc == EXCHANGE_FAILED && !r->client_gone)
			rc = exchange_again(t, r->x);
	}
	if (rc == EXCHANGE_FAILED)
		send_refusal(t, r);
	else
		request_cut(r->req);
}
