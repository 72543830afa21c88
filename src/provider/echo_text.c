#include "provider/echo.h"

#include "base/clock.h"
#include "base/err.h"
#include "json/writer.h"

/* What a prompt says: its text, or the numbers of its tokens. */
static struct str prompt_text(const struct json *doc, uint32_t v,
			      struct arena *a)
{
	struct str text;

	if (json_type(doc, v) == JSON_STRING)
		return json_string(doc, v, a);
	if (json_type(doc, v) != JSON_ARRAY)
		return STR("(nothing to echo)");
	text = json_raw(doc, v);
	return str_take(str_drop(text, 1), text.len - 2);
}

/* Is it a list of prompts, not of one prompt's tokens? */
static bool is_list(const struct json *doc, uint32_t prompt)
{
	return json_type(doc, prompt) == JSON_ARRAY &&
	       json_type(doc, json_first(doc, prompt)) != JSON_NUMBER;
}

static int64_t int_of(const struct json *doc, const char *name, int64_t absent)
{
	int64_t n;

	if (json_to_i64(doc, json_get(doc, json_root(doc), str_of(name)), &n))
		return n;
	return absent;
}

static void say(struct echo_text *t, const struct json *doc, struct str prompt,
		struct arena *a)
{
	uint32_t root = json_root(doc);
	bool echo = json_is_true(doc, json_get(doc, root, STR("echo")));
	int64_t max = int_of(doc, "max_tokens", -1);
	struct echo_said *said = &t->prompts[t->prompt_count++];
	struct str cut;

	said->text = echo_plan_stop(doc, json_get(doc, root, STR("stop")),
				    prompt, a);
	said->finish = "stop";
	cut = max >= 0 ? echo_plan_take(said->text, max) : said->text;
	if (cut.len < said->text.len)
		said->finish = "length";
	said->text = cut;
	t->prompt_tokens += echo_plan_count(prompt);
	t->completion_tokens += echo_plan_count(cut) * (int64_t)t->n;
	if (echo)
		said->text = arena_join(a, (struct str[]){ prompt, cut }, 2);
}

void echo_text_make(struct echo_text *t, const struct provider *p,
		    const struct provider_request *req, struct arena *a)
{
	const struct json *doc = req->doc;
	uint32_t root = json_root(doc);
	uint32_t prompt = json_get(doc, root, STR("prompt"));
	uint32_t options = json_get(doc, root, STR("stream_options"));

	*t = (struct echo_text){
		.id = echo_plan_id("cmpl-", 3, doc->text, a),
		.model = req->model,
		.created = req->wall_ns / CLOCK_S,
		.n = (size_t)int_of(doc, "n", 1),
		.pace_ns = echo_plan_pace(p, req),
		.stream = req->stream,
		.include_usage =
			json_is_true(doc, json_get(doc, options,
						   STR("include_usage"))),
	};
	t->prompts = arena_alloc(a, ((size_t)json_count(doc, prompt) + 1) *
					    sizeof(*t->prompts));
	if (!is_list(doc, prompt)) {
		say(t, doc, prompt_text(doc, prompt, a), a);
		return;
	}
	for (uint32_t v = json_first(doc, prompt); v != JSON_NONE;
	     v = json_next(doc, v))
		say(t, doc, prompt_text(doc, v, a), a);
}

static void write_choice(struct json_writer *w, size_t index, struct str text,
			 const char *finish)
{
	json_object(w);
	json_member_int(w, STR("index"), (int64_t)index);
	json_member_str(w, STR("text"), text);
	json_member_null(w, STR("logprobs"));
	if (finish != NULL)
		json_member_str(w, STR("finish_reason"), str_of(finish));
	else
		json_member_null(w, STR("finish_reason"));
	json_end(w);
}

static void write_usage(struct json_writer *w, const struct echo_text *t)
{
	json_member(w, STR("usage"));
	json_object(w);
	json_member_int(w, STR("prompt_tokens"), t->prompt_tokens);
	json_member_int(w, STR("completion_tokens"), t->completion_tokens);
	json_member_int(w, STR("total_tokens"),
			t->prompt_tokens + t->completion_tokens);
	json_end(w);
}

static void write_start(struct json_writer *w, const struct echo_text *t)
{
	json_object(w);
	json_member_str(w, STR("id"), t->id);
	json_member_str(w, STR("object"), STR("text_completion"));
	json_member_int(w, STR("created"), t->created);
	json_member_str(w, STR("model"), t->model);
	json_member(w, STR("choices"));
	json_array(w);
}

static int write_whole(const struct echo_text *t, struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	write_start(&w, t);
	for (size_t i = 0; i < t->prompt_count * t->n && w.error == 0; i++) {
		write_choice(&w, i, t->prompts[i / t->n].text,
			     t->prompts[i / t->n].finish);
	}
	json_end(&w);
	write_usage(&w, t);
	json_end(&w);
	return json_writer_done(&w);
}

/* The next piece of the choice whose turn it is, or its end. */
static void write_piece(struct json_writer *w, struct echo_text *t)
{
	const struct echo_said *said = &t->prompts[t->choice / t->n];
	struct str rest = str_drop(said->text, t->at);
	size_t len = echo_plan_piece(rest);

	write_choice(w, t->choice, str_take(rest, len),
		     len > 0 ? NULL : said->finish);
	t->at += len;
	if (len == 0) {
		t->at = 0;
		t->choice++;
	}
}

static int write_event(struct echo_text *t, struct buf *out)
{
	bool is_choice = t->choice < t->prompt_count * t->n;
	struct json_writer w;
	int r;

	if (!is_choice && (t->usage_sent || !t->include_usage))
		return buf_add(out, STR("data: [DONE]\n\n"));
	r = buf_add(out, STR("data: "));
	if (r < 0)
		return err_up(r);
	json_writer_init(&w, out);
	write_start(&w, t);
	if (is_choice)
		write_piece(&w, t);
	json_end(&w);
	if (!is_choice) {
		write_usage(&w, t);
		t->usage_sent = true;
	} else if (t->include_usage) {
		json_member_null(&w, STR("usage"));
	}
	json_end(&w);
	r = json_writer_done(&w);
	if (r == 0)
		r = buf_add(out, STR("\n\n"));
	return r < 0 ? err_up(r) : 1;
}

int echo_text_write(struct echo_text *t, struct buf *out)
{
	return t->stream ? write_event(t, out) : write_whole(t, out);
}
