/*
 * responses - POST /v1/responses: as a whole, or as a stream of events.
 */
#include "api/background.h"
#include "api/handlers.h"
#include "api/respond.h"
#include "base/log.h"

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

static void send_object(struct respond *r)
{
	struct api_error e;
	struct buf out;

	buf_init(&out, ANSWER_MAX);
	if (respond_write(r, &out) == 0) {
		respond_reply(r, 200, buf_str(&out));
	} else {
		(void)api_fail(&e, &r->call->req->arena, 502, "server_error",
			       NULL, "The response is too large.");
		respond_fail(r, &e);
	}
	buf_fini(&out);
}

static void send_whole(struct respond *r)
{
	struct run *run = r->run;

	if (run->now.status == RESPONSE_CANCELLED)
		request_cut(r->call->req);
	else if (run->now.status == RESPONSE_FAILED)
		respond_fail(r, &run->error);
	else
		send_object(r);
}

static __attribute__((noinline)) void create(struct api_call *c)
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

void responses_create(struct api_call *c)
{
	if (!responses_native(c))
		create(c);
}
