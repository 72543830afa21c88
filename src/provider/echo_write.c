#include "provider/echo.h"

#include "base/err.h"
#include "json/writer.h"

static void write_start(struct json_writer *w, const struct echo_plan *plan,
			const char *object)
{
	json_object(w);
	json_member_str(w, STR("id"), plan->id);
	json_member_str(w, STR("object"), str_of(object));
	json_member_int(w, STR("created"), plan->created);
	json_member_str(w, STR("model"), plan->model);
	json_member_str(w, STR("system_fingerprint"), STR("fp_echo"));
}

static void write_usage(struct json_writer *w, const struct echo_plan *plan)
{
	int64_t completion = plan->completion_tokens * plan->choices;

	json_member(w, STR("usage"));
	json_object(w);
	json_member_int(w, STR("prompt_tokens"), plan->prompt_tokens);
	json_member_int(w, STR("completion_tokens"), completion);
	json_member_int(w, STR("total_tokens"),
			plan->prompt_tokens + completion);
	json_end(w);
}

/* id and name come with the first bytes of a call only. */
static void write_tool_call(struct json_writer *w, const struct echo_plan *plan,
			    struct str arguments, bool first, bool indexed)
{
	json_member(w, STR("tool_calls"));
	json_array(w);
	json_object(w);
	if (indexed)
		json_member_int(w, STR("index"), 0);
	if (first) {
		json_member_str(w, STR("id"), plan->tool_call_id);
		json_member_str(w, STR("type"), STR("function"));
	}
	json_member(w, STR("function"));
	json_object(w);
	if (first)
		json_member_str(w, STR("name"), plan->tool);
	json_member_str(w, STR("arguments"), arguments);
	json_end(w);
	json_end(w);
	json_end(w);
}

static void write_choice(struct json_writer *w, const struct echo_plan *plan,
			 int64_t index)
{
	json_object(w);
	json_member_int(w, STR("index"), index);
	json_member(w, STR("message"));
	json_object(w);
	json_member_str(w, STR("role"), STR("assistant"));
	if (plan->tool.len > 0) {
		json_member_null(w, STR("content"));
		write_tool_call(w, plan, plan->text, true, false);
	} else {
		json_member_str(w, STR("content"), plan->text);
	}
	json_member_null(w, STR("refusal"));
	json_end(w);
	json_member_null(w, STR("logprobs"));
	json_member_str(w, STR("finish_reason"), str_of(plan->finish));
	json_end(w);
}

int echo_write_whole(const struct echo_plan *plan, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	write_start(&w, plan, "chat.completion");
	json_member(&w, STR("choices"));
	json_array(&w);
	for (int64_t i = 0; i < plan->choices; i++)
		write_choice(&w, plan, i);
	json_end(&w);
	write_usage(&w, plan);
	json_end(&w);
	return json_writer_done(&w);
}

int echo_write_models(struct str model, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_object(&w);
	json_member_str(&w, STR("object"), STR("list"));
	json_member(&w, STR("data"));
	json_array(&w);
	json_object(&w);
	json_member_str(&w, STR("id"), model);
	json_member_str(&w, STR("object"), STR("model"));
	json_member_int(&w, STR("created"), 0);
	json_member_str(&w, STR("owned_by"), STR("quipu"));
	json_end(&w);
	json_end(&w);
	json_end(&w);
	return json_writer_done(&w);
}

static void write_delta(struct json_writer *w, const struct echo_plan *plan,
			const struct echo_event *ev)
{
	bool is_call = plan->tool.len > 0;

	json_member(w, STR("delta"));
	json_object(w);
	if (ev->step == ECHO_ROLE) {
		json_member_str(w, STR("role"), STR("assistant"));
		if (is_call) {
			json_member_null(w, STR("content"));
		} else {
			json_member_str(w, STR("content"), STR(""));
		}
	}
	if (is_call && ev->step != ECHO_FINISH) {
		write_tool_call(w, plan, ev->piece, ev->step == ECHO_ROLE,
				true);
	} else if (ev->step == ECHO_PIECE) {
		json_member_str(w, STR("content"), ev->piece);
	}
	json_end(w);
}

static void write_chunk(struct json_writer *w, const struct echo_plan *plan,
			const struct echo_event *ev)
{
	write_start(w, plan, "chat.completion.chunk");
	json_member(w, STR("choices"));
	json_array(w);
	if (ev->step != ECHO_USAGE) {
		json_object(w);
		json_member_int(w, STR("index"), ev->choice);
		write_delta(w, plan, ev);
		json_member_null(w, STR("logprobs"));
		if (ev->step == ECHO_FINISH) {
			json_member_str(w, STR("finish_reason"),
					str_of(plan->finish));
		} else {
			json_member_null(w, STR("finish_reason"));
		}
		json_end(w);
	}
	json_end(w);
	if (ev->step == ECHO_USAGE) {
		write_usage(w, plan);
	} else if (plan->include_usage) {
		json_member_null(w, STR("usage"));
	}
	json_end(w);
}

int echo_write_event(const struct echo_plan *plan, const struct echo_event *ev,
		     struct buf *out)
{
	struct json_writer w;
	int r = buf_add(out, STR("data: "));

	if (r < 0)
		return err_up(r);
	if (ev->step == ECHO_DONE)
		return buf_add(out, STR("[DONE]\n\n"));
	json_writer_init(&w, out);
	write_chunk(&w, plan, ev);
	r = json_writer_done(&w);
	if (r < 0)
		return err_up(r);
	return buf_add(out, STR("\n\n"));
}
