#include "responses/object.h"

struct str object_status(enum response_status status)
{
	static const struct str words[] = {
		[RESPONSE_QUEUED] = STR_INIT("queued"),
		[RESPONSE_IN_PROGRESS] = STR_INIT("in_progress"),
		[RESPONSE_COMPLETED] = STR_INIT("completed"),
		[RESPONSE_INCOMPLETE] = STR_INIT("incomplete"),
		[RESPONSE_FAILED] = STR_INIT("failed"),
		[RESPONSE_CANCELLED] = STR_INIT("cancelled"),
	};

	return words[status];
}

/* A member of the view as it stands there, or its default. */
static void echo(struct json_writer *w, struct str key, struct str raw,
		 struct str missing)
{
	json_member_raw(w, key, raw.len > 0 ? raw : missing);
}

static void add_error(struct json_writer *w, const struct response_now *now)
{
	json_member(w, STR("error"));
	if (now->error_code.len == 0 && now->error_message.len == 0) {
		json_add_null(w);
		return;
	}
	json_object(w);
	json_member_str(w, STR("code"), now->error_code);
	json_member_str(w, STR("message"), now->error_message);
	json_end(w);
}

static void add_incomplete(struct json_writer *w,
			   const struct response_now *now)
{
	json_member(w, STR("incomplete_details"));
	if (now->incomplete_reason.len == 0) {
		json_add_null(w);
		return;
	}
	json_object(w);
	json_member_str(w, STR("reason"), now->incomplete_reason);
	json_end(w);
}

static int64_t known(int64_t count)
{
	return count < 0 ? 0 : count;
}

static bool is_known(const struct usage *u)
{
	return u->prompt_tokens >= 0 || u->completion_tokens >= 0 ||
	       u->total_tokens >= 0;
}

void object_add_usage(struct json_writer *w, const struct usage *u)
{
	json_member(w, STR("usage"));
	json_object(w);
	json_member_int(w, STR("input_tokens"), known(u->prompt_tokens));
	json_member_int(w, STR("output_tokens"), known(u->completion_tokens));
	json_member_int(w, STR("total_tokens"), known(u->total_tokens));
	json_member(w, STR("input_tokens_details"));
	json_object(w);
	json_member_int(w, STR("cached_tokens"), known(u->cached_tokens));
	json_end(w);
	json_member(w, STR("output_tokens_details"));
	json_object(w);
	json_member_int(w, STR("reasoning_tokens"), known(u->reasoning_tokens));
	json_end(w);
	json_end(w);
}

/* background to parallel_tool_calls. */
static void add_first(struct json_writer *w, const struct response_view *view,
		      const struct response_now *now)
{
	json_member_bool(w, STR("background"), view->background);
	json_member_int(w, STR("created_at"), view->created_at);
	if (now->status == RESPONSE_COMPLETED)
		json_member_int(w, STR("completed_at"), now->completed_at);
	else
		json_member_null(w, STR("completed_at"));
	add_error(w, now);
	echo(w, STR("frequency_penalty"), view->frequency_penalty, STR("0.0"));
	json_member_str(w, STR("id"), view->id);
	add_incomplete(w, now);
	echo(w, STR("model"), view->model, STR("\"\""));
	json_member_str(w, STR("object"), STR("response"));
	json_member_raw(w, STR("output"), STR("["));
	json_more_raw(w, now->output);
	json_more_raw(w, STR("]"));
	echo(w, STR("parallel_tool_calls"), view->parallel_tool_calls,
	     STR("true"));
}

/* previous_response_id to truncation. */
static void add_middle(struct json_writer *w, const struct response_view *view,
		       const struct response_now *now)
{
	struct str null = STR("null");

	echo(w, STR("previous_response_id"), view->previous_response_id, null);
	echo(w, STR("prompt_cache_key"), view->prompt_cache_key, null);
	echo(w, STR("prompt"), view->prompt, null);
	json_member_str(w, STR("status"), object_status(now->status));
	echo(w, STR("temperature"), view->temperature, STR("1.0"));
	echo(w, STR("text"), view->text,
	     STR("{\"format\":{\"type\":\"text\"}}"));
	echo(w, STR("top_p"), view->top_p, STR("1.0"));
	echo(w, STR("top_logprobs"), view->top_logprobs, STR("0"));
	echo(w, STR("tools"), view->tools, STR("[]"));
	echo(w, STR("tool_choice"), view->tool_choice, STR("\"auto\""));
	echo(w, STR("truncation"), view->truncation, STR("\"disabled\""));
}

/* usage to conversation. */
static void add_last(struct json_writer *w, const struct response_view *view,
		     const struct response_now *now)
{
	struct str null = STR("null");
	struct str tier = now->service_tier.len > 0 ? now->service_tier
						    : view->service_tier;

	if (is_known(&now->usage))
		object_add_usage(w, &now->usage);
	else
		json_member_null(w, STR("usage"));
	echo(w, STR("instructions"), view->instructions, null);
	echo(w, STR("max_tool_calls"), view->max_tool_calls, null);
	echo(w, STR("reasoning"), view->reasoning, null);
	echo(w, STR("max_output_tokens"), view->max_output_tokens, null);
	echo(w, STR("safety_identifier"), view->safety_identifier, null);
	echo(w, STR("service_tier"), tier, STR("\"default\""));
	echo(w, STR("metadata"), view->metadata, STR("{}"));
	echo(w, STR("presence_penalty"), view->presence_penalty, STR("0.0"));
	json_member_bool(w, STR("store"), view->store);
	json_member(w, STR("conversation"));
	if (view->conversation.len == 0) {
		json_add_null(w);
		return;
	}
	json_object(w);
	json_member_str(w, STR("id"), view->conversation);
	json_end(w);
}

void object_add(struct json_writer *w, const struct response_view *view,
		const struct response_now *now)
{
	json_object(w);
	add_first(w, view, now);
	add_middle(w, view, now);
	add_last(w, view, now);
	json_end(w);
}

int object_write(const struct response_view *view,
		 const struct response_now *now, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	object_add(&w, view, now);
	return json_writer_done(&w);
}

static void sum(int64_t *to, int64_t more)
{
	if (more >= 0)
		*to = known(*to) + more;
}

void object_sum_usage(struct usage *total, const struct usage *more)
{
	sum(&total->prompt_tokens, more->prompt_tokens);
	sum(&total->completion_tokens, more->completion_tokens);
	sum(&total->total_tokens, more->total_tokens);
	sum(&total->cached_tokens, more->cached_tokens);
	sum(&total->reasoning_tokens, more->reasoning_tokens);
}
