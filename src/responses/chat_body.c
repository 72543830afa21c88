#include "responses/chat_body.h"

#include <errno.h>

#include "llm/field.h"
#include "json/writer.h"

enum {
	BODY_DEPTH = 128
};

/* What both forms of a body are made by. */
struct body {
	const struct chat_iteration *it;
	const struct response_request *req;
	const struct json *doc;
	struct json_writer w;
	bool is_ogx;
};

struct chat_dialect chat_body_dialect(struct str provider_type)
{
	static const struct {
		struct str type;
		struct chat_dialect dialect;
	} rows[] = {
		{ STR_INIT("remote::openai"), { .verbosity = true } },
		{ STR_INIT("remote::azure"), { .verbosity = true } },
		{ STR_INIT("remote::ollama"), { .reasoning = true } },
		{ STR_INIT("remote::vllm"), { .reasoning = true } },
		{ STR_INIT("remote::bedrock"), { .reasoning = true } },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (str_eq(provider_type, rows[i].type))
			return rows[i].dialect;
	}
	return (struct chat_dialect){ false, false };
}

static void put(struct body *b, const char *name, uint32_t v)
{
	if (v != JSON_NONE)
		json_member_raw(&b->w, str_of(name), json_raw(b->doc, v));
}

/* Of an object of the request, under its own name. */
static void put_from(struct body *b, uint32_t object, const char *name)
{
	put(b, name, field_get(b->doc, object, str_of(name)));
}

/* OGX counts them; elsewhere an index is of answers only. */
static void put_tool_calls(struct body *b, const struct json *doc,
			   uint32_t calls)
{
	int64_t index = 0;

	json_array(&b->w);
	for (uint32_t v = json_first(doc, calls); v != JSON_NONE;
	     v = json_next(doc, v)) {
		json_object(&b->w);
		json_member_int(&b->w, STR("index"), index++);
		for (uint32_t m = json_first(doc, v); m != JSON_NONE;
		     m = json_next(doc, m)) {
			if (!json_is(doc, json_key(doc, m), STR("index"))) {
				json_member_copy(&b->w,
						 json_raw(doc,
							  json_key(doc, m)),
						 json_raw(doc, m));
			}
		}
		json_end(&b->w);
	}
	json_end(&b->w);
}

/* By OGX, who calls says nothing, and nobody remembers what was refused. */
static bool put_ogx_member(struct body *b, const struct json *doc, uint32_t v)
{
	uint32_t key = json_key(doc, v);
	bool calls =
		json_get(doc, json_root(doc), STR("tool_calls")) != JSON_NONE;

	if (json_is(doc, key, STR("refusal")))
		return true;
	if (json_is(doc, key, STR("tool_calls"))) {
		json_member(&b->w, STR("tool_calls"));
		put_tool_calls(b, doc, v);
		return true;
	}
	if (!calls || !json_is(doc, key, STR("content")))
		return false;
	json_member_str(&b->w, STR("content"), STR(""));
	return true;
}

static void put_member(struct body *b, const struct json *doc, uint32_t v,
		       struct str reasoning)
{
	uint32_t key = json_key(doc, v);

	if (b->is_ogx && put_ogx_member(b, doc, v))
		return;
	if (json_is(doc, key, STR("reasoning_content"))) {
		json_member_raw(&b->w, reasoning, json_raw(doc, v));
	} else {
		json_member_copy(&b->w, json_raw(doc, key), json_raw(doc, v));
	}
}

static bool says(struct str text, struct str what)
{
	return str_find(text, what) < text.len;
}

/* Most go out as they are, and are not even read. */
static bool is_changed(const struct body *b, struct str text,
		       struct str reasoning)
{
	if (!str_eq(reasoning, STR("reasoning_content")) &&
	    says(text, STR("\"reasoning_content\"")))
		return true;
	return b->is_ogx && (says(text, STR("\"tool_calls\"")) ||
			     says(text, STR("\"refusal\"")));
}

static void put_message(struct body *b, struct str text, struct str reasoning)
{
	struct json_limits limits = { .depth = BODY_DEPTH };
	struct json_error e;
	struct json doc;

	if (!is_changed(b, text, reasoning) ||
	    json_parse(text, &limits, &doc, &e) != 0) {
		json_add_raw(&b->w, text);
		return;
	}
	json_object(&b->w);
	for (uint32_t v = json_first(&doc, json_root(&doc)); v != JSON_NONE;
	     v = json_next(&doc, v))
		put_member(b, &doc, v, reasoning);
	json_end(&b->w);
	json_fini(&doc);
}

static void put_list(struct body *b, const struct messages *m,
		     struct str reasoning)
{
	for (size_t i = 0; m != NULL && i < m->count; i++)
		put_message(b, m->texts[i], reasoning);
}

/*
 * By OGX, what was stored keeps its name, and only a request with an effort has
 * it renamed for those that call it otherwise.
 */
static bool is_renamed(const struct body *b, bool is_stored)
{
	uint32_t effort = field_get(b->doc, b->req->at[RESPONSE_REASONING],
				    STR("effort"));

	if (!b->is_ogx)
		return b->it->dialect.reasoning;
	return b->it->dialect.reasoning && !is_stored && effort != JSON_NONE &&
	       !json_is(b->doc, effort, STR("none"));
}

static struct str reasoning_name(const struct body *b, bool is_stored)
{
	return is_renamed(b, is_stored) ? STR("reasoning")
					: STR("reasoning_content");
}

static size_t size_of(const struct messages *m)
{
	size_t size = 0;

	for (size_t i = 0; m != NULL && i < m->count; i++)
		size += m->texts[i].len + 1;
	return size;
}

/* So that a long history is not moved while it is written. */
static int make_room(const struct chat_iteration *it, struct buf *out)
{
	return buf_reserve(out, size_of(it->system) + size_of(it->history) +
					size_of(it->turn));
}

static void put_messages(struct body *b)
{
	json_member(&b->w, STR("messages"));
	json_array(&b->w);
	put_list(b, b->it->system, reasoning_name(b, true));
	put_list(b, b->it->history, reasoning_name(b, true));
	put_list(b, b->it->turn, reasoning_name(b, false));
	json_end(&b->w);
}

static void put_tool(struct body *b, uint32_t tool)
{
	json_object(&b->w);
	json_member_str(&b->w, STR("type"), STR("function"));
	json_member(&b->w, STR("function"));
	json_object(&b->w);
	if (b->is_ogx)
		json_member_str(&b->w, STR("type"), STR("function"));
	put_from(b, tool, "name");
	put_from(b, tool, "description");
	put_from(b, tool, "parameters");
	put_from(b, tool, "strict");
	json_end(&b->w);
	json_end(&b->w);
}

static void put_choice(struct body *b)
{
	static const char *const words[] = {
		[RESPONSE_CHOICE_AUTO] = "auto",
		[RESPONSE_CHOICE_NONE] = "none",
		[RESPONSE_CHOICE_REQUIRED] = "required",
	};
	enum response_choice choice = b->req->choice;

	if (choice == RESPONSE_CHOICE_ABSENT)
		return;
	json_member(&b->w, STR("tool_choice"));
	/* It was forced once; to force it again would never end. */
	if (b->it->number > 1) {
		json_add_str(&b->w, STR("auto"));
		return;
	}
	if (choice != RESPONSE_CHOICE_FUNCTION) {
		json_add_str(&b->w, str_of(words[choice]));
		return;
	}
	json_object(&b->w);
	json_member_str(&b->w, STR("type"), STR("function"));
	json_member(&b->w, STR("function"));
	json_object(&b->w);
	json_member_str(&b->w, STR("name"), b->req->choice_name);
	json_end(&b->w);
	json_end(&b->w);
}

static void put_tools(struct body *b)
{
	uint32_t tools = b->req->at[RESPONSE_TOOLS];

	if (json_count(b->doc, tools) == 0)
		return;
	json_member(&b->w, STR("tools"));
	json_array(&b->w);
	for (uint32_t v = json_first(b->doc, tools); v != JSON_NONE;
	     v = json_next(b->doc, v)) {
		if (responses_offers(b->req, v))
			put_tool(b, v);
	}
	json_end(&b->w);
	put_choice(b);
	/* null means to leave it to the upstream. */
	if (json_type(b->doc, json_get(b->doc, json_root(b->doc),
				       STR("parallel_tool_calls"))) !=
	    JSON_NULL) {
		json_member_bool(&b->w, STR("parallel_tool_calls"),
				 b->req->parallel_tool_calls);
	}
}

static void put_format(struct body *b, uint32_t format)
{
	uint32_t type = field_get(b->doc, format, STR("type"));
	bool is_schema = json_is(b->doc, type, STR("json_schema"));

	if (format == JSON_NONE || json_is(b->doc, type, STR("text")))
		return;
	json_member(&b->w, STR("response_format"));
	json_object(&b->w);
	json_member_raw(&b->w, STR("type"), json_raw(b->doc, type));
	if (is_schema) {
		json_member(&b->w, STR("json_schema"));
		json_object(&b->w);
		put_from(b, format, "name");
		if (!b->is_ogx)
			put_from(b, format, "description");
		put_from(b, format, "schema");
		if (!b->is_ogx)
			put_from(b, format, "strict");
		json_end(&b->w);
	}
	json_end(&b->w);
}

static void put_stream(struct body *b)
{
	json_member_bool(&b->w, STR("stream"), true);
	json_member(&b->w, STR("stream_options"));
	json_object(&b->w);
	json_member_bool(&b->w, STR("include_usage"), true);
	put_from(b, b->req->at[RESPONSE_STREAM_OPTIONS], "include_obfuscation");
	json_end(&b->w);
}

static void put_limits(struct body *b)
{
	int64_t left = b->req->max_output_tokens - b->it->output_tokens_used;

	if (b->req->max_output_tokens >= 0) {
		json_member_int(&b->w, STR("max_completion_tokens"),
				left > 1 ? left : 1);
	}
	if (b->req->wants_logprobs)
		json_member_bool(&b->w, STR("logprobs"), true);
	if (b->is_ogx || b->req->wants_logprobs)
		put(b, "top_logprobs", b->req->at[RESPONSE_TOP_LOGPROBS]);
}

static void put_tier(struct body *b)
{
	struct str tier = b->it->tier;

	if (!b->is_ogx || b->it->number == 1) {
		put(b, "service_tier", b->req->at[RESPONSE_SERVICE_TIER]);
		return;
	}
	json_member_str(&b->w, STR("service_tier"),
			tier.len > 0 ? tier : STR("default"));
}

static void put_scalars(struct body *b)
{
	static const struct {
		const char *name;
		enum response_member member;
	} same[] = {
		{ "temperature", RESPONSE_TEMPERATURE },
		{ "top_p", RESPONSE_TOP_P },
		{ "frequency_penalty", RESPONSE_FREQUENCY_PENALTY },
		{ "presence_penalty", RESPONSE_PRESENCE_PENALTY },
		{ "safety_identifier", RESPONSE_SAFETY_IDENTIFIER },
		{ "prompt_cache_key", RESPONSE_PROMPT_CACHE_KEY },
	};
	uint32_t text = b->req->at[RESPONSE_TEXT];
	uint32_t reasoning = b->req->at[RESPONSE_REASONING];

	for (size_t i = 0; i < countof(same); i++)
		put(b, same[i].name, b->req->at[same[i].member]);
	put(b, "reasoning_effort", field_get(b->doc, reasoning, STR("effort")));
	put_format(b, field_get(b->doc, text, STR("format")));
	if (!b->is_ogx && b->it->dialect.verbosity)
		put_from(b, text, "verbosity");
	put_tier(b);
	put_limits(b);
}

/* Members that are none of a response: seed, stop, and what an upstream knows. */
static void put_extras(struct body *b)
{
	for (uint32_t v = json_first(b->doc, json_root(b->doc)); v != JSON_NONE;
	     v = json_next(b->doc, v)) {
		if (json_type(b->doc, v) != JSON_NULL &&
		    responses_is_extra(b->req, v)) {
			json_member_copy(&b->w,
					 json_raw(b->doc, json_key(b->doc, v)),
					 json_raw(b->doc, v));
		}
	}
}

static int write_body(const struct chat_iteration *it, bool is_ogx,
		      struct buf *out)
{
	struct body b = { .it = it,
			  .req = it->request,
			  .doc = it->request->doc,
			  .is_ogx = is_ogx };

	if (make_room(it, out) < 0)
		return -EMSGSIZE;
	json_writer_init(&b.w, out);
	json_object(&b.w);
	json_member_str(&b.w, STR("model"), b.req->model);
	put_messages(&b);
	put_stream(&b);
	put_tools(&b);
	put_scalars(&b);
	put_extras(&b);
	json_end(&b.w);
	return json_writer_done(&b.w);
}

int chat_body(const struct chat_iteration *it, struct buf *out)
{
	return write_body(it, false, out);
}

int chat_body_ogx(const struct chat_iteration *it, struct buf *out)
{
	return write_body(it, true, out);
}

int chat_body_question(const struct chat_question *q, bool is_ogx,
		       struct buf *out)
{
	bool renamed = q->dialect.reasoning && !is_ogx;
	struct body b = { .is_ogx = is_ogx };

	json_writer_init(&b.w, out);
	json_object(&b.w);
	json_member_str(&b.w, STR("model"), q->model);
	json_member(&b.w, STR("messages"));
	json_array(&b.w);
	put_list(&b, q->messages,
		 renamed ? STR("reasoning") : STR("reasoning_content"));
	json_end(&b.w);
	json_member_bool(&b.w, STR("stream"), false);
	if (q->temperature.len > 0)
		json_member_raw(&b.w, STR("temperature"), q->temperature);
	if (q->prompt_cache_key.len > 0) {
		json_member_raw(&b.w, STR("prompt_cache_key"),
				q->prompt_cache_key);
	}
	json_end(&b.w);
	return json_writer_done(&b.w);
}
