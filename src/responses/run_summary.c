#include "responses/run_summary.h"

#include "base/log.h"
#include "llm/field.h"
#include "responses/run_ask.h"
#include "responses/run_once.h"

static struct str style_of(const struct run *run)
{
	const struct response_request *req = run->setup.request;
	uint32_t v = field_get(req->doc, req->at[RESPONSE_REASONING],
			       STR("summary"));

	return v == JSON_NONE ? STR_NULL : json_string(req->doc, v, run->arena);
}

bool run_wants_summary(const struct run *run)
{
	return style_of(run).len > 0;
}

/* What the model thought, as plain text; "" when that is not known. */
static struct str thought_of(const struct run *run, const struct turn *turn)
{
	struct str text = STR_NULL;
	struct json_error error;
	struct buf message;
	struct json doc;
	uint32_t v;

	buf_init(&message, RUN_OUTPUT_MAX);
	if (turn_write_message(turn, &message) == 0 &&
	    json_parse(buf_str(&message), NULL, &doc, &error) == 0) {
		v = json_get(&doc, json_root(&doc), STR("reasoning_content"));
		if (v != JSON_NONE) {
			text = arena_str(run->arena,
					 json_string(&doc, v, run->arena));
		}
		json_fini(&doc);
	}
	buf_fini(&message);
	return text;
}

static struct str order_of(struct run *run)
{
	static const struct str how[] = {
		STR_INIT("in one or two sentences"),
		STR_INIT("step by step, with what each step found"),
		STR_INIT("in a short paragraph"),
	};
	struct str style = style_of(run);
	size_t i = str_eq(style, STR("concise"))    ? 0
		   : str_eq(style, STR("detailed")) ? 1
						    : 2;

	return arena_printf(run->arena,
			    "The user's message is what a model thought before "
			    "it answered. Sum it up " STR_FMT
			    ". Say only what is there, and nothing besides the "
			    "summary.",
			    STR_ARG(how[i]));
}

static void add(struct run *run, struct messages *m, struct str role,
		struct str content)
{
	struct json_writer w;
	struct buf text;

	buf_init(&text, RUN_BODY_MAX);
	json_writer_init(&w, &text);
	json_object(&w);
	json_member_str(&w, STR("role"), role);
	json_member_str(&w, STR("content"), content);
	json_end(&w);
	if (json_writer_done(&w) == 0) {
		messages_add(m, run->arena,
			     arena_str(run->arena, buf_str(&text)));
	}
	buf_fini(&text);
}

static int ask(struct task *t, struct run *run, struct str thought,
	       struct run_said *out)
{
	struct messages asked = { 0 };

	add(run, &asked, STR("system"), order_of(run));
	add(run, &asked, STR("user"), thought);
	return run_once(t, run,
			&(struct chat_question){ .messages = &asked,
						 .temperature = STR("0.3") },
			out);
}

int run_summary(struct task *t, struct run *run, struct turn *turn)
{
	struct str thought = thought_of(run, turn);
	struct run_said said;
	int r;

	if (thought.len == 0)
		return 0;
	r = ask(t, run, thought, &said);
	if (r == EXCHANGE_FAILED) {
		log_warn("response " STR_FMT " has no summary of its "
			 "reasoning: " STR_FMT,
			 STR_ARG(run->view.id), STR_ARG(run->error.message));
		run->error = (struct api_error){ 0 };
		run->retry_after = STR_NULL;
		return 0;
	}
	if (r != 0)
		return r;
	object_sum_usage(&run->now.usage, &said.usage);
	return turn_summary(turn, said.text, &run->events) == 0
		       ? 0
		       : run_too_large(run);
}
