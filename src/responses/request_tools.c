#include "responses/request_tools.h"

/* What OpenAI or OGX run themselves. */
static const struct str built_in[] = {
	STR_INIT("mcp"),
	STR_INIT("web_search"),
	STR_INIT("web_search_2025_08_26"),
	STR_INIT("web_search_preview"),
	STR_INIT("web_search_preview_2025_03_11"),
	STR_INIT("file_search"),
	STR_INIT("code_interpreter"),
	STR_INIT("image_generation"),
	STR_INIT("computer"),
	STR_INIT("computer_use_preview"),
	STR_INIT("local_shell"),
	STR_INIT("shell"),
	STR_INIT("apply_patch"),
	STR_INIT("custom"),
};

static bool is_built_in(const struct json *doc, uint32_t type)
{
	for (size_t i = 0; i < countof(built_in); i++) {
		if (json_is(doc, type, built_in[i]))
			return true;
	}
	return false;
}

/* A type that is none, or not yet one of ours. */
static int check_type(const struct field_checker *c,
		      const struct field_path *path, uint32_t type)
{
	(void)field_bad_value(c, FIELD_PATH(path, "type"), type, "'function'");
	if (!is_built_in(c->doc, type))
		return API_FAIL;
	c->error->message = arena_printf(
		c->arena,
		"Tools of the type '" STR_FMT "' ('" STR_FMT
		"') are not supported yet: use tools of the type 'function', "
		"and run them yourself.",
		STR_ARG(json_string(c->doc, type, c->arena)),
		STR_ARG(c->error->param));
	c->error->code = STR("unsupported_tool");
	return API_FAIL;
}

/* Whoever gives a token among the headers is told where it belongs. */
static int check_mcp_headers(const struct field_checker *c, uint32_t tool,
			     const struct field_path *path)
{
	uint32_t headers = field_get(c->doc, tool, STR("headers"));
	const struct field_path *up = FIELD_PATH(path, "headers");

	for (uint32_t v = json_first(c->doc, headers); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		struct str key =
			json_string(c->doc, json_key(c->doc, v), c->arena);

		if (!str_eq_nocase(key, STR("authorization")))
			continue;
		(void)field_missing(c, FIELD_PATH(up, arena_cz(c->arena, key)));
		c->error->message =
			STR("The headers of an MCP tool must not have "
			    "Authorization: give the token as the tool's "
			    "'authorization' parameter instead.");
		c->error->code = STR("invalid_value");
		return API_FAIL;
	}
	return 0;
}

static int check_function(const struct field_checker *c, uint32_t tool,
			  const struct field_path *path)
{
	static const struct field in_function[] = {
		{ STR_INIT("name"), FIELD_STR, .required = true },
		{ STR_INIT("description"), FIELD_STR },
		{ STR_INIT("parameters"), FIELD_OBJECT },
		{ STR_INIT("strict"), FIELD_BOOL },
		{ { 0 } },
	};
	uint32_t at[4];
	int r;

	field_find(c->doc, tool, in_function, at);
	r = field_check(c, in_function, at, path);
	if (r != 0 || json_raw(c->doc, at[0]).len > 2)
		return r;
	return field_bad_value(c, FIELD_PATH(path, "name"), at[0],
			       "names of at least one character");
}

static int check_tool(const struct field_checker *c, uint32_t tool,
		      const struct field_path *path)
{
	uint32_t type = field_get(c->doc, tool, STR("type"));
	int r = 0;

	if (json_type(c->doc, tool) != JSON_OBJECT)
		return field_wrong_type(c, path, tool, "an object");
	if (type == JSON_NONE)
		return field_missing(c, FIELD_PATH(path, "type"));
	if (json_is(c->doc, type, STR("function")))
		return check_function(c, tool, path);
	if (json_is(c->doc, type, STR("mcp")))
		r = check_mcp_headers(c, tool, path);
	return r == 0 ? check_type(c, path, type) : r;
}

int request_tools_check(const struct field_checker *c, uint32_t tools)
{
	const struct field_path *path = FIELD_PATH(NULL, "tools");
	uint32_t i = 0;
	int r = 0;

	for (uint32_t v = json_first(c->doc, tools); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = check_tool(c, v, FIELD_ELEMENT(path, i++));
	return r;
}

/* The same text, whatever is escaped in it. */
static bool same_name(const struct json *doc, uint32_t v, struct str name)
{
	return json_type(doc, v) == JSON_STRING && json_is(doc, v, name);
}

uint32_t responses_tool(const struct response_request *req, struct str name)
{
	for (uint32_t v = json_first(req->doc, req->at[RESPONSE_TOOLS]);
	     v != JSON_NONE; v = json_next(req->doc, v)) {
		if (same_name(req->doc, json_get(req->doc, v, STR("name")),
			      name))
			return v;
	}
	return JSON_NONE;
}

bool responses_offers(const struct response_request *req, uint32_t tool)
{
	struct arena a;
	struct str name;
	bool found = req->allowed == JSON_NONE;

	if (tool == JSON_NONE || found)
		return found && tool != JSON_NONE;
	arena_init(&a, SIZE_MAX / 2);
	name = json_string(req->doc, json_get(req->doc, tool, STR("name")), &a);
	for (uint32_t v = json_first(req->doc, req->allowed);
	     v != JSON_NONE && !found; v = json_next(req->doc, v)) {
		found = same_name(req->doc, json_get(req->doc, v, STR("name")),
				  name);
	}
	arena_fini(&a);
	return found;
}

/* {"type": "function", "name"}, which must be a tool of the request. */
static int check_named(const struct field_checker *c,
		       const struct response_request *req, uint32_t choice,
		       const struct field_path *path)
{
	static const struct field in_choice[] = {
		{ STR_INIT("type"), FIELD_STR, .required = true },
		{ STR_INIT("name"), FIELD_STR },
		{ { 0 } },
	};
	const struct field_path *name_path = FIELD_PATH(path, "name");
	uint32_t at[2];
	struct str name;
	int r;

	if (json_type(c->doc, choice) != JSON_OBJECT)
		return field_wrong_type(c, path, choice, "an object");
	field_find(c->doc, choice, in_choice, at);
	r = field_check(c, in_choice, at, path);
	if (r != 0)
		return r;
	if (!json_is(c->doc, at[0], STR("function")))
		return check_type(c, path, at[0]);
	if (at[1] == JSON_NONE)
		return field_missing(c, name_path);
	name = json_string(c->doc, at[1], c->arena);
	if (responses_tool(req, name) != JSON_NONE)
		return 0;
	return field_bad_value(c, name_path, at[1],
			       "the names of functions in 'tools'");
}

static int choose_allowed(const struct field_checker *c, uint32_t choice,
			  struct response_request *req)
{
	static const struct field in_allowed[] = {
		{ STR_INIT("mode"), FIELD_STR },
		{ STR_INIT("tools"), FIELD_ARRAY, .required = true },
		{ { 0 } },
	};
	const struct field_path *path = FIELD_PATH(NULL, "tool_choice");
	const struct field_path *tools = FIELD_PATH(path, "tools");
	uint32_t at[2], i = 0;
	bool required;
	int r;

	field_find(c->doc, choice, in_allowed, at);
	r = field_check(c, in_allowed, at, path);
	if (r != 0)
		return r;
	required = json_is(c->doc, at[0], STR("required"));
	if (at[0] != JSON_NONE && !required &&
	    !json_is(c->doc, at[0], STR("auto"))) {
		return field_bad_value(c, FIELD_PATH(path, "mode"), at[0],
				       "'auto' and 'required'");
	}
	if (json_count(c->doc, at[1]) == 0)
		return field_empty_array(c, tools);
	for (uint32_t v = json_first(c->doc, at[1]); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = check_named(c, req, v, FIELD_ELEMENT(tools, i++));
	if (r != 0)
		return r;
	req->allowed = at[1];
	req->choice =
		required ? RESPONSE_CHOICE_REQUIRED : RESPONSE_CHOICE_AUTO;
	return 0;
}

static int choose_word(const struct field_checker *c, uint32_t choice,
		       struct response_request *req)
{
	static const struct {
		struct str word;
		enum response_choice choice;
	} words[] = {
		{ STR_INIT("auto"), RESPONSE_CHOICE_AUTO },
		{ STR_INIT("none"), RESPONSE_CHOICE_NONE },
		{ STR_INIT("required"), RESPONSE_CHOICE_REQUIRED },
	};

	for (size_t i = 0; i < countof(words); i++) {
		if (json_is(c->doc, choice, words[i].word)) {
			req->choice = words[i].choice;
			return 0;
		}
	}
	return field_bad_value(c, FIELD_PATH(NULL, "tool_choice"), choice,
			       "'none', 'auto' and 'required', or an object "
			       "of the type 'function' or 'allowed_tools'");
}

int request_tools_choose(const struct field_checker *c,
			 struct response_request *req)
{
	uint32_t choice = req->at[RESPONSE_TOOL_CHOICE];
	int r;

	req->allowed = JSON_NONE;
	req->choice = RESPONSE_CHOICE_ABSENT;
	if (choice == JSON_NONE)
		return 0;
	if (json_type(c->doc, choice) == JSON_STRING)
		return choose_word(c, choice, req);
	if (json_is(c->doc, json_get(c->doc, choice, STR("type")),
		    STR("allowed_tools")))
		return choose_allowed(c, choice, req);
	r = check_named(c, req, choice, FIELD_PATH(NULL, "tool_choice"));
	if (r != 0)
		return r;
	req->choice = RESPONSE_CHOICE_FUNCTION;
	req->choice_name =
		json_string(c->doc, json_get(c->doc, choice, STR("name")),
			    c->arena);
	return 0;
}
