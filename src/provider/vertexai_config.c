#include "provider/vertexai_config.h"

static uint32_t get(const struct json *doc, uint32_t object, const char *name)
{
	uint32_t v = json_get(doc, object, str_of(name));

	return json_type(doc, v) == JSON_NULL ? JSON_NONE : v;
}

static void write_numbers(struct json_writer *w, const struct json *doc)
{
	static const struct {
		const char *ours, *theirs;
	} names[] = {
		{ "temperature", "temperature" },
		{ "top_p", "topP" },
		{ "top_k", "topK" },
		{ "frequency_penalty", "frequencyPenalty" },
		{ "presence_penalty", "presencePenalty" },
		{ "seed", "seed" },
		{ "n", "candidateCount" },
	};
	uint32_t root = json_root(doc);
	uint32_t most = get(doc, root, "max_completion_tokens");

	for (size_t i = 0; i < countof(names); i++) {
		uint32_t v = get(doc, root, names[i].ours);

		if (json_type(doc, v) == JSON_NUMBER) {
			json_member_raw(w, str_of(names[i].theirs),
					json_raw(doc, v));
		}
	}
	if (most == JSON_NONE)
		most = get(doc, root, "max_tokens");
	if (most != JSON_NONE) {
		json_member_raw(w, STR("maxOutputTokens"), json_raw(doc, most));
	}
}

static void write_stop(struct json_writer *w, const struct json *doc)
{
	uint32_t stop = get(doc, json_root(doc), "stop");

	if (stop == JSON_NONE)
		return;
	json_member(w, STR("stopSequences"));
	if (json_type(doc, stop) == JSON_ARRAY) {
		json_add_raw(w, json_raw(doc, stop));
		return;
	}
	json_array(w);
	json_add_raw(w, json_raw(doc, stop));
	json_end(w);
}

static void write_format(struct json_writer *w, const struct json *doc)
{
	uint32_t format = get(doc, json_root(doc), "response_format");
	uint32_t type = get(doc, format, "type");
	uint32_t schema = get(doc, get(doc, format, "json_schema"), "schema");
	bool is_schema = json_is(doc, type, STR("json_schema"));

	if (!is_schema && !json_is(doc, type, STR("json_object")))
		return;
	json_member_str(w, STR("responseMimeType"), STR("application/json"));
	if (is_schema && schema == JSON_NONE)
		schema = get(doc, format, "schema");
	if (is_schema && schema != JSON_NONE) {
		json_member_raw(w, STR("responseJsonSchema"),
				json_raw(doc, schema));
	}
}

static void write_effort(struct json_writer *w, const struct json *doc)
{
	static const struct {
		struct str ours, theirs;
	} levels[] = {
		{ STR_INIT("minimal"), STR_INIT("MINIMAL") },
		{ STR_INIT("low"), STR_INIT("LOW") },
		{ STR_INIT("medium"), STR_INIT("MEDIUM") },
		{ STR_INIT("high"), STR_INIT("HIGH") },
		{ STR_INIT("xhigh"), STR_INIT("HIGH") },
		{ STR_INIT("none"), STR_INIT("") },
	};
	uint32_t effort = get(doc, json_root(doc), "reasoning_effort");

	for (size_t i = 0; i < countof(levels); i++) {
		if (!json_is(doc, effort, levels[i].ours))
			continue;
		json_member(w, STR("thinkingConfig"));
		json_object(w);
		if (levels[i].theirs.len > 0) {
			json_member_str(w, STR("thinkingLevel"),
					levels[i].theirs);
		} else {
			json_member_int(w, STR("thinkingBudget"), 0);
		}
		json_end(w);
	}
}

void vertexai_write_config(struct json_writer *w, const struct json *doc)
{
	json_member(w, STR("generationConfig"));
	json_object(w);
	write_numbers(w, doc);
	write_stop(w, doc);
	write_format(w, doc);
	write_effort(w, doc);
	json_end(w);
}

static void write_function(struct json_writer *w, const struct json *doc,
			   uint32_t f)
{
	uint32_t description = get(doc, f, "description");
	uint32_t parameters = get(doc, f, "parameters");

	json_object(w);
	json_member_raw(w, STR("name"), json_raw(doc, get(doc, f, "name")));
	if (description != JSON_NONE) {
		json_member_raw(w, STR("description"),
				json_raw(doc, description));
	}
	if (parameters != JSON_NONE) {
		json_member_raw(w, STR("parametersJsonSchema"),
				json_raw(doc, parameters));
	}
	json_end(w);
}

static int write_functions(struct json_writer *w, const struct json *doc,
			   struct arena *a, struct api_error *e)
{
	uint32_t tools = get(doc, json_root(doc), "tools"), i = 0;
	int r = 0;

	json_member(w, STR("tools"));
	json_array(w);
	json_object(w);
	json_member(w, STR("functionDeclarations"));
	json_array(w);
	for (uint32_t v = json_first(doc, tools); v != JSON_NONE;
	     v = json_next(doc, v), i++) {
		uint32_t f = get(doc, v, "function");

		if (json_is(doc, get(doc, v, "type"), STR("function"))) {
			write_function(w, doc, f);
		} else if (r == 0) {
			r = api_fail(e, a, 400, NULL,
				     arena_cz(a,
					      arena_printf(a, "tools[%u]", i)),
				     "Invalid value for 'tools[%u]': only "
				     "functions can be sent to Vertex AI.",
				     i);
		}
	}
	json_end(w);
	json_end(w);
	json_end(w);
	return r;
}

static void write_choice(struct json_writer *w, const struct json *doc)
{
	uint32_t choice = get(doc, json_root(doc), "tool_choice");
	uint32_t name = json_path(doc, choice, STR("function.name"));
	struct str mode = STR("AUTO");

	if (choice == JSON_NONE)
		return;
	if (json_is(doc, choice, STR("none")))
		mode = STR("NONE");
	else if (!json_is(doc, choice, STR("auto")))
		mode = STR("ANY");
	json_member(w, STR("toolConfig"));
	json_object(w);
	json_member(w, STR("functionCallingConfig"));
	json_object(w);
	json_member_str(w, STR("mode"), mode);
	if (json_type(doc, name) == JSON_STRING) {
		json_member(w, STR("allowedFunctionNames"));
		json_array(w);
		json_add_raw(w, json_raw(doc, name));
		json_end(w);
	}
	json_end(w);
	json_end(w);
}

int vertexai_write_tools(struct json_writer *w, const struct json *doc,
			 struct arena *a, struct api_error *e)
{
	uint32_t tools = get(doc, json_root(doc), "tools");
	int r;

	if (json_count(doc, tools) == 0)
		return 0;
	r = write_functions(w, doc, a, e);
	write_choice(w, doc);
	return r;
}
