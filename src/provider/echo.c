#include "provider/echo.h"

#include "config/config.h"
#include "provider/types.h"

enum {
	MORE = 1,
	FAILED = API_FAIL + 1,
};

struct provider_stream {
	bool started;
	struct echo_text text; /* of a text completion; else ... */
	struct echo_plan plan;
	struct echo_event next;
	size_t at; /* bytes of the text that every choice has said */
};

static const struct setting settings[] = {
	{ .key = "pace",
	  .kind = SETTING_DURATION,
	  .env = "QUIPU_ECHO_PACE",
	  .def = "0s",
	  .min = 0,
	  .max = INT64_C(60000000000),
	  .help = "wait before each token" },
	{ 0 },
};

static int setup(struct provider *p, struct arena *a, struct api_error *e)
{
	int64_t *pace_ns = arena_zalloc(a, sizeof(*pace_ns));

	(void)e;
	for (size_t i = 0; i < p->config->value_count; i++) {
		const struct config_value *v = &p->config->values[i];

		if (v->setting != NULL &&
		    str_eq(str_of(v->setting->key), STR("pace")))
			*pace_ns = config_value_int(v, 0);
	}
	p->state = pace_ns;
	return 0;
}

/* Go on to the event after s->next; false when there is none. */
static bool advance(struct provider_stream *s)
{
	struct echo_event *ev = &s->next;
	struct str rest;

	if (ev->step == ECHO_DONE)
		return false;
	if (ev->step <= ECHO_FINISH && ++ev->choice < s->plan.choices)
		return true;

	ev->choice = 0;
	s->at += ev->piece.len;
	rest = str_drop(s->plan.text, s->at);
	ev->piece = str_take(rest, echo_plan_piece(rest));
	if (ev->step <= ECHO_PIECE && ev->piece.len > 0) {
		ev->step = ECHO_PIECE;
	} else if (ev->step <= ECHO_PIECE) {
		ev->step = ECHO_FINISH;
	} else if (ev->step == ECHO_FINISH && s->plan.include_usage) {
		ev->step = ECHO_USAGE;
	} else {
		ev->step = ECHO_DONE;
	}
	return true;
}

static int too_long(const struct provider_reply *reply)
{
	(void)api_fail(reply->error, reply->arena, 400, NULL, NULL,
		       "The answer would be longer than echo may give.");
	return FAILED;
}

static int start(const struct provider *p, const struct provider_request *req,
		 struct provider_stream *s, const struct provider_reply *reply)
{
	if (echo_plan_make(&s->plan, p, req, reply->arena, reply->error) != 0)
		return FAILED;
	s->started = true;
	return 0;
}

static int whole(const struct provider_stream *s, struct provider_reply *reply)
{
	reply->wait_ns = s->plan.pace_ns * s->plan.completion_tokens;
	return echo_write_whole(&s->plan, reply->out) == 0 ? 0
							   : too_long(reply);
}

/* The same for a text completion. */
static int generate_text(const struct provider *p,
			 const struct provider_request *req,
			 struct provider_stream *s,
			 struct provider_reply *reply)
{
	struct echo_text *t = &s->text;
	int r;

	if (!s->started)
		echo_text_make(t, p, req, reply->arena);
	s->started = true;
	reply->wait_ns = t->pace_ns * (t->stream ? 1 : t->completion_tokens);
	r = echo_text_write(t, reply->out);
	return r < 0 ? too_long(reply) : r;
}

/* What comes in one piece. */
static int generate_once(const struct provider_request *req,
			 struct provider_reply *reply)
{
	int r;

	if (req->op == LLM_EMBEDDINGS) {
		return echo_vectors_write(req, reply->arena, reply->out,
					  reply->error) == 0
			       ? 0
			       : FAILED;
	}
	if (req->op == LLM_MODELS)
		r = echo_write_models(STR("echo"), reply->out);
	else
		r = echo_rank_write(req, reply->arena, reply->out);
	return r == 0 ? 0 : too_long(reply);
}

/* An event costs its own length, whatever the length of the answer. */
static int generate_chat(const struct provider *p,
			 const struct provider_request *req,
			 struct provider_stream *s,
			 struct provider_reply *reply)
{
	int r;

	if (!s->started) {
		r = start(p, req, s, reply);
		if (r != 0)
			return r;
	}
	if (!s->plan.stream)
		return whole(s, reply);
	if (s->next.step == ECHO_PIECE && s->next.choice == 0)
		reply->wait_ns = s->plan.pace_ns;
	if (echo_write_event(&s->plan, &s->next, reply->out) != 0)
		return too_long(reply);
	return advance(s) ? MORE : 0;
}

static int generate(const struct provider *p,
		    const struct provider_request *req,
		    struct provider_stream *s, struct provider_reply *reply)
{
	reply->wait_ns = 0;
	if (req->op == LLM_CHAT)
		return generate_chat(p, req, s, reply);
	if (req->op == LLM_COMPLETIONS)
		return generate_text(p, req, s, reply);
	return generate_once(req, reply);
}

const struct provider_type echo_type = {
	.name = "inline::echo",
	.id = "echo",
	.caps = PROVIDER_CHAT | PROVIDER_COMPLETIONS | PROVIDER_EMBEDDINGS |
		PROVIDER_RERANK | PROVIDER_LISTS_MODELS | PROVIDER_LOCAL,
	.key_optional = true,
	.settings = settings,
	.setup = setup,
	.generate = generate,
	.stream_size = sizeof(struct provider_stream),
};
