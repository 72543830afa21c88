#include "llm/embeddings.h"

#include "llm/field.h"
#include "llm/input.h"

#define NO_MAX 1e300

enum {
	INPUTS_MAX = 2048
};

enum member {
	MODEL,
	INPUT,
	ENCODING_FORMAT,
	DIMENSIONS,
	USER,
	MEMBER_COUNT,
};

static const struct field fields[MEMBER_COUNT + 1] = {
	[MODEL] = { STR_INIT("model"), FIELD_STR, .required = true,
		    .instead = "models" },
	[INPUT] = { STR_INIT("input"), FIELD_STR_OR_ARRAY, .required = true },
	[ENCODING_FORMAT] = { STR_INIT("encoding_format"), FIELD_STR },
	[DIMENSIONS] = { STR_INIT("dimensions"), FIELD_INT, false, true, 1,
			 NO_MAX },
	[USER] = { STR_INIT("user"), FIELD_STR },
};

static int check_not_null(const struct field_checker *c, const char *name,
			  const char *expected)
{
	uint32_t v = json_get(c->doc, json_root(c->doc), str_of(name));

	if (json_type(c->doc, v) != JSON_NULL)
		return 0;
	return field_wrong_type(c, FIELD_PATH(NULL, name), v, expected);
}

static int check_format(const struct field_checker *c, uint32_t v)
{
	if (v == JSON_NONE || json_is(c->doc, v, STR("float")) ||
	    json_is(c->doc, v, STR("base64")))
		return 0;
	return field_bad_value(c, FIELD_PATH(NULL, "encoding_format"), v,
			       "'float' and 'base64'");
}

int embeddings_check(const struct json *doc, struct arena *a,
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
		r = input_check(&c, FIELD_PATH(NULL, "input"), at[INPUT],
				INPUTS_MAX);
	if (r == 0)
		r = check_format(&c, at[ENCODING_FORMAT]);
	if (r == 0)
		r = check_not_null(&c, "dimensions", "an integer");
	if (r == 0)
		r = check_not_null(&c, "user", "a string");
	if (r != 0)
		return r;
	*out = (struct llm_request){
		.model = json_string(doc, at[MODEL], a),
		.base64 = json_is(doc, at[ENCODING_FORMAT], STR("base64")),
	};
	return 0;
}
