#include "responses/run_ask.h"

#include <errno.h>

#include "core/answer.h"
#include "core/edge.h"
#include "http/sse.h"
#include "llm/chunk.h"
#include "responses/chat_body.h"
#include "responses/run_error.h"
#include "responses/state.h"

enum {
	TRUNCATIONS_MAX = 16, /* each leaves out half of the rest */
};

static int ping(struct task *t, void *arg)
{
	struct run *run = arg;

	/* What waited for more frames, which do not come. */
	if (state_is_kept(run))
		state_keep_frames(t, run, STR_NULL, false);
	if (run->is_gone || run->setup.sink == NULL ||
	    run->setup.sink->ping == NULL)
		return 0;
	run->is_gone = run->setup.sink->ping(t, run->setup.sink) != 0;
	return run->is_gone && !edge_is_recorded(run->x.edge);
}

/* Is the answer read to its end although nobody listens? */
static bool is_drained(const struct run *run)
{
	return run->setup.config->drain_on_disconnect ||
	       edge_is_recorded(run->x.edge);
}

/* --- the upstream's answer ----------------------------------------------- */

/* Returns as hear(). */
static int take_chunk(struct run *run, struct turn *turn, struct str text)
{
	struct exchange *x = &run->x;
	struct json_error error;
	struct json doc = { 0 };
	int r;

	if (text.len == 0 || text.ptr[0] != '{')
		return 0;
	r = turn_delta(turn, text, &run->events);
	if (r == TURN_OTHER) {
		if (json_parse(text, NULL, &doc, &error) != 0)
			return 0;
		r = turn_chunk(turn, &doc, &run->events);
	}
	if (r == TURN_ERROR) {
		answer_set_error(x, &doc);
		r = EXCHANGE_FAILED;
	} else if (r == TURN_BAD || r == TURN_FULL) {
		r = answer_bad(x, "sent a chunk that cannot be used: %s.",
			       turn->what);
	} else if (r == -EMSGSIZE) {
		r = answer_bad(x, "sent more at once than fits in memory.");
	}
	json_fini(&doc);
	return r;
}

/*
 * Whoever looks sees what there is of the output once an item follows another;
 * of many, each time that they have doubled.
 */
static __attribute__((noinline)) void show(struct task *t, struct run *run,
					   const struct turn *turn)
{
	struct str before = run->now.output;
	struct buf output;
	int r;

	run->shown = turn->begun;
	buf_init(&output, RUN_OUTPUT_MAX);
	r = buf_add(&output, before);
	if (r == 0 && before.len > 0)
		r = buf_add(&output, STR(","));
	if (r == 0)
		r = turn_write_output(turn, &output);
	run->now.output = buf_str(&output);
	if (r == 0)
		state_keep(t, run);
	run->now.output = before;
	buf_fini(&output);
}

/* All complete events in the parser.  Returns as hear(). */
static int take_events(struct task *t, struct run *run, struct turn *turn,
		       struct sse_parser *sse)
{
	struct sse_event ev;
	int r = 0, n;

	while (r == 0 && (n = sse_next(sse, &ev)) > 0) {
		if (n == SSE_EVENT)
			r = take_chunk(run, turn, ev.data);
	}
	if (run->first_ns == 0 && run->frames.len > 0)
		run->first_ns = task_now(t);
	run_flush(t, run, false);
	if (turn->begun >= 2 * run->shown && state_is_kept(run))
		show(t, run, turn);
	if (r == 0 && n < 0)
		r = answer_bad(&run->x, "sent an event that is too long.");
	return r;
}

/* What one read brought, in pieces that the parser can hold. */
static int take_bytes(struct task *t, struct run *run, struct turn *turn,
		      struct sse_parser *sse, struct str data)
{
	size_t max = (size_t)run->setup.config->event_max;
	int r = 0;

	while (data.len > 0 && r == 0) {
		size_t room = max - sse_rest(sse).len;

		if (room == 0 || sse_feed(sse, str_take(data, room)) < 0) {
			return answer_bad(&run->x,
					  "sent an event of more than %lld "
					  "bytes (upstream.event_max).",
					  (long long)max);
		}
		data = str_drop(data, room);
		r = take_events(t, run, turn, sse);
	}
	return r;
}

/* The request's body is not needed any more. */
static void forget(struct run *run)
{
	run->x.request.doc = NULL;
	if (run->setup.edge != NULL)
		run->setup.edge->ogx_doc = NULL;
	run_body_fini(&run->body);
	run_body_fini(&run->ogx_body);
}

static int hear_stream(struct task *t, struct run *run, struct turn *turn,
		       struct str data)
{
	struct sse_parser sse;
	int r = 0;

	sse_init(&sse, (size_t)run->setup.config->event_max);
	while (r == 0 && data.len > 0) {
		r = take_bytes(t, run, turn, &sse, data);
		/* No other target can be asked; a local one still reads it. */
		if (turn->count > 0 && run->x.head != NULL)
			forget(run);
		if (r == 0 && run->is_gone && !is_drained(run))
			r = EXCHANGE_HUNG_UP;
		if (r != 0)
			break;
		if (sse_rest(&sse).len == 0)
			sse_relax(&sse);
		r = exchange_read(t, &run->x, &data);
	}
	if (r == 0 && sse_rest(&sse).len > 0) {
		r = answer_bad(&run->x,
			       "ended its stream in the middle of an event.");
		run->x.error.code = STR("upstream_cut");
	}
	sse_fini(&sse);
	return r;
}

/* A stream was asked for and JSON came: it is one chunk. */
static int hear_whole(struct task *t, struct run *run, struct turn *turn,
		      struct str data)
{
	struct buf body, chunk;
	struct json doc;
	int r = 0;

	buf_init(&body, (size_t)run->setup.config->answer_max);
	buf_init(&chunk, (size_t)run->setup.config->answer_max);
	while (r == 0 && data.len > 0) {
		if (buf_add(&body, data) < 0)
			r = answer_bad(&run->x, "sent too long an answer.");
		else
			r = exchange_read(t, &run->x, &data);
	}
	if (r == 0)
		r = answer_read(&run->x, buf_str(&body), &doc);
	if (r == 0) {
		if (chunk_write(&doc, STR("\"\""), &chunk) < 0)
			r = answer_bad(&run->x, "sent too long an answer.");
		else
			r = take_chunk(run, turn, buf_str(&chunk));
		json_fini(&doc);
	}
	run_flush(t, run, false);
	buf_fini(&body);
	buf_fini(&chunk);
	return r;
}

/* Returns as exchange_read(). */
static int hear(struct task *t, struct run *run, struct turn *turn)
{
	struct str data;
	int r = exchange_read(t, &run->x, &data);

	if (r != 0)
		return r;
	if (answer_is_stream(&run->x, data))
		return hear_stream(t, run, turn, data);
	return hear_whole(t, run, turn, data);
}

/* --- one model call -------------------------------------------------------- */

void run_aim(struct run *run, const struct json *doc)
{
	const struct run_setup *s = &run->setup;
	struct exchange *x = &run->x;

	exchange_init(x, s->worker, s->target);
	x->arena = run->arena;
	x->edge = s->edge;
	x->request.op = LLM_CHAT;
	x->request.doc = doc;
	x->request.stream = true;
	x->request.data = s->data;
	x->request.bearer = s->bearer;
	x->trace = s->trace;
	x->usage = &run->now.usage;
	x->watch = s->config->drain_on_disconnect ? NULL : s->watch;
	if (s->sink != NULL) {
		x->tick_ns = s->sink->ping_ns > 0 ? s->sink->ping_ns
						  : s->config->ping_interval_ns;
		x->tick = ping;
		x->tick_arg = run;
	}
}

void run_failed(struct run *run)
{
	const struct http_head *head = run->x.head;

	run->error = run->x.error;
	if (head != NULL) {
		run->retry_after =
			arena_str(run->arena,
				  http_value(head, HTTP_RETRY_AFTER));
	}
}

/* Another target is asked while nothing of the answer was told. */
static int converse(struct task *t, struct run *run, struct turn *turn)
{
	int r = exchange_open(t, &run->x);

	while (r == 0) {
		r = hear(t, run, turn);
		if (r != EXCHANGE_FAILED || turn->count > 0 || run->is_gone)
			break;
		r = exchange_again(t, &run->x);
	}
	if (r == EXCHANGE_FAILED)
		run_failed(run);
	exchange_close(&run->x);
	return r;
}

static struct chat_iteration iteration_of(const struct run *run, int64_t number)
{
	const struct upstream *u = run->setup.target->upstream;
	struct chat_iteration it = {
		.request = run->setup.request,
		.system = &run->system,
		.history = &run->history,
		.turn = &run->said,
		.number = number,
		.tier = run->tier,
	};

	if (run->now.usage.completion_tokens > 0)
		it.output_tokens_used = run->now.usage.completion_tokens;
	if (u != NULL)
		it.dialect = chat_body_dialect(str_of(u->provider.type->name));
	return it;
}

int run_too_large(struct run *run)
{
	(void)api_fail(&run->error, run->arena, 413, "invalid_request_error",
		       "input",
		       "The history and the input are too large for one "
		       "request.");
	return EXCHANGE_FAILED;
}

static int make_body(struct run_body *b, const struct chat_iteration *it,
		     int (*write)(const struct chat_iteration *it,
				  struct buf *out))
{
	run_body_init(b);
	return run_body_read(b, write(it, &b->text));
}

static int ask(struct task *t, struct run *run, struct turn *turn,
	       int64_t number)
{
	struct chat_iteration it = iteration_of(run, number);
	struct edge *edge = run->setup.edge;
	int r = make_body(&run->body, &it, chat_body);

	if (r == 0 && edge != NULL) {
		r = make_body(&run->ogx_body, &it, chat_body_ogx);
		edge->ogx_doc = r == 0 ? &run->ogx_body.doc : NULL;
	}
	if (r == 0) {
		run_aim(run, &run->body.doc);
		r = converse(t, run, turn);
	} else {
		r = run_too_large(run);
	}
	forget(run);
	return r;
}

static size_t size_of(const struct messages *m)
{
	size_t size = 0;

	for (size_t i = 0; i < m->count; i++)
		size += m->texts[i].len;
	return size;
}

/* Leave out the older half.  Returns false when nothing is left to go. */
static bool halve(struct messages *m, bool all)
{
	size_t at = messages_truncate(m, size_of(m) / 2);

	if (at == 0 && all)
		at = m->count;
	if (at == 0)
		return false;
	m->texts += at;
	m->count -= at;
	m->cap = m->count;
	return true;
}

/*
 * "truncation": "auto": the upstream says that it is too much.  First what was
 * said before goes, then the beginning of the input.
 */
static bool truncate(struct run *run)
{
	return halve(&run->history, true) || halve(&run->said, false);
}

int run_ask(struct task *t, struct run *run, struct turn *turn, int64_t number)
{
	int r = ask(t, run, turn, number);

	for (int i = 0; i < TRUNCATIONS_MAX; i++) {
		if (r != EXCHANGE_FAILED || turn->count > 0 ||
		    !run->setup.request->truncates ||
		    !run_error_is_length(&run->error) || !truncate(run))
			break;
		r = ask(t, run, turn, number);
	}
	return r;
}
