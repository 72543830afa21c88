#include "llm/message.h"

#include <assert.h>

enum member {
	ROLE,
	CONTENT,
	NAME,
	TOOL_CALLS,
	TOOL_CALL_ID,
	MEMBER_COUNT,
};

static const struct field fields[MEMBER_COUNT + 1] = {
	[ROLE] = { STR_INIT("role"), FIELD_STR, .required = true },
	[CONTENT] = { STR_INIT("content"), FIELD_STR_OR_ARRAY },
	[NAME] = { STR_INIT("name"), FIELD_STR },
	[TOOL_CALLS] = { STR_INIT("tool_calls"), FIELD_ARRAY },
	[TOOL_CALL_ID] = { STR_INIT("tool_call_id"), FIELD_STR },
};

/* An assistant may say nothing: it called a tool, refused or only thought. */
static const struct role {
	struct str name;
	bool needs_content;
	enum member needs; /* besides; MEMBER_COUNT: nothing */
} roles[] = {
	{ STR_INIT("system"), true, MEMBER_COUNT },
	{ STR_INIT("developer"), true, MEMBER_COUNT },
	{ STR_INIT("user"), true, MEMBER_COUNT },
	{ STR_INIT("assistant"), false, MEMBER_COUNT },
	{ STR_INIT("tool"), true, TOOL_CALL_ID },
	{ STR_INIT("function"), false, NAME },
};

static const char role_names[] = "'system', 'developer', 'user', 'assistant', "
				 "'tool' and 'function'";

static int check_part(const struct field_checker *c, uint32_t part,
		      const struct field_path *path)
{
	static const struct field common[] = {
		{ STR_INIT("type"), FIELD_STR, .required = true },
		{ { 0 } },
	};
	static const struct field text[] = {
		{ STR_INIT("text"), FIELD_STR, .required = true },
		{ { 0 } },
	};
	/* Mistral's dialect has the URL itself as a string. */
	static const struct field image[] = {
		{ STR_INIT("image_url"), FIELD_STR_OR_OBJECT,
		  .required = true },
		{ { 0 } },
	};
	const struct field *own = NULL;
	uint32_t at[1];
	int r;

	if (json_type(c->doc, part) != JSON_OBJECT)
		return field_wrong_type(c, path, part, "an object");
	field_find(c->doc, part, common, at);
	r = field_check(c, common, at, path);
	if (r != 0)
		return r;

	if (json_is(c->doc, at[0], STR("text"))) {
		own = text;
	} else if (json_is(c->doc, at[0], STR("image_url"))) {
		own = image;
	}
	if (own == NULL)
		return 0;
	field_find(c->doc, part, own, at);
	return field_check(c, own, at, path);
}

static int check_parts(const struct field_checker *c, uint32_t content,
		       const struct field_path *path)
{
	uint32_t i = 0;
	int r = 0;

	for (uint32_t v = json_first(c->doc, content); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v)) {
		r = check_part(c, v, FIELD_ELEMENT(path, i++));
	}
	return r;
}

static int check_tool_call(const struct field_checker *c, uint32_t call,
			   const struct field_path *path)
{
	static const struct field in_call[] = {
		{ STR_INIT("id"), FIELD_STR },
		{ STR_INIT("type"), FIELD_STR },
		{ STR_INIT("function"), FIELD_OBJECT },
		{ STR_INIT("custom"), FIELD_OBJECT },
		{ { 0 } },
	};
	static const struct field in_function[] = {
		{ STR_INIT("name"), FIELD_STR, .required = true },
		{ STR_INIT("arguments"), FIELD_STR },
		{ { 0 } },
	};
	uint32_t at[4], function[2];
	int r;

	if (json_type(c->doc, call) != JSON_OBJECT)
		return field_wrong_type(c, path, call, "an object");
	field_find(c->doc, call, in_call, at);
	r = field_check(c, in_call, at, path);
	if (r != 0 || at[2] == JSON_NONE)
		return r;
	field_find(c->doc, at[2], in_function, function);
	return field_check(c, in_function, function,
			   FIELD_PATH(path, "function"));
}

static int check_tool_calls(const struct field_checker *c, uint32_t calls,
			    const struct field_path *path)
{
	uint32_t i = 0;
	int r = 0;

	for (uint32_t v = json_first(c->doc, calls); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = check_tool_call(c, v, FIELD_ELEMENT(path, i++));
	return r;
}

static const struct role *role_find(const struct json *doc, uint32_t v)
{
	for (size_t i = 0; i < countof(roles); i++) {
		if (json_is(doc, v, roles[i].name))
			return &roles[i];
	}
	return NULL;
}

static int check_role(const struct field_checker *c, uint32_t message,
		      const uint32_t *at, const struct field_path *path)
{
	const struct role *role = role_find(c->doc, at[ROLE]);
	uint32_t content = json_get(c->doc, message, STR("content"));

	if (role == NULL) {
		return field_bad_value(c, FIELD_PATH(path, "role"), at[ROLE],
				       role_names);
	}
	if (role->needs_content && json_type(c->doc, content) == JSON_NULL) {
		return field_wrong_type(c, FIELD_PATH(path, "content"), content,
					"a string or an array");
	}
	if (role->needs_content && at[CONTENT] == JSON_NONE)
		return field_missing(c, FIELD_PATH(path, "content"));
	if (role->needs != MEMBER_COUNT && at[role->needs] == JSON_NONE) {
		return field_missing(c,
				     FIELD_PATH(path,
						fields[role->needs].name.ptr));
	}
	return 0;
}

static int check_message(const struct field_checker *c, uint32_t message,
			 const struct field_path *path)
{
	uint32_t at[MEMBER_COUNT];
	int r;

	if (json_type(c->doc, message) != JSON_OBJECT)
		return field_wrong_type(c, path, message, "an object");
	field_find(c->doc, message, fields, at);
	r = field_check(c, fields, at, path);
	if (r == 0)
		r = check_role(c, message, at, path);
	if (r == 0 && json_type(c->doc, at[CONTENT]) == JSON_ARRAY)
		r = check_parts(c, at[CONTENT], FIELD_PATH(path, "content"));
	if (r == 0 && at[TOOL_CALLS] != JSON_NONE) {
		r = check_tool_calls(c, at[TOOL_CALLS],
				     FIELD_PATH(path, "tool_calls"));
	}
	return r;
}

int message_check(const struct field_checker *c, uint32_t messages)
{
	const struct field_path path = { .name = "messages" };
	uint32_t i = 0;
	int r = 0;

	assert(json_type(c->doc, messages) == JSON_ARRAY);

	if (json_count(c->doc, messages) == 0)
		return field_empty_array(c, &path);
	for (uint32_t v = json_first(c->doc, messages);
	     v != JSON_NONE && r == 0; v = json_next(c->doc, v)) {
		r = check_message(c, v, FIELD_ELEMENT(&path, i++));
	}
	return r;
}

struct str message_text(const struct json *doc, uint32_t message,
			struct arena *a)
{
	uint32_t content = json_get(doc, message, STR("content"));
	size_t len = 0;
	char *all;

	if (json_type(doc, content) == JSON_STRING)
		return json_string(doc, content, a);
	if (json_type(doc, content) != JSON_ARRAY)
		return STR_NULL;

	/* With quotes and commas gone the text is shorter than its source. */
	all = arena_alloc(a, json_raw(doc, content).len);
	for (uint32_t part = json_first(doc, content); part != JSON_NONE;
	     part = json_next(doc, part)) {
		uint32_t v = json_get(doc, part, STR("text"));
		struct str text;

		if (json_type(doc, v) != JSON_STRING)
			continue;
		text = json_string(doc, v, a);
		if (len > 0)
			all[len++] = '\n';
		if (text.len > 0)
			memcpy(all + len, text.ptr, text.len);
		len += text.len;
	}
	return (struct str){ all, len };
}
