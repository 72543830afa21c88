#include "llm/moderation.h"

#include "llm/part.h"

enum member {
	MODEL,
	INPUT,
	MEMBER_COUNT,
};

static const struct field fields[MEMBER_COUNT + 1] = {
	[MODEL] = { STR_INIT("model"), FIELD_STR },
	[INPUT] = { STR_INIT("input"), FIELD_STR_OR_ARRAY, .required = true },
};

/* A text, several, or texts and images. */
static int check_input(const struct field_checker *c, uint32_t input)
{
	const struct field_path *path = FIELD_PATH(NULL, "input");
	uint32_t i = 0;
	int r = 0;

	if (json_type(c->doc, input) == JSON_STRING)
		return 0;
	if (json_count(c->doc, input) == 0)
		return field_empty_array(c, path);
	for (uint32_t v = json_first(c->doc, input); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = part_check(c, FIELD_ELEMENT(path, i++), v);
	return r;
}

int moderation_check(const struct json *doc, struct arena *a,
		     struct llm_request *out, struct api_error *e)
{
	struct field_checker c = { doc, a, e };
	uint32_t at[MEMBER_COUNT];
	int r = field_check_object(&c, json_root(doc));

	if (r != 0)
		return r;
	field_find(doc, json_root(doc), fields, at);
	r = field_check(&c, fields, at, NULL);
	if (r == 0)
		r = field_check_model(&c, at[MODEL]);
	if (r == 0)
		r = check_input(&c, at[INPUT]);
	if (r != 0)
		return r;
	*out = (struct llm_request){ 0 };
	if (at[MODEL] != JSON_NONE)
		out->model = json_string(doc, at[MODEL], a);
	return 0;
}
