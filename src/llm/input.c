#include "llm/input.h"

static int check_token(const struct field_checker *c,
		       const struct field_path *path, uint32_t v)
{
	int64_t token;

	if (json_type(c->doc, v) != JSON_NUMBER)
		return field_wrong_type(c, path, v, "an integer");
	if (!json_to_i64(c->doc, v, &token) || token < 0) {
		return field_bad_value(c, path, v,
				       "token numbers, integers from 0 on");
	}
	return 0;
}

static int check_tokens(const struct field_checker *c,
			const struct field_path *path, uint32_t list)
{
	uint32_t i = 0;
	int r = 0;

	if (json_type(c->doc, list) != JSON_ARRAY)
		return field_wrong_type(c, path, list, "an array of integers");
	if (json_count(c->doc, list) == 0)
		return field_empty_array(c, path);
	for (uint32_t v = json_first(c->doc, list); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = check_token(c, FIELD_ELEMENT(path, i++), v);
	return r;
}

static int check_string(const struct field_checker *c,
			const struct field_path *path, uint32_t v)
{
	if (json_type(c->doc, v) != JSON_STRING)
		return field_wrong_type(c, path, v, "a string");
	return 0;
}

/* The first element says what the others have to be. */
static int check_list(const struct field_checker *c,
		      const struct field_path *path, uint32_t list)
{
	uint32_t v = json_first(c->doc, list), i = 0;
	enum json_type type = json_type(c->doc, v);
	int r = 0;

	if (type != JSON_STRING && type != JSON_NUMBER && type != JSON_ARRAY) {
		return field_wrong_type(c, FIELD_ELEMENT(path, 0), v,
					"a string, an integer or an array of "
					"integers");
	}
	if (type == JSON_NUMBER)
		return check_tokens(c, path, list);
	for (; v != JSON_NONE && r == 0; v = json_next(c->doc, v)) {
		const struct field_path *element = FIELD_ELEMENT(path, i++);

		r = type == JSON_STRING ? check_string(c, element, v)
					: check_tokens(c, element, v);
	}
	return r;
}

int input_check(const struct field_checker *c, const struct field_path *path,
		uint32_t v, uint32_t max)
{
	uint32_t count = json_count(c->doc, v);

	if (json_type(c->doc, v) == JSON_STRING)
		return 0;
	if (json_type(c->doc, v) != JSON_ARRAY) {
		return field_wrong_type(c, path, v,
					"a string, an array of strings, an "
					"array of integers or an array of "
					"arrays of integers");
	}
	if (count == 0)
		return field_empty_array(c, path);
	if (count > max)
		return field_long_array(c, path, count, max);
	return check_list(c, path, v);
}
