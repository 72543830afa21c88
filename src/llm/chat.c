#include "llm/chat.h"

#include "llm/message.h"

#include <stdint.h>

#define NO_MAX 1e300

enum member {
	MODEL,
	MESSAGES,
	STREAM,
	STREAM_OPTIONS,
	STORE,
	N,
	MAX_TOKENS,
	MAX_COMPLETION_TOKENS,
	TOOLS,
	TOOL_CHOICE,
	RESPONSE_FORMAT,
	STOP,
	METADATA,
	TEMPERATURE,
	TOP_P,
	FREQUENCY_PENALTY,
	PRESENCE_PENALTY,
	LOGIT_BIAS,
	LOGPROBS,
	TOP_LOGPROBS,
	SEED,
	USER,
	SAFETY_IDENTIFIER,
	PROMPT_CACHE_KEY,
	SERVICE_TIER,
	REASONING_EFFORT,
	VERBOSITY,
	PARALLEL_TOOL_CALLS,
	FUNCTIONS,
	FUNCTION_CALL,
	MODALITIES,
	AUDIO,
	WEB_SEARCH_OPTIONS,
	MEMBER_COUNT,
};

/*
 * Enumerations such as service_tier and reasoning_effort grow every few months
 * and differ between upstreams: only their type is checked.
 */
static const struct field fields[MEMBER_COUNT + 1] = {
	[MODEL] = { STR_INIT("model"), FIELD_STR, .required = true,
		    .instead = "models" },
	[MESSAGES] = { STR_INIT("messages"), FIELD_ARRAY, .required = true },
	[STREAM] = { STR_INIT("stream"), FIELD_BOOL },
	[STREAM_OPTIONS] = { STR_INIT("stream_options"), FIELD_OBJECT },
	[STORE] = { STR_INIT("store"), FIELD_BOOL },
	[N] = { STR_INIT("n"), FIELD_INT, false, true, 1, NO_MAX },
	[MAX_TOKENS] = { STR_INIT("max_tokens"), FIELD_INT, false, true, 1,
			 NO_MAX },
	[MAX_COMPLETION_TOKENS] = { STR_INIT("max_completion_tokens"),
				    FIELD_INT, false, true, 1, NO_MAX },
	[TOOLS] = { STR_INIT("tools"), FIELD_ARRAY },
	[TOOL_CHOICE] = { STR_INIT("tool_choice"), FIELD_STR_OR_OBJECT },
	[RESPONSE_FORMAT] = { STR_INIT("response_format"), FIELD_OBJECT },
	[STOP] = { STR_INIT("stop"), FIELD_STR_OR_LIST },
	[METADATA] = { STR_INIT("metadata"), FIELD_OBJECT },
	[TEMPERATURE] = { STR_INIT("temperature"), FIELD_NUMBER, false, true, 0,
			  2 },
	[TOP_P] = { STR_INIT("top_p"), FIELD_NUMBER, false, true, 0, 1 },
	[FREQUENCY_PENALTY] = { STR_INIT("frequency_penalty"), FIELD_NUMBER,
				false, true, -2, 2 },
	[PRESENCE_PENALTY] = { STR_INIT("presence_penalty"), FIELD_NUMBER,
			       false, true, -2, 2 },
	[LOGIT_BIAS] = { STR_INIT("logit_bias"), FIELD_NUMBERS },
	[LOGPROBS] = { STR_INIT("logprobs"), FIELD_BOOL },
	[TOP_LOGPROBS] = { STR_INIT("top_logprobs"), FIELD_INT, false, true, 0,
			   20 },
	[SEED] = { STR_INIT("seed"), FIELD_INT },
	[USER] = { STR_INIT("user"), FIELD_STR },
	[SAFETY_IDENTIFIER] = { STR_INIT("safety_identifier"), FIELD_STR },
	[PROMPT_CACHE_KEY] = { STR_INIT("prompt_cache_key"), FIELD_STR },
	[SERVICE_TIER] = { STR_INIT("service_tier"), FIELD_STR },
	[REASONING_EFFORT] = { STR_INIT("reasoning_effort"), FIELD_STR },
	[VERBOSITY] = { STR_INIT("verbosity"), FIELD_STR },
	[PARALLEL_TOOL_CALLS] = { STR_INIT("parallel_tool_calls"), FIELD_BOOL },
	[FUNCTIONS] = { STR_INIT("functions"), FIELD_ARRAY },
	[FUNCTION_CALL] = { STR_INIT("function_call"), FIELD_STR_OR_OBJECT },
	[MODALITIES] = { STR_INIT("modalities"), FIELD_ARRAY },
	[AUDIO] = { STR_INIT("audio"), FIELD_OBJECT },
	[WEB_SEARCH_OPTIONS] = { STR_INIT("web_search_options"), FIELD_OBJECT },
};

static int check_tool(const struct field_checker *c, uint32_t tool,
		      const struct field_path *path)
{
	static const struct field in_tool[] = {
		{ STR_INIT("type"), FIELD_STR, .required = true },
		{ STR_INIT("function"), FIELD_OBJECT },
		{ { 0 } },
	};
	static const struct field in_function[] = {
		{ STR_INIT("name"), FIELD_STR, .required = true },
		{ STR_INIT("description"), FIELD_STR },
		{ STR_INIT("parameters"), FIELD_OBJECT },
		{ { 0 } },
	};
	const struct field_path function_path = { path, "function", 0 };
	uint32_t at[2], function[3];
	int r;

	if (json_type(c->doc, tool) != JSON_OBJECT)
		return field_wrong_type(c, path, tool, "an object");
	field_find(c->doc, tool, in_tool, at);
	r = field_check(c, in_tool, at, path);
	if (r != 0 || !json_is(c->doc, at[0], STR("function")))
		return r;

	if (at[1] == JSON_NONE)
		return field_missing(c, &function_path);
	field_find(c->doc, at[1], in_function, function);
	return field_check(c, in_function, function, &function_path);
}

static int check_tools(const struct field_checker *c, uint32_t tools)
{
	uint32_t i = 0;
	int r = 0;

	for (uint32_t v = json_first(c->doc, tools); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v)) {
		r = check_tool(c, v,
			       FIELD_ELEMENT(FIELD_PATH(NULL, "tools"), i++));
	}
	return r;
}

static int check_tool_choice(const struct field_checker *c, uint32_t choice,
			     uint32_t tools)
{
	/* The last is Mistral's word for "required". */
	static const struct str words[] = {
		STR_INIT("auto"),
		STR_INIT("none"),
		STR_INIT("required"),
		STR_INIT("any"),
	};
	uint32_t type = field_get(c->doc, choice, STR("type"));
	bool known = json_type(c->doc, choice) == JSON_OBJECT;

	for (size_t i = 0; i < countof(words); i++)
		known = known || json_is(c->doc, choice, words[i]);
	if (!known) {
		return field_bad_value(c, FIELD_PATH(NULL, "tool_choice"),
				       choice,
				       "'none', 'auto' and 'required', or an "
				       "object that names a tool");
	}
	if (tools == JSON_NONE) {
		(void)api_fail(c->error, c->arena, 400, NULL, "tool_choice",
			       "Invalid value for 'tool_choice': it is only "
			       "allowed when 'tools' is also provided.");
		c->error->code = STR("invalid_value");
		return API_FAIL;
	}
	if (!json_is(c->doc, type, STR("function")))
		return 0;
	type = json_path(c->doc, choice, STR("function.name"));
	if (type == JSON_NONE) {
		return field_missing(c,
				     FIELD_PATH(NULL,
						"tool_choice.function.name"));
	}
	if (json_type(c->doc, type) != JSON_STRING) {
		return field_wrong_type(c,
					FIELD_PATH(NULL,
						   "tool_choice.function.name"),
					type, "a string");
	}
	return 0;
}

static int check_format(const struct field_checker *c, uint32_t format)
{
	static const struct field in_format[] = {
		{ STR_INIT("type"), FIELD_STR, .required = true },
		{ STR_INIT("json_schema"), FIELD_OBJECT },
		{ STR_INIT("schema"), FIELD_OBJECT },
		{ { 0 } },
	};
	uint32_t at[3];
	int r;

	field_find(c->doc, format, in_format, at);
	r = field_check(c, in_format, at, FIELD_PATH(NULL, "response_format"));
	if (r != 0)
		return r;
	/* Together and llama.cpp take "schema" beside the type. */
	if (json_is(c->doc, at[0], STR("json_schema")) && at[1] == JSON_NONE &&
	    at[2] == JSON_NONE) {
		return field_missing(c,
				     FIELD_PATH(NULL,
						"response_format.json_schema"));
	}
	return 0;
}

static int check_all(const struct field_checker *c, const uint32_t *at)
{
	int r = field_check(c, fields, at, NULL);

	if (r == 0)
		r = field_check_model(c, at[MODEL]);
	if (r == 0)
		r = message_check(c, at[MESSAGES]);
	if (r == 0 && at[TOOLS] != JSON_NONE)
		r = check_tools(c, at[TOOLS]);
	if (r == 0 && at[TOOL_CHOICE] != JSON_NONE)
		r = check_tool_choice(c, at[TOOL_CHOICE], at[TOOLS]);
	if (r == 0 && at[RESPONSE_FORMAT] != JSON_NONE)
		r = check_format(c, at[RESPONSE_FORMAT]);
	if (r == 0)
		r = field_check_stream_options(c, at[STREAM_OPTIONS]);
	return r;
}

static int64_t int_of(const struct json *doc, uint32_t v, int64_t absent)
{
	int64_t n = absent;

	if (v == JSON_NONE)
		return absent;
	return json_to_i64(doc, v, &n) ? n : INT64_MAX;
}

int chat_validate(const struct json *doc, struct arena *a,
		  struct chat_request *out, struct api_error *e)
{
	struct field_checker c = { doc, a, e };
	uint32_t root = json_root(doc);
	uint32_t at[MEMBER_COUNT];
	int r = field_check_object(&c, root);

	if (r != 0)
		return r;
	field_find(doc, root, fields, at);
	r = check_all(&c, at);
	if (r != 0)
		return r;

	*out = (struct chat_request){
		.model = json_string(doc, at[MODEL], a),
		.stream = json_is_true(doc, at[STREAM]),
		.include_usage =
			json_is_true(doc, json_get(doc, at[STREAM_OPTIONS],
						   STR("include_usage"))),
		.store = json_is_true(doc, at[STORE]),
		.n = int_of(doc, at[N], 1),
		.max_tokens = int_of(doc, at[MAX_COMPLETION_TOKENS],
				     int_of(doc, at[MAX_TOKENS], -1)),
		.message_count = json_count(doc, at[MESSAGES]),
		.tool_count = json_count(doc, at[TOOLS]),
		.messages = at[MESSAGES],
		.tools = at[TOOLS],
		.tool_choice = at[TOOL_CHOICE],
		.response_format = at[RESPONSE_FORMAT],
		.stop = at[STOP],
		.metadata = at[METADATA],
	};
	return 0;
}
