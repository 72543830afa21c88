#include "responses/request.h"

#include "responses/id.h"
#include "responses/include.h"
#include "responses/item.h"
#include "responses/request_tools.h"

enum {
	NAME_MAX_LEN = 64, /* of prompt_cache_key and safety_identifier */
	ITERATIONS = 10,   /* at most, unless the request says otherwise */
};

#define NO_MAX 1e15

static const struct field fields[RESPONSE_MEMBERS + 1] = {
	[RESPONSE_MODEL] = { STR_INIT("model"), FIELD_STR, .required = true },
	[RESPONSE_INPUT] = { STR_INIT("input"), FIELD_STR_OR_ARRAY },
	[RESPONSE_BACKGROUND] = { STR_INIT("background"), FIELD_BOOL },
	[RESPONSE_PROMPT] = { STR_INIT("prompt"), FIELD_OBJECT },
	[RESPONSE_INSTRUCTIONS] = { STR_INIT("instructions"), FIELD_STR },
	[RESPONSE_PARALLEL_TOOL_CALLS] = { STR_INIT("parallel_tool_calls"),
					   FIELD_BOOL },
	[RESPONSE_PREVIOUS_RESPONSE_ID] = { STR_INIT("previous_response_id"),
					    FIELD_STR },
	[RESPONSE_PROMPT_CACHE_KEY] = { STR_INIT("prompt_cache_key"),
					FIELD_STR },
	[RESPONSE_CONVERSATION] = { STR_INIT("conversation"),
				    FIELD_STR_OR_OBJECT },
	[RESPONSE_STORE] = { STR_INIT("store"), FIELD_BOOL },
	[RESPONSE_STREAM] = { STR_INIT("stream"), FIELD_BOOL },
	[RESPONSE_TEMPERATURE] = { STR_INIT("temperature"), FIELD_NUMBER, false,
				   true, 0, 2 },
	[RESPONSE_TOP_P] = { STR_INIT("top_p"), FIELD_NUMBER, false, true, 0,
			     1 },
	[RESPONSE_FREQUENCY_PENALTY] = { STR_INIT("frequency_penalty"),
					 FIELD_NUMBER, false, true, -2, 2 },
	[RESPONSE_PRESENCE_PENALTY] = { STR_INIT("presence_penalty"),
					FIELD_NUMBER, false, true, -2, 2 },
	[RESPONSE_TEXT] = { STR_INIT("text"), FIELD_OBJECT },
	[RESPONSE_TOOL_CHOICE] = { STR_INIT("tool_choice"),
				   FIELD_STR_OR_OBJECT },
	[RESPONSE_TOOLS] = { STR_INIT("tools"), FIELD_ARRAY },
	[RESPONSE_INCLUDE] = { STR_INIT("include"), FIELD_ARRAY },
	[RESPONSE_MAX_INFER_ITERS] = { STR_INIT("max_infer_iters"), FIELD_INT },
	[RESPONSE_GUARDRAILS] = { STR_INIT("guardrails"), FIELD_ARRAY },
	[RESPONSE_MAX_TOOL_CALLS] = { STR_INIT("max_tool_calls"), FIELD_INT },
	[RESPONSE_MAX_OUTPUT_TOKENS] = { STR_INIT("max_output_tokens"),
					 FIELD_INT, false, true, 16, NO_MAX },
	[RESPONSE_REASONING] = { STR_INIT("reasoning"), FIELD_OBJECT },
	[RESPONSE_SAFETY_IDENTIFIER] = { STR_INIT("safety_identifier"),
					 FIELD_STR },
	[RESPONSE_SERVICE_TIER] = { STR_INIT("service_tier"), FIELD_STR },
	[RESPONSE_METADATA] = { STR_INIT("metadata"), FIELD_OBJECT },
	[RESPONSE_TRUNCATION] = { STR_INIT("truncation"), FIELD_STR },
	[RESPONSE_TOP_LOGPROBS] = { STR_INIT("top_logprobs"), FIELD_INT, false,
				    true, 0, 20 },
	[RESPONSE_STREAM_OPTIONS] = { STR_INIT("stream_options"),
				      FIELD_OBJECT },
	[RESPONSE_CONTEXT_MANAGEMENT] = { STR_INIT("context_management"),
					  FIELD_ARRAY },
};

/* A refusal of the request as a whole. */
static int refuse(const struct field_checker *c, const char *param,
		  const char *code, const char *message)
{
	(void)api_fail(c->error, c->arena, 400, NULL, param, "%s", message);
	c->error->code = str_of(code);
	return API_FAIL;
}

/* What chat completions call so, is elsewhere here; all else is passed on. */
static int check_moved(const struct field_checker *c)
{
	static const struct {
		struct str name;
		const char *where;
	} moved[] = {
		{ STR_INIT("messages"), "input" },
		{ STR_INIT("response_format"), "text.format" },
		{ STR_INIT("reasoning_effort"), "reasoning.effort" },
		{ STR_INIT("max_completion_tokens"), "max_output_tokens" },
		{ STR_INIT("logprobs"),
		  "include, as 'message.output_text.logprobs'" },
		{ STR_INIT("verbosity"), "text.verbosity" },
	};
	uint32_t root = json_root(c->doc);

	for (size_t i = 0; i < countof(moved); i++) {
		if (field_get(c->doc, root, moved[i].name) == JSON_NONE)
			continue;
		(void)api_fail(c->error, c->arena, 400, NULL, moved[i].name.ptr,
			       "Unsupported parameter: '%s'. In the Responses "
			       "API it is %s.",
			       moved[i].name.ptr, moved[i].where);
		c->error->code = STR("unsupported_parameter");
		return API_FAIL;
	}
	return 0;
}

static int check_length(const struct field_checker *c, const uint32_t *at,
			enum response_member member)
{
	const char *name = fields[member].name.ptr;
	struct str text;

	if (at[member] == JSON_NONE)
		return 0;
	text = json_string(c->doc, at[member], c->arena);
	if (text.len <= NAME_MAX_LEN)
		return 0;
	(void)api_fail(c->error, c->arena, 400, NULL, name,
		       "Invalid '%s': a string of %zu bytes; at most %d are "
		       "allowed.",
		       name, text.len, NAME_MAX_LEN);
	c->error->code = STR("string_above_max_length");
	return API_FAIL;
}

static int check_at_least_one(const struct field_checker *c, const uint32_t *at,
			      enum response_member member)
{
	const char *name = fields[member].name.ptr;
	int64_t n = 1;

	if (at[member] == JSON_NONE || !json_to_i64(c->doc, at[member], &n) ||
	    n >= 1)
		return 0;
	(void)api_fail(c->error, c->arena, 400, NULL, name,
		       "Invalid '%s': %lld. Input should be greater than or "
		       "equal to 1.",
		       name, (long long)n);
	c->error->code = STR("integer_below_min_value");
	return API_FAIL;
}

/* No other member may be in an object. */
static int check_only(const struct field_checker *c,
		      const struct field_path *path, uint32_t object,
		      const struct str *names)
{
	for (uint32_t v = json_first(c->doc, object); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		uint32_t key = json_key(c->doc, v);
		const struct str *name = names;

		while (name->len > 0 && !json_is(c->doc, key, *name))
			name++;
		if (name->len > 0)
			continue;
		/* For the path; the words are another's. */
		(void)field_missing(
			c, FIELD_PATH(path, arena_cz(c->arena,
						     json_string(c->doc, key,
								 c->arena))));
		c->error->message =
			arena_printf(c->arena,
				     "Unknown parameter: '" STR_FMT "'.",
				     STR_ARG(c->error->param));
		c->error->code = STR("unknown_parameter");
		return API_FAIL;
	}
	return 0;
}

static int check_stream_options(const struct field_checker *c, uint32_t v)
{
	static const struct str names[] = { STR_INIT("include_obfuscation"),
					    { 0 } };
	int r = check_only(c, FIELD_PATH(NULL, "stream_options"), v, names);

	return r == 0 ? field_check_stream_options(c, v) : r;
}

static int check_reasoning(const struct field_checker *c, uint32_t v)
{
	static const struct field in_reasoning[] = {
		{ STR_INIT("effort"), FIELD_STR },
		{ STR_INIT("summary"), FIELD_STR },
		{ { 0 } },
	};
	uint32_t at[2];

	field_find(c->doc, v, in_reasoning, at);
	return field_check(c, in_reasoning, at, FIELD_PATH(NULL, "reasoning"));
}

static int check_format(const struct field_checker *c, uint32_t format)
{
	static const struct field in_format[] = {
		{ STR_INIT("type"), FIELD_STR, .required = true },
		{ STR_INIT("name"), FIELD_STR },
		{ STR_INIT("schema"), FIELD_OBJECT },
		{ STR_INIT("description"), FIELD_STR },
		{ STR_INIT("strict"), FIELD_BOOL },
		{ { 0 } },
	};
	const struct field_path *path =
		FIELD_PATH(FIELD_PATH(NULL, "text"), "format");
	uint32_t at[5];
	int r;

	field_find(c->doc, format, in_format, at);
	r = field_check(c, in_format, at, path);
	if (r != 0 || json_is(c->doc, at[0], STR("text")) ||
	    json_is(c->doc, at[0], STR("json_object")))
		return r;
	if (!json_is(c->doc, at[0], STR("json_schema"))) {
		return field_bad_value(c, FIELD_PATH(path, "type"), at[0],
				       "'text', 'json_object' and "
				       "'json_schema'");
	}
	if (at[1] == JSON_NONE)
		return field_missing(c, FIELD_PATH(path, "name"));
	return at[2] == JSON_NONE ? field_missing(c, FIELD_PATH(path, "schema"))
				  : 0;
}

static int check_text(const struct field_checker *c, uint32_t v)
{
	static const struct field in_text[] = {
		{ STR_INIT("format"), FIELD_OBJECT },
		{ STR_INIT("verbosity"), FIELD_STR },
		{ { 0 } },
	};
	uint32_t at[2];
	int r;

	field_find(c->doc, v, in_text, at);
	r = field_check(c, in_text, at, FIELD_PATH(NULL, "text"));
	return r == 0 && at[0] != JSON_NONE ? check_format(c, at[0]) : r;
}

static int check_metadata(const struct field_checker *c, uint32_t metadata)
{
	for (uint32_t v = json_first(c->doc, metadata); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		struct str key =
			json_string(c->doc, json_key(c->doc, v), c->arena);

		if (json_type(c->doc, v) == JSON_STRING)
			continue;
		return field_wrong_type(c,
					FIELD_PATH(FIELD_PATH(NULL, "metadata"),
						   arena_cz(c->arena, key)),
					v, "a string");
	}
	return 0;
}

static int check_include(const struct field_checker *c, uint32_t include)
{
	const struct field_path *path = FIELD_PATH(NULL, "include");
	uint32_t i = 0;

	for (uint32_t v = json_first(c->doc, include); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		const struct field_path *element = FIELD_ELEMENT(path, i++);

		if (json_type(c->doc, v) != JSON_STRING ||
		    include_of(json_string(c->doc, v, c->arena)) == 0)
			return field_bad_value(c, element, v, INCLUDE_WORDS);
	}
	return 0;
}

static int check_context(const struct field_checker *c, uint32_t entry,
			 const struct field_path *path)
{
	static const struct str names[] = { STR_INIT("type"),
					    STR_INIT("compact_threshold"),
					    { 0 } };
	static const struct field in_entry[] = {
		{ STR_INIT("type"), FIELD_STR, .required = true },
		{ STR_INIT("compact_threshold"), FIELD_INT, false, true, 1,
		  NO_MAX },
		{ { 0 } },
	};
	uint32_t at[2];
	int r;

	if (json_type(c->doc, entry) != JSON_OBJECT)
		return field_wrong_type(c, path, entry, "an object");
	field_find(c->doc, entry, in_entry, at);
	r = field_check(c, in_entry, at, path);
	if (r == 0 && !json_is(c->doc, at[0], STR("compaction"))) {
		return field_bad_value(c, FIELD_PATH(path, "type"), at[0],
				       "'compaction'");
	}
	return r == 0 ? check_only(c, path, entry, names) : r;
}

static int check_context_management(const struct field_checker *c,
				    uint32_t entries)
{
	const struct field_path *path = FIELD_PATH(NULL, "context_management");
	uint32_t i = 0;
	int r = 0;

	for (uint32_t v = json_first(c->doc, entries); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = check_context(c, v, FIELD_ELEMENT(path, i++));
	return r;
}

static int check_prompt(const struct field_checker *c, uint32_t prompt)
{
	static const struct field in_prompt[] = {
		{ STR_INIT("id"), FIELD_STR, .required = true },
		{ STR_INIT("version"), FIELD_STR },
		{ STR_INIT("variables"), FIELD_OBJECT },
		{ { 0 } },
	};
	uint32_t at[3];

	field_find(c->doc, prompt, in_prompt, at);
	return field_check(c, in_prompt, at, FIELD_PATH(NULL, "prompt"));
}

static int check_truncation(const struct field_checker *c, uint32_t v)
{
	if (v == JSON_NONE || json_is(c->doc, v, STR("auto")) ||
	    json_is(c->doc, v, STR("disabled")))
		return 0;
	return field_bad_value(c, FIELD_PATH(NULL, "truncation"), v,
			       "'auto' and 'disabled'");
}

static int check_conversation(const struct field_checker *c, uint32_t v)
{
	struct str id;

	if (json_type(c->doc, v) == JSON_OBJECT)
		v = json_get(c->doc, v, STR("id"));
	if (v == JSON_NONE || json_type(c->doc, v) != JSON_STRING) {
		return field_missing(
			c, FIELD_PATH(FIELD_PATH(NULL, "conversation"), "id"));
	}
	id = json_string(c->doc, v, c->arena);
	if (id_is(id, STR("conv_")))
		return 0;
	return field_bad_value(c, FIELD_PATH(NULL, "conversation"), v,
			       "ids of conversations, 'conv_' and 48 "
			       "hexadecimal digits in lower case");
}

/* Members that do not go together, or cannot be served. */
static int check_together(const struct field_checker *c, const uint32_t *at)
{
	bool background = json_is_true(c->doc, at[RESPONSE_BACKGROUND]);

	if (at[RESPONSE_PREVIOUS_RESPONSE_ID] != JSON_NONE &&
	    at[RESPONSE_CONVERSATION] != JSON_NONE) {
		return refuse(c, "previous_response_id",
			      "mutually_exclusive_parameters",
			      "'previous_response_id' and 'conversation' "
			      "exclude each other: give one of them.");
	}
	if (background && json_is_true(c->doc, at[RESPONSE_STREAM])) {
		return refuse(c, "stream", "invalid_value",
			      "'stream' is not possible for a response in the "
			      "'background': create it without, then get it "
			      "with stream=true.");
	}
	if (background && json_type(c->doc, at[RESPONSE_STORE]) == JSON_FALSE) {
		return refuse(c, "store", "invalid_value",
			      "A response in the 'background' has to be stored:"
			      " leave 'store' out, or set it to true.");
	}
	if (json_count(c->doc, at[RESPONSE_GUARDRAILS]) > 0) {
		return api_fail(c->error, c->arena, 503, NULL, "guardrails",
				"Guardrails need the Safety API (a safety "
				"provider), which this server has not: leave "
				"'guardrails' out.");
	}
	return 0;
}

static int check_input(const struct field_checker *c, const uint32_t *at)
{
	const struct field_path *path = FIELD_PATH(NULL, "input");
	uint32_t input = at[RESPONSE_INPUT];
	bool has_other = at[RESPONSE_PREVIOUS_RESPONSE_ID] != JSON_NONE ||
			 at[RESPONSE_CONVERSATION] != JSON_NONE ||
			 at[RESPONSE_PROMPT] != JSON_NONE;

	if (input == JSON_NONE)
		return has_other ? 0 : field_missing(c, path);
	if (json_type(c->doc, input) == JSON_ARRAY &&
	    json_count(c->doc, input) == 0 && !has_other &&
	    at[RESPONSE_INSTRUCTIONS] == JSON_NONE)
		return field_empty_array(c, path);
	return item_check_input(c, path, input);
}

static int check_scalars(const struct field_checker *c, const uint32_t *at)
{
	int r = field_check(c, fields, at, NULL);

	if (r == 0)
		r = field_check_model(c, at[RESPONSE_MODEL]);
	if (r == 0)
		r = check_at_least_one(c, at, RESPONSE_MAX_TOOL_CALLS);
	if (r == 0)
		r = check_at_least_one(c, at, RESPONSE_MAX_INFER_ITERS);
	if (r == 0)
		r = check_length(c, at, RESPONSE_PROMPT_CACHE_KEY);
	if (r == 0)
		r = check_length(c, at, RESPONSE_SAFETY_IDENTIFIER);
	if (r == 0)
		r = check_truncation(c, at[RESPONSE_TRUNCATION]);
	if (r == 0 && at[RESPONSE_CONVERSATION] != JSON_NONE)
		r = check_conversation(c, at[RESPONSE_CONVERSATION]);
	return r == 0 ? check_together(c, at) : r;
}

static int check_objects(const struct field_checker *c, const uint32_t *at)
{
	static const struct {
		enum response_member member;
		int (*check)(const struct field_checker *c, uint32_t v);
	} checks[] = {
		{ RESPONSE_PROMPT, check_prompt },
		{ RESPONSE_TEXT, check_text },
		{ RESPONSE_REASONING, check_reasoning },
		{ RESPONSE_METADATA, check_metadata },
		{ RESPONSE_INCLUDE, check_include },
		{ RESPONSE_STREAM_OPTIONS, check_stream_options },
		{ RESPONSE_CONTEXT_MANAGEMENT, check_context_management },
		{ RESPONSE_TOOLS, request_tools_check },
	};
	int r = 0;

	for (size_t i = 0; i < countof(checks) && r == 0; i++) {
		if (at[checks[i].member] != JSON_NONE)
			r = checks[i].check(c, at[checks[i].member]);
	}
	return r;
}

static struct str text_of(const struct response_request *req, uint32_t v,
			  struct arena *a)
{
	return v != JSON_NONE ? json_string(req->doc, v, a) : STR_NULL;
}

static int64_t int_of(const struct response_request *req,
		      enum response_member member, int64_t absent)
{
	int64_t n = absent;

	if (req->at[member] == JSON_NONE)
		return absent;
	return json_to_i64(req->doc, req->at[member], &n) ? n : INT64_MAX;
}

static bool includes(const struct response_request *req, struct str word)
{
	for (uint32_t v = json_first(req->doc, req->at[RESPONSE_INCLUDE]);
	     v != JSON_NONE; v = json_next(req->doc, v)) {
		if (json_is(req->doc, v, word))
			return true;
	}
	return false;
}

static void read_texts(struct response_request *req, struct arena *a)
{
	uint32_t conversation = req->at[RESPONSE_CONVERSATION];

	if (json_type(req->doc, conversation) == JSON_OBJECT)
		conversation = json_get(req->doc, conversation, STR("id"));
	req->model = text_of(req, req->at[RESPONSE_MODEL], a);
	req->instructions = text_of(req, req->at[RESPONSE_INSTRUCTIONS], a);
	req->previous_response_id =
		text_of(req, req->at[RESPONSE_PREVIOUS_RESPONSE_ID], a);
	req->conversation = text_of(req, conversation, a);
	req->prompt_id =
		text_of(req,
			json_get(req->doc, req->at[RESPONSE_PROMPT], STR("id")),
			a);
}

/* The first entry that has one. */
static int64_t threshold_of(const struct response_request *req)
{
	int64_t n = 0;
	uint32_t entries = req->at[RESPONSE_CONTEXT_MANAGEMENT];

	if (json_count(req->doc, entries) == 0)
		return -1;
	for (uint32_t v = json_first(req->doc, entries);
	     v != JSON_NONE && n == 0; v = json_next(req->doc, v)) {
		(void)json_to_i64(req->doc,
				  field_get(req->doc, v,
					    STR("compact_threshold")),
				  &n);
	}
	return n;
}

static void read_values(struct response_request *req)
{
	const struct json *doc = req->doc;
	const uint32_t *at = req->at;

	req->stream = json_is_true(doc, at[RESPONSE_STREAM]);
	req->background = json_is_true(doc, at[RESPONSE_BACKGROUND]);
	req->store = json_type(doc, at[RESPONSE_STORE]) != JSON_FALSE;
	req->parallel_tool_calls =
		json_type(doc, at[RESPONSE_PARALLEL_TOOL_CALLS]) != JSON_FALSE;
	req->truncates = json_is(doc, at[RESPONSE_TRUNCATION], STR("auto"));
	req->max_infer_iters =
		int_of(req, RESPONSE_MAX_INFER_ITERS, ITERATIONS);
	req->max_tool_calls = int_of(req, RESPONSE_MAX_TOOL_CALLS, -1);
	req->max_output_tokens = int_of(req, RESPONSE_MAX_OUTPUT_TOKENS, -1);
	req->top_logprobs = int_of(req, RESPONSE_TOP_LOGPROBS, -1);
	req->wants_logprobs =
		req->top_logprobs > 0 ||
		includes(req, STR("message.output_text.logprobs"));
	req->wants_encrypted =
		includes(req, STR("reasoning.encrypted_content"));
	req->compact_threshold = threshold_of(req);
}

static int read_all(const struct field_checker *c, struct response_request *out)
{
	uint32_t root = json_root(c->doc);
	int r = field_check_object(c, root);

	if (r != 0)
		return r;
	*out = (struct response_request){ .doc = c->doc };
	field_find(c->doc, root, fields, out->at);
	r = check_scalars(c, out->at);
	if (r == 0)
		r = check_moved(c);
	if (r == 0)
		r = check_input(c, out->at);
	if (r == 0)
		r = check_objects(c, out->at);
	if (r == 0)
		r = request_tools_choose(c, out);
	if (r != 0)
		return r;
	read_texts(out, c->arena);
	read_values(out);
	return 0;
}

int responses_read(const struct json *doc, struct arena *a,
		   struct response_request *out, struct api_error *e)
{
	struct response_request req;
	int r = read_all(&(struct field_checker){ doc, a, e }, &req);

	e->with_detail = r != 0;
	if (r == 0)
		*out = req;
	return r;
}

bool responses_is_extra(const struct response_request *req, uint32_t member)
{
	uint32_t key = json_key(req->doc, member);

	for (size_t i = 0; i < RESPONSE_MEMBERS; i++) {
		if (json_is(req->doc, key, fields[i].name))
			return false;
	}
	return true;
}
