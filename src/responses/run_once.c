#include "responses/run_once.h"

#include <errno.h>

#include "core/answer.h"
#include "core/edge.h"
#include "responses/run_ask.h"
#include "responses/run_body.h"

/* The upstream's JSON.  Returns as run_once(), with x.error. */
static int read_said(struct run *run, struct str body, struct run_said *out)
{
	struct json doc;
	uint32_t text;
	int r = answer_read(&run->x, body, &doc);

	if (r != 0)
		return r;
	text = json_path(&doc, json_root(&doc),
			 STR("choices.0.message.content"));
	out->usage = USAGE_NONE;
	(void)usage_read(&doc, json_root(&doc), &out->usage);
	out->text = STR_NULL;
	if (json_type(&doc, text) == JSON_STRING) {
		out->text = arena_str(run->arena,
				      json_string(&doc, text, run->arena));
	}
	if (out->text.len == 0)
		r = answer_bad(&run->x, "gave an answer without text.");
	json_fini(&doc);
	return r;
}

static int hear(struct task *t, struct run *run, struct run_said *out)
{
	struct str data;
	struct buf body;
	int r = exchange_read(t, &run->x, &data);

	buf_init(&body, (size_t)run->setup.config->answer_max);
	while (r == 0 && data.len > 0) {
		if (buf_add(&body, data) < 0)
			r = answer_bad(&run->x, "sent too long an answer.");
		else
			r = exchange_read(t, &run->x, &data);
	}
	if (r == 0)
		r = read_said(run, buf_str(&body), out);
	buf_fini(&body);
	return r;
}

static int converse(struct task *t, struct run *run, const struct json *doc,
		    struct run_said *out)
{
	int r;

	run_aim(run, doc);
	run->x.request.stream = false;
	r = exchange_open(t, &run->x);
	while (r == 0) {
		r = hear(t, run, out);
		if (r != EXCHANGE_FAILED || run->is_gone)
			break;
		r = exchange_again(t, &run->x);
	}
	if (r == EXCHANGE_FAILED)
		run_failed(run);
	exchange_close(&run->x);
	run->x.request.doc = NULL;
	return r;
}

/* OGX's is for the names of recordings alone. */
static int make_body(struct run_body *b, const struct chat_question *q,
		     bool is_ogx)
{
	run_body_init(b);
	return run_body_read(b, chat_body_question(q, is_ogx, &b->text));
}

int run_once(struct task *t, struct run *run, const struct chat_question *q,
	     struct run_said *out)
{
	const struct upstream *u = run->setup.target->upstream;
	struct edge *edge = run->setup.edge;
	struct run_body body = { 0 }, ogx = { 0 };
	struct chat_question question = *q;
	int r;

	question.model = run->setup.request->model;
	if (u != NULL) {
		question.dialect =
			chat_body_dialect(str_of(u->provider.type->name));
	}
	r = make_body(&body, &question, false);
	if (r == 0 && edge != NULL) {
		r = make_body(&ogx, &question, true);
		edge->ogx_doc = r == 0 ? &ogx.doc : NULL;
	}
	r = r == 0 ? converse(t, run, &body.doc, out) : run_too_large(run);
	if (edge != NULL)
		edge->ogx_doc = NULL;
	run_body_fini(&body);
	run_body_fini(&ogx);
	return r;
}
