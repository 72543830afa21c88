/*
 * responses - POST /v1/responses: as a whole, or as a stream of events.
 */
#include "api/background.h"
#include "api/handlers.h"
#include "api/respond.h"
#include "base/log.h"
#include "core/fail.h"
#include "core/relay_head.h"

enum {
	ANSWER_MAX = 128 << 20,
};

struct sse_sink {
	struct run_sink base;
	struct request *req;
};

static int send_frames(struct task *t, struct run_sink *s, struct str frames)
{
	struct sse_sink *sink = (struct sse_sink *)(void *)s;

	if (sink->req->status == 0)
		respond_begin_stream(sink->req);
	return request_write(t, sink->req, &frames, 1);
}

static int send_ping(struct task *t, struct run_sink *s)
{
	return send_frames(t, s, STR(": ping\n\n"));
}

static void end_stream(struct respond *r)
{
	struct request *req = r->call->req;

	if (r->run->now.status == RESPONSE_CANCELLED)
		request_cut(req);
	else if (request_finish(r->call->task, req) < 0)
		log_debug("the client is gone");
}

static void reply(struct respond *r, int status, struct str body)
{
	struct request *req = r->call->req;

	request_start(req, status, STR("application/json"));
	if (r->run->x.upstream != NULL)
		relay_head_tell(req, &r->run->x, true);
	if (status >= 400 && r->run->retry_after.len > 0)
		request_header(req, STR("retry-after"), r->run->retry_after);
	request_header(req, STR("x-request-id"), request_id(req));
	if (request_send(r->call->task, req, &body, 1) < 0)
		log_debug("the client is gone");
}

static void send_error(struct respond *r, const struct api_error *e)
{
	reply(r, e->status, fail_text(e, &r->call->req->arena));
}

static void send_object(struct respond *r)
{
	struct api_error e;
	struct buf out;

	buf_init(&out, ANSWER_MAX);
	if (respond_write(r, &out) == 0) {
		reply(r, 200, buf_str(&out));
	} else {
		(void)api_fail(&e, &r->call->req->arena, 502, "server_error",
			       NULL, "The response is too large.");
		send_error(r, &e);
	}
	buf_fini(&out);
}

static void send_whole(struct respond *r)
{
	struct run *run = r->run;

	if (run->now.status == RESPONSE_CANCELLED)
		request_cut(r->call->req);
	else if (run->now.status == RESPONSE_FAILED)
		send_error(r, &run->error);
	else
		send_object(r);
}

void responses_create(struct api_call *c)
{
	struct respond *r = arena_alloc(&c->req->arena, sizeof(*r));
	struct sse_sink sink = { { send_frames, send_ping }, c->req };
	struct api_error e;
	struct str body;
	struct buf form;
	int rc;

	respond_init(r, c);
	buf_init(&form, RESPOND_FORM_MAX);
	rc = respond_body(c, &form, &body, &e);
	if (rc == 0)
		rc = respond_prepare(r, body, &sink.base, false, &e);
	if (rc == 0 && r->request.background) {
		background_accept(c, r, body);
	} else if (rc == 0) {
		run_go(c->task, r->run);
		respond_note(r);
		if (r->request.stream)
			end_stream(r);
		else
			send_whole(r);
	} else if (rc == API_FAIL) {
		route_fail(c, &e);
	} else {
		request_cut(c->req);
	}
	respond_fini(r);
	buf_fini(&form);
}
