/*
 * responses_socket - GET /v1/responses as a WebSocket: one turn after another.
 *
 * As Open Responses (2026-04-24) and OpenAI's WebSocket mode have it.  A message
 * of the client is {"type": "response.create", ...} with the members of a create
 * request but stream, stream_options and background; "generate": false only
 * prepares.  Each event is a message; a turn that cannot begin is told as {"type":
 * "error", "status", "error"}, and the connection stays.  The last response is
 * remembered by the connection, so that the next can follow one that was not
 * stored; a turn that fails forgets it.  A connection lasts at most an hour.
 */
#include "api/handlers.h"
#include "api/respond.h"
#include "base/log.h"
#include "config/cors.h"
#include "core/fail.h"
#include "net/websocket.h"
#include "responses/state.h"
#include "json/splice.h"

#include <errno.h>

enum {
	ERROR_MAX = 16 * 1024, /* bytes, beside its message */
	MESSAGE_MAX = 64 << 20,
};

static const int64_t life_ns = 60 * 60 * CLOCK_S;
static const int64_t look_ns = 50 * CLOCK_MS; /* for pings, and a close frame */

struct socket {
	struct run_sink sink;
	struct api_call *call;
	struct websocket ws;
	int64_t end_ns;
	/* The last response, by its id; "" when none may be followed. */
	struct arena memory;
	struct str last_id;
	struct messages last; /* what the next turn gets */
};

/* --- what goes out --------------------------------------------------------- */

static int send_frames(struct task *t, struct run_sink *sink, struct str frames)
{
	struct socket *s = (struct socket *)(void *)sink;
	struct event_frame frame;
	int r = 0;

	while (r == 0 && events_take(&frames, &frame))
		r = websocket_send(t, &s->ws, frame.data);
	return r == 0 ? websocket_poll(t, &s->ws) : r;
}

/* Nothing to say; but the client's pings are answered, and its close heard. */
static int stay_awake(struct task *t, struct run_sink *sink)
{
	struct socket *s = (struct socket *)(void *)sink;

	return websocket_poll(t, &s->ws);
}

static void add_text(struct json_writer *w, struct str key, struct str text)
{
	if (text.len > 0)
		json_member_str(w, key, text);
	else
		json_member_null(w, key);
}

static int send_error(struct task *t, struct socket *s,
		      const struct api_error *e)
{
	struct json_writer w;
	struct buf out;
	int r;

	buf_init(&out, ERROR_MAX + e->message.len * 6);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("type"), STR("error"));
	json_member_int(&w, STR("status"), e->status);
	json_member(&w, STR("error"));
	json_object(&w);
	add_text(&w, STR("type"), e->type);
	json_member_str(&w, STR("code"),
			e->code.len > 0 ? e->code : STR("invalid_request"));
	json_member_str(&w, STR("message"), e->message);
	add_text(&w, STR("param"), e->param);
	json_end(&w);
	json_end(&w);
	r = json_writer_done(&w);
	if (r == 0)
		r = websocket_send(t, &s->ws, buf_str(&out));
	buf_fini(&out);
	return r;
}

/* --- a message of the client ----------------------------------------------- */

static int refuse(struct api_error *e, struct arena *a, const char *param,
		  const char *code, const char *text)
{
	(void)api_fail(e, a, 400, "invalid_request_error", param, "%s", text);
	e->code = str_of(code);
	return API_FAIL;
}

static int check_message(const struct json *doc, struct arena *a,
			 struct api_error *e)
{
	static const char *const never[] = { "stream", "stream_options",
					     "background" };
	uint32_t root = json_root(doc);

	if (!json_is(doc, json_get(doc, root, STR("type")),
		     STR("response.create"))) {
		return refuse(e, a, "type", "invalid_type",
			      "A message is a JSON object whose type is "
			      "'response.create'.");
	}
	for (size_t i = 0; i < countof(never); i++) {
		if (json_get(doc, root, str_of(never[i])) != JSON_NONE) {
			return refuse(e, a, never[i], "unsupported_parameter",
				      "This member is not for WebSocket "
				      "messages; leave it out.");
		}
	}
	return 0;
}

/* A create request of the message, in a; *generates: is it to be answered? */
static int read_message(struct str text, struct arena *a, struct str *body,
			bool *generates, struct api_error *e)
{
	static const struct str own[] = { STR_INIT("type"),
					  STR_INIT("generate"),
					  STR_INIT("event_id") };
	filled_later struct str pieces[SPLICE_PIECES_MAX];
	filled_later struct splice s;
	struct json_error je;
	struct json doc;
	int r;

	if (json_parse(text, NULL, &doc, &je) != 0) {
		return refuse(e, a, NULL, "invalid_json",
			      "The message is not valid JSON.");
	}
	r = check_message(&doc, a, e);
	*generates = json_type(&doc, json_get(&doc, json_root(&doc),
					      STR("generate"))) != JSON_FALSE;
	splice_init(&s, doc.text);
	for (size_t i = 0; i < countof(own) && r == 0; i++) {
		if (splice_drop(&s, &doc, json_root(&doc), own[i]) < 0)
			r = refuse(e, a, NULL, "invalid_json",
				   "The message has a member too often.");
	}
	if (r == 0)
		*body = arena_join(a, pieces, splice_pieces(&s, pieces));
	json_fini(&doc);
	return r;
}

/* --- a turn ---------------------------------------------------------------- */

static void forget(struct socket *s)
{
	arena_reset(&s->memory);
	s->last = (struct messages){ 0 };
	s->last_id = STR_NULL;
}

/* What was not stored can be followed by the next turn alone. */
static void remember(struct socket *s, const struct run *run)
{
	struct arena before = s->memory;
	struct messages all = { 0 };

	state_messages(run, true, &all);
	arena_init(&s->memory, SIZE_MAX / 2);
	s->last = (struct messages){ 0 };
	s->last_id = arena_str(&s->memory, run->view.id);
	for (size_t i = 0; i < all.count; i++)
		messages_add(&s->last, &s->memory,
			     arena_str(&s->memory, all.texts[i]));
	arena_fini(&before);
}

static void recall(struct socket *s, struct str body, struct respond *r)
{
	struct history *h = NULL;
	struct json_error je;
	struct json doc;
	uint32_t v;

	if (s->last_id.len == 0 || json_parse(body, NULL, &doc, &je) != 0)
		return;
	v = json_get(&doc, json_root(&doc), STR("previous_response_id"));
	if (json_is(&doc, v, s->last_id)) {
		h = history_new();
		/* If this one is stored, it has to tell all. */
		h->depth = HISTORY_DEPTH;
		h->lacks_items = true;
		for (size_t i = 0; i < s->last.count; i++)
			messages_add(&h->messages, &h->arena,
				     arena_str(&h->arena, s->last.texts[i]));
	}
	r->setup.history = h;
	json_fini(&doc);
}

static bool has_ended_well(const struct run *run)
{
	return run->now.status == RESPONSE_COMPLETED ||
	       run->now.status == RESPONSE_INCOMPLETE;
}

/* The run was made: make its response. */
static void answer(struct task *t, struct socket *s, struct respond *r,
		   bool generates)
{
	if (generates)
		run_go(t, r->run);
	else
		run_prepare(t, r->run);
	if (has_ended_well(r->run) && !r->run->view.store)
		remember(s, r->run);
	else
		forget(s);
}

/* As OpenAI says it on this transport. */
static void adapt(struct api_error *e)
{
	if (e->status != 404 || !(str_eq(e->code, STR("store_off")) ||
				  str_starts(e->message, STR("Response '"))))
		return;
	e->status = 400;
	e->code = STR("previous_response_not_found");
	e->param = STR("previous_response_id");
}

/* Returns 0, or why the connection is to end. */
static int turn(struct task *t, struct socket *s, struct str text)
{
	struct respond *r = arena_alloc(&s->call->req->arena, sizeof(*r));
	struct api_error e;
	bool generates;
	struct str body;
	int rc;

	respond_init(r, s->call);
	rc = read_message(text, &r->arena, &body, &generates, &e);
	if (rc == 0) {
		recall(s, body, r);
		rc = respond_prepare(r, body, &s->sink, true, &e);
	}
	if (rc == 0) {
		answer(t, s, r, generates);
	} else if (rc == API_FAIL) {
		forget(s);
		adapt(&e);
		rc = send_error(t, s, &e);
	}
	respond_fini(r);
	return rc;
}

/* With the configuration as it is now, which may not be what it was. */
static int turn_now(struct task *t, struct socket *s, struct str text)
{
	struct api_call *c = s->call;
	struct arena_mark mark = arena_mark(&c->req->arena);
	struct catalog *before = c->catalog;
	int r;

	c->catalog = catalog_ref(c->worker->catalog);
	catalog_unref(before);
	r = turn(t, s, text);
	arena_rewind(&c->req->arena, mark);
	return r;
}

static int end_of_life(struct task *t, struct socket *s)
{
	struct api_error e;

	(void)refuse(&e, &s->call->req->arena, NULL,
		     "websocket_connection_limit_reached",
		     "A connection lasts 60 minutes at most; open another.");
	return send_error(t, s, &e);
}

static void serve(struct task *t, struct socket *s)
{
	unsigned code = FRAME_CLOSE_NORMAL;
	struct str text;
	int r = 0;

	while (r == 0) {
		r = websocket_receive(t, &s->ws, s->end_ns, &text);
		if (r == 0)
			r = turn_now(t, s, text);
		if (r == 0 && task_now(t) >= s->end_ns)
			r = -ETIMEDOUT;
	}
	if (r == -ETIMEDOUT && end_of_life(t, s) < 0)
		log_debug("the client is gone");
	if (r == WEBSOCKET_SERVER_ENDS || r == -ECANCELED)
		code = FRAME_CLOSE_AWAY;
	websocket_close(t, &s->ws, code, STR_NULL);
}

/* --- its beginning --------------------------------------------------------- */

/*
 * Browsers let any page open a WebSocket to anywhere: a page of another origin
 * needs server.cors to name it.
 */
static bool may_open(const struct api_call *c)
{
	const struct config_cors *cors = c->catalog->registry->config->cors;
	struct str origin = http_value(&c->req->head, HTTP_ORIGIN);
	struct str host = http_value(&c->req->head, HTTP_HOST), scheme, own;

	if (origin.len == 0)
		return true;
	if (cors != NULL && cors_allows_origin(cors, origin))
		return true;
	return str_cut(origin, ':', &scheme, &own) &&
	       str_starts(own, STR("//")) && str_eq(str_drop(own, 2), host);
}

static void refuse_opening(struct api_call *c, int status, const char *text)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, status, "invalid_request_error",
		       NULL, "%s", text);
	route_fail(c, &e);
}

/* Another version: which one it is (RFC 6455 section 4.4, RFC 9110 15.5.22). */
static void refuse_version(struct api_call *c, const struct http_fault *fault)
{
	struct api_error e;
	struct str body;

	(void)api_fail(&e, &c->req->arena, fault->status,
		       "invalid_request_error", NULL, "%s", fault->text);
	body = fail_text(&e, &c->req->arena);
	request_start(c->req, fault->status, STR("application/json"));
	request_header(c->req, STR("upgrade"), STR("websocket"));
	request_header(c->req, STR("connection"), STR("upgrade"));
	request_header(c->req, STR("sec-websocket-version"), STR("13"));
	request_header(c->req, STR("x-request-id"), request_id(c->req));
	if (request_send(c->task, c->req, &body, 1) < 0)
		log_debug("the client is gone");
}

void responses_socket(struct api_call *c)
{
	struct socket *s;
	struct http_fault fault;
	int r;

	if (!may_open(c)) {
		refuse_opening(c, 403,
			       "Pages of this origin may not open a WebSocket "
			       "here; server.cors names those that may.");
		return;
	}
	s = arena_zalloc(&c->req->arena, sizeof(*s));
	s->sink = (struct run_sink){ send_frames, stay_awake, look_ns };
	s->call = c;
	s->end_ns = task_now(c->task) + life_ns;
	arena_init(&s->memory, SIZE_MAX / 2);
	r = websocket_accept(c->task, c->req, MESSAGE_MAX, &fault, &s->ws);
	if (r == 0)
		serve(c->task, s);
	else if (r == WEBSOCKET_REFUSED && fault.status == 426)
		refuse_version(c, &fault);
	else if (r == WEBSOCKET_REFUSED)
		refuse_opening(c, fault.status, fault.text);
	else
		request_cut(c->req);
	arena_fini(&s->memory);
}
