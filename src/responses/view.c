#include "responses/view.h"

#include <assert.h>

#include "llm/field.h"

/*
 * JSON in one line: it has no line ends but between its tokens, where a space
 * says as much.
 */
static struct str in_a_line(struct str raw, struct arena *a)
{
	char *line;

	if (raw.len == 0 || (memchr(raw.ptr, '\n', raw.len) == NULL &&
			     memchr(raw.ptr, '\r', raw.len) == NULL))
		return raw;
	line = arena_alloc(a, raw.len);
	for (size_t i = 0; i < raw.len; i++)
		line[i] = raw.ptr[i] == '\n' || raw.ptr[i] == '\r' ? ' '
								   : raw.ptr[i];
	return (struct str){ line, raw.len };
}

/* A member as it stands, or the default. */
static void copy(struct json_writer *w, const struct json *doc, uint32_t object,
		 struct str key, struct str missing)
{
	uint32_t v = field_get(doc, object, key);

	json_member_raw(w, key, v == JSON_NONE ? missing : json_raw(doc, v));
}

static void write_tool(struct json_writer *w, const struct json *doc,
		       uint32_t tool)
{
	struct str null = STR("null");

	if (!json_is(doc, json_get(doc, tool, STR("type")), STR("function"))) {
		json_add_raw(w, json_raw(doc, tool));
		return;
	}
	json_object(w);
	copy(w, doc, tool, STR("type"), null);
	copy(w, doc, tool, STR("name"), null);
	copy(w, doc, tool, STR("description"), null);
	copy(w, doc, tool, STR("parameters"), null);
	copy(w, doc, tool, STR("strict"), null);
	json_end(w);
}

static void write_tools(struct json_writer *w, const struct json *doc,
			uint32_t tools)
{
	json_array(w);
	for (uint32_t v = json_first(doc, tools); v != JSON_NONE;
	     v = json_next(doc, v))
		write_tool(w, doc, v);
	json_end(w);
}

static void write_format(struct json_writer *w, const struct json *doc,
			 uint32_t format)
{
	struct str null = STR("null");

	if (format == JSON_NONE) {
		json_add_raw(w, STR("{\"type\":\"text\"}"));
		return;
	}
	if (!json_is(doc, json_get(doc, format, STR("type")),
		     STR("json_schema"))) {
		json_add_raw(w, json_raw(doc, format));
		return;
	}
	json_object(w);
	copy(w, doc, format, STR("type"), null);
	copy(w, doc, format, STR("name"), null);
	copy(w, doc, format, STR("description"), null);
	copy(w, doc, format, STR("schema"), null);
	copy(w, doc, format, STR("strict"), STR("false"));
	json_end(w);
}

static void write_text(struct json_writer *w, const struct json *doc,
		       uint32_t text)
{
	uint32_t verbosity = field_get(doc, text, STR("verbosity"));

	json_object(w);
	json_member(w, STR("format"));
	write_format(w, doc, field_get(doc, text, STR("format")));
	if (verbosity != JSON_NONE)
		json_member_raw(w, STR("verbosity"), json_raw(doc, verbosity));
	json_end(w);
}

static void write_reasoning(struct json_writer *w, const struct json *doc,
			    uint32_t reasoning)
{
	json_object(w);
	copy(w, doc, reasoning, STR("effort"), STR("null"));
	copy(w, doc, reasoning, STR("summary"), STR("null"));
	json_end(w);
}

/* A member that is written anew; "" when the request has none. */
static struct str written(const struct response_request *request,
			  enum response_member member, struct arena *a,
			  void (*write)(struct json_writer *,
					const struct json *, uint32_t))
{
	uint32_t v = request->at[member];
	struct json_writer w;
	struct buf out;
	struct str text;
	int r;

	if (v == JSON_NONE)
		return STR_NULL;
	buf_init(&out, SIZE_MAX); /* a few names more than what was sent */
	json_writer_init(&w, &out);
	write(&w, request->doc, v);
	r = json_writer_done(&w);
	assert(r == 0);
	text = in_a_line(arena_str(a, buf_str(&out)), a);
	buf_fini(&out);
	return text;
}

static struct str echoed(const struct response_request *request,
			 enum response_member member, struct arena *a)
{
	return in_a_line(json_raw(request->doc, request->at[member]), a);
}

void view_make(const struct response_request *request, struct arena *a,
	       struct response_view *out)
{
#define ECHO(member) echoed(request, RESPONSE_##member, a)
	*out = (struct response_view){
		.conversation = request->conversation,
		.background = request->background,
		.store = request->store,
		.model = ECHO(MODEL),
		.frequency_penalty = ECHO(FREQUENCY_PENALTY),
		.instructions = ECHO(INSTRUCTIONS),
		.max_output_tokens = ECHO(MAX_OUTPUT_TOKENS),
		.max_tool_calls = ECHO(MAX_TOOL_CALLS),
		.metadata = ECHO(METADATA),
		.parallel_tool_calls = ECHO(PARALLEL_TOOL_CALLS),
		.presence_penalty = ECHO(PRESENCE_PENALTY),
		.previous_response_id = ECHO(PREVIOUS_RESPONSE_ID),
		.prompt = ECHO(PROMPT),
		.prompt_cache_key = ECHO(PROMPT_CACHE_KEY),
		.reasoning = written(request, RESPONSE_REASONING, a,
				     write_reasoning),
		.safety_identifier = ECHO(SAFETY_IDENTIFIER),
		.service_tier = ECHO(SERVICE_TIER),
		.temperature = ECHO(TEMPERATURE),
		.text = written(request, RESPONSE_TEXT, a, write_text),
		.tool_choice = ECHO(TOOL_CHOICE),
		.tools = written(request, RESPONSE_TOOLS, a, write_tools),
		.top_logprobs = ECHO(TOP_LOGPROBS),
		.top_p = ECHO(TOP_P),
		.truncation = ECHO(TRUNCATION),
	};
#undef ECHO
}
