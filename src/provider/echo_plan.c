#include "provider/echo.h"

#include "base/clock.h"
#include "base/map.h"
#include "llm/chat.h"
#include "llm/message.h"

#include <assert.h>

enum {
	PIECE_MAX = 24, /* bytes; real tokens are about as long as a word */
	CHOICES_MAX = 128,
	PACE_MS_MAX = 60 * 1000,
	JSON_MAX = 4 << 20, /* of an answer that is made, not echoed */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

size_t echo_plan_piece(struct str text)
{
	size_t n = 0;

	while (n < text.len && n < PIECE_MAX && is_space(text.ptr[n]))
		n++;
	while (n < text.len && n < PIECE_MAX && !is_space(text.ptr[n]))
		n++;
	/* Never inside a UTF-8 character; the text is valid UTF-8. */
	while (n < text.len && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
		n++;
	return n;
}

int64_t echo_plan_count(struct str text)
{
	int64_t count = 0;

	for (; text.len > 0; count++)
		text = str_drop(text, echo_plan_piece(text));
	return count;
}

struct str echo_plan_take(struct str text, int64_t max)
{
	size_t len = 0;

	while (len < text.len && max-- > 0)
		len += echo_plan_piece(str_drop(text, len));
	return str_take(text, len);
}

static bool is_said_to(const struct json *doc, uint32_t message)
{
	uint32_t role = json_get(doc, message, STR("role"));

	return json_is(doc, role, STR("user")) ||
	       json_is(doc, role, STR("tool")) ||
	       json_is(doc, role, STR("function"));
}

/* What the last message that somebody sent says; the prompt is counted. */
static struct str last_text(const struct json *doc, uint32_t messages,
			    struct arena *a, int64_t *prompt_tokens)
{
	uint32_t last = JSON_NONE;

	*prompt_tokens = 0;
	for (uint32_t v = json_first(doc, messages); v != JSON_NONE;
	     v = json_next(doc, v)) {
		struct arena_mark mark = arena_mark(a);

		*prompt_tokens += echo_plan_count(message_text(doc, v, a));
		arena_rewind(a, mark);
		if (is_said_to(doc, v))
			last = v;
	}
	return message_text(doc, last, a);
}

struct str echo_plan_id(const char *prefix, uint64_t seed, struct str body,
			struct arena *a)
{
	uint64_t high = map_hash(seed, body);
	uint64_t low = map_hash(high, body);

	return arena_printf(a, "%s%016llx%08llx", prefix,
			    (unsigned long long)high,
			    (unsigned long long)(low & 0xffffffff));
}

/* The function to call, or JSON_NONE when the answer is to be text. */
static uint32_t forced_tool(const struct json *doc,
			    const struct chat_request *chat)
{
	uint32_t wanted =
		json_path(doc, chat->tool_choice, STR("function.name"));
	bool any = json_is(doc, chat->tool_choice, STR("required")) ||
		   json_is(doc, chat->tool_choice, STR("any"));

	for (uint32_t v = json_first(doc, chat->tools); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t function = json_get(doc, v, STR("function"));
		uint32_t name = json_get(doc, function, STR("name"));

		if (name == JSON_NONE)
			continue;
		if (any || (wanted != JSON_NONE &&
			    str_eq(json_raw(doc, name), json_raw(doc, wanted))))
			return function;
	}
	return JSON_NONE;
}

static int plan_made_json(struct echo_plan *plan, const struct json *doc,
			  uint32_t schema, struct arena *a, struct api_error *e)
{
	struct buf text;
	int r;

	buf_init(&text, JSON_MAX);
	r = echo_schema_write(doc, schema, a, &text);
	if (r == 0)
		plan->text = arena_str(a, buf_str(&text));
	buf_fini(&text);
	if (r != 0) {
		return api_fail(e, a, 400, NULL, NULL,
				"The schema asks for more than %d bytes.",
				JSON_MAX);
	}
	return 0;
}

/* Is it {"type": "json_schema"}; then *schema is what it describes. */
static bool is_schema_format(const struct json *doc, uint32_t format,
			     uint32_t *schema)
{
	*schema = json_path(doc, format, STR("json_schema.schema"));
	if (*schema == JSON_NONE)
		*schema = json_get(doc, format, STR("schema"));
	return json_is(doc, json_get(doc, format, STR("type")),
		       STR("json_schema"));
}

static int plan_text(struct echo_plan *plan, const struct json *doc,
		     const struct chat_request *chat, struct arena *a,
		     struct api_error *e)
{
	uint32_t format = json_get(doc, chat->response_format, STR("type"));
	uint32_t function = forced_tool(doc, chat), schema;
	struct str text =
		last_text(doc, chat->messages, a, &plan->prompt_tokens);

	if (function != JSON_NONE) {
		plan->tool =
			json_string(doc, json_get(doc, function, STR("name")),
				    a);
		return plan_made_json(plan, doc,
				      json_get(doc, function,
					       STR("parameters")),
				      a, e);
	}
	if (json_type(doc, chat->tool_choice) == JSON_OBJECT) {
		return api_fail(e, a, 400, NULL, "tool_choice",
				"'tool_choice' names a function that is not "
				"in 'tools'.");
	}
	if (is_schema_format(doc, chat->response_format, &schema))
		return plan_made_json(plan, doc, schema, a, e);
	if (json_is(doc, format, STR("json_object"))) {
		text = json_quoted(a, text);
		plan->text = arena_printf(a, "{\"echo\":" STR_FMT "}",
					  STR_ARG(text));
	} else {
		plan->text = text.len > 0 ? text : STR("(nothing to echo)");
	}
	return 0;
}

static size_t stop_at(const struct json *doc, uint32_t stop, struct str text,
		      struct arena *a)
{
	struct str word = json_string(doc, stop, a);

	return word.len > 0 ? str_find(text, word) : text.len;
}

struct str echo_plan_stop(const struct json *doc, uint32_t stop,
			  struct str text, struct arena *a)
{
	size_t least = text.len;

	if (json_type(doc, stop) == JSON_STRING)
		least = stop_at(doc, stop, text, a);
	for (uint32_t v = json_first(doc, stop); v != JSON_NONE;
	     v = json_next(doc, v)) {
		size_t at = stop_at(doc, v, text, a);

		least = at < least ? at : least;
	}
	return str_take(text, least);
}

/* Cut the answer as stop and the token limit say. */
static void plan_limits(struct echo_plan *plan, const struct json *doc,
			const struct chat_request *chat, struct arena *a)
{
	struct str cut;

	plan->finish = plan->tool.len > 0 ? "tool_calls" : "stop";
	if (plan->tool.len == 0)
		plan->text = echo_plan_stop(doc, chat->stop, plan->text, a);
	if (chat->max_tokens > 0) {
		cut = echo_plan_take(plan->text, chat->max_tokens);
		if (cut.len < plan->text.len)
			plan->finish = "length";
		plan->text = cut;
	}
	plan->completion_tokens = echo_plan_count(plan->text);
}

int64_t echo_plan_pace(const struct provider *p,
		       const struct provider_request *req)
{
	const int64_t *configured = p->state;
	int64_t ms;
	uint32_t v =
		json_get(req->doc, json_root(req->doc), STR("echo_pace_ms"));

	if (json_to_i64(req->doc, v, &ms) && ms >= 0 && ms <= PACE_MS_MAX)
		return ms * CLOCK_MS;
	return configured != NULL ? *configured : 0;
}

int echo_plan_make(struct echo_plan *plan, const struct provider *p,
		   const struct provider_request *req, struct arena *a,
		   struct api_error *e)
{
	struct chat_request chat;
	int r = chat_validate(req->doc, a, &chat, e);

	if (r != 0)
		return r;
	if (chat.n > CHOICES_MAX) {
		return api_fail(e, a, 400, NULL, "n",
				"Invalid 'n': echo gives at most %d choices.",
				CHOICES_MAX);
	}
	*plan = (struct echo_plan){
		.id = echo_plan_id("chatcmpl-", 1, req->doc->text, a),
		.tool_call_id = echo_plan_id("call_", 2, req->doc->text, a),
		.model = req->model,
		.created = req->wall_ns / CLOCK_S,
		.choices = chat.n,
		.pace_ns = echo_plan_pace(p, req),
		.stream = chat.stream,
		.include_usage = chat.include_usage,
	};
	r = plan_text(plan, req->doc, &chat, a, e);
	if (r == 0)
		plan_limits(plan, req->doc, &chat, a);
	return r;
}
