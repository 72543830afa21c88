#include "responses/prompt.h"

int prompt_apply(const struct convert *cv, const struct response_request *req,
		 struct str body, struct messages *system,
		 struct messages *tail)
{
	struct convert_prompt t = { .doc = req->doc,
				    .value = req->at[RESPONSE_PROMPT] };
	struct json_error error;
	struct str *names;
	struct json doc;
	uint32_t list;
	int r;

	if (json_parse(body, NULL, &doc, &error) != 0)
		return api_fail(cv->error, cv->arena, 503, "server_error",
				"prompt", "The stored prompt is damaged.");
	list = json_get(&doc, json_root(&doc), STR("variables"));
	names = arena_alloc(cv->arena,
			    (json_count(&doc, list) + 1) * sizeof(*names));
	for (uint32_t v = json_first(&doc, list); v != JSON_NONE;
	     v = json_next(&doc, v))
		names[t.variable_count++] = json_string(&doc, v, cv->arena);
	t.variables = names;
	t.text = json_string(&doc,
			     json_get(&doc, json_root(&doc), STR("prompt")),
			     cv->arena);
	r = convert_prompt(cv, &t, system, tail);
	json_fini(&doc);
	return r;
}

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && c != '_' &&
		    (unsigned char)c < 0x80)
			return false;
	}
	return s.len > 0;
}

static bool is_among(const struct json *doc, uint32_t declared, struct str name)
{
	for (uint32_t v = json_first(doc, declared); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (json_is(doc, v, name))
			return true;
	}
	return false;
}

bool prompt_undeclared(struct str text, const struct json *doc,
		       uint32_t declared, struct str *out)
{
	size_t open = str_find(text, STR("{{"));

	while (open < text.len) {
		struct str inner = str_drop(text, open + 2);
		size_t close = str_find(inner, STR("}}"));
		struct str name = str_trim(str_take(inner, close));

		if (close == inner.len)
			return false;
		if (is_name(name) && !is_among(doc, declared, name)) {
			*out = name;
			return true;
		}
		text = str_drop(text, open + 1);
		open = str_find(text, STR("{{"));
	}
	return false;
}
