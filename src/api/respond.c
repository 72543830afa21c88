#include "api/respond.h"

#include <errno.h>

#include "api/replay.h"
#include "api/targets.h"
#include "base/log.h"
#include "core/fail.h"
#include "core/relay_head.h"
#include "telemetry/genai.h"

static const int64_t background_wait_ns = 600 * CLOCK_S;

void respond_init(struct respond *r, struct api_call *c)
{
	*r = (struct respond){ .call = c, .read = responses_read };
	arena_init(&r->arena, SIZE_MAX / 2);
}

void respond_fini(struct respond *r)
{
	busy_release(&r->busy);
	if (r->run != NULL)
		run_free(r->run);
	history_free(r->setup.history);
	if (r->has_doc)
		json_fini(&r->doc);
	arena_fini(&r->arena);
}

static int bad_json(struct respond *r, const struct json_error *je,
		    struct api_error *e)
{
	(void)api_fail(e, &r->call->req->arena, 400, "invalid_request_error",
		       NULL,
		       "The request's body is %s: line %u, column %u: %s.",
		       je->is_limit ? "too large a JSON text"
				    : "not valid JSON",
		       je->line, je->column, je->what);
	e->code = je->is_limit ? STR("json_limit") : STR("invalid_json");
	return API_FAIL;
}

static int read_body(struct respond *r, struct str body, struct api_error *e)
{
	struct json_error je;

	if (body.len == 0) {
		return api_fail(e, &r->call->req->arena, 400,
				"invalid_request_error", NULL,
				"The request has no body; send a JSON object "
				"with model and input.");
	}
	if (json_parse(body, NULL, &r->doc, &je) != 0)
		return bad_json(r, &je, e);
	r->has_doc = true;
	return r->read(&r->doc, &r->arena, &r->request, e);
}

static int find_target(struct respond *r, struct api_error *e)
{
	static const struct inference_kind kind = {
		.op = LLM_CHAT,
		.model_type = STR_INIT("llm"),
		.members = "model and input",
	};
	struct targets_ask ask = { r->request.model, &r->doc };
	int rc = targets_find(r->call, &kind, &ask, &r->target, e);

	r->setup.target = &r->target;
	return rc;
}

/*
 * The conversation is to be this run's alone, if the run adds to it.  What only asks
 * for a run in the background does not; the run itself waits long, and says so to
 * its sink.
 */
static int take_turn(struct respond *r, struct run_sink *sink,
		     struct api_error *e)
{
	const struct response_request *req = &r->request;
	struct task *t = r->call->task;
	bool is_background = r->setup.id.len > 0;
	int64_t end_ns = task_now(t) +
			 (is_background ? background_wait_ns : BUSY_WAIT_NS);
	int rc = BUSY_TAKEN;

	if (req->conversation.len == 0 || !req->store ||
	    (req->background && !is_background))
		return 0;
	r->setup.busy = &r->busy;
	while (rc == BUSY_TAKEN && task_now(t) < end_ns) {
		rc = busy_take(t, &r->busy, r->setup.owner, req->conversation,
			       task_now(t) + BUSY_WAIT_NS);
		if (rc == BUSY_TAKEN && is_background && sink != NULL &&
		    sink->ping(t, sink) != 0)
			break;
	}
	if (rc != BUSY_TAKEN)
		return rc;
	return busy_refuse(e, &r->call->req->arena, req->conversation);
}

static bool compacts(const struct respond *r)
{
	const struct config *config = r->call->catalog->registry->config;

	return r->request.compact_threshold > 0 ||
	       config->responses.compact_threshold > 0;
}

/* What came before, from the store. */
static int find_history(struct respond *r, struct api_error *e)
{
	const struct response_request *req = &r->request;
	struct api_call *c = r->call;
	struct item_list references;
	struct history_ask ask = {
		.previous = req->previous_response_id,
		.conversation = req->conversation,
		.prompt = req->prompt_id,
		.references = &references,
		.with_items = r->read != responses_read || compacts(r),
	};
	uint32_t version =
		json_get(&r->doc, req->at[RESPONSE_PROMPT], STR("version"));

	if (r->setup.history != NULL)
		return 0;
	item_references(&r->doc, req->at[RESPONSE_INPUT], &r->arena,
			&references);
	if (json_type(&r->doc, version) == JSON_STRING)
		ask.version = json_string(&r->doc, version, &r->arena);
	return history_load(c->task, c->worker->store, &ask, &c->req->arena,
			    &r->setup.history, e);
}

static int find_all(struct respond *r, struct run_sink *sink,
		    struct api_error *e)
{
	struct api_call *c = r->call;
	struct run_setup *s = &r->setup;
	int rc = find_target(r, e);

	if (rc == 0)
		rc = provider_data_read(&c->req->head, &c->req->arena, &s->data,
					e);
	if (rc == 0 && c->worker->library != NULL)
		rc = replay_read(c, s->data, &s->edge, e);
	if (rc == 0)
		rc = take_turn(r, sink, e);
	return rc == 0 ? find_history(r, e) : rc;
}

int respond_body(struct api_call *c, struct buf *form, struct str *out,
		 struct api_error *e)
{
	struct str type = http_value(&c->req->head, HTTP_CONTENT_TYPE);
	int r;

	*out = c->req->body;
	if (!str_starts(type, STR("application/x-www-form-urlencoded")))
		return 0;
	r = responses_of_form(c->req->body, &c->req->arena, form, e);
	*out = buf_str(form);
	if (r != -EMSGSIZE)
		return r;
	return api_fail(e, &c->req->arena, 413, "invalid_request_error", NULL,
			"The form is too large.");
}

int respond_prepare(struct respond *r, struct str body, struct run_sink *sink,
		    bool is_streamed, struct api_error *e)
{
	struct api_call *c = r->call;
	struct run_setup *s = &r->setup;
	int rc = read_body(r, body, e);

	if (rc == 0)
		rc = find_all(r, sink, e);
	if (rc == 0) {
		s->worker = c->worker;
		s->config = c->catalog->registry->config;
		s->request = &r->request;
		s->bearer = http_value(&c->req->head, HTTP_AUTHORIZATION);
		s->trace = c->trace;
		s->watch = c->req->io;
		if (s->created_at == 0)
			s->created_at = task_wall(c->task) / CLOCK_S;
		if (r->request.stream || is_streamed)
			s->sink = sink;
		rc = run_new(&r->arena, s, &r->run, e);
	}
	if (rc == API_FAIL)
		e->with_detail = true;
	return rc;
}

void respond_begin_stream(struct request *req)
{
	request_start(req, 200, STR("text/event-stream"));
	request_header(req, STR("cache-control"), STR("no-cache"));
	request_header(req, STR("x-accel-buffering"), STR("no"));
	request_header(req, STR("x-request-id"), request_id(req));
	req->last_words =
		STR("event: error\n"
		    "data: {\"type\":\"error\",\"code\":\"shutting_down\","
		    "\"message\":\"The server is shutting down.\","
		    "\"param\":null}\n\n");
}

void respond_note(struct respond *r)
{
	struct run *run = r->run;
	struct api_call *c = r->call;
	const struct upstream *u = run->x.upstream;

	c->facts = (struct api_facts){
		.model = arena_str(&c->req->arena, run->view.model),
		.series = r->target.model != NULL ? r->target.model->id
						  : METRICS_OTHER,
		.operation = genai_operation(LLM_CHAT),
		.usage = run->now.usage,
		.attempts = run->x.attempts,
		.upstream_status = run->x.status,
		.first_token_ns = run->first_ns,
	};
	if (u != NULL) {
		c->facts.provider = u->provider.id;
		c->facts.kind = genai_provider(str_of(u->provider.type->name));
	}
}

void respond_reply(struct respond *r, int status, struct str body)
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

void respond_fail(struct respond *r, const struct api_error *e)
{
	respond_reply(r, e->status, fail_text(e, &r->call->req->arena));
}

int respond_write(const struct respond *r, struct buf *out)
{
	return object_write(&r->run->view, &r->run->now, out);
}
