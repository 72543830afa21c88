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
