#include "llm/field.h"

#include <math.h>

enum {
	SHOWN_MAX = 100 /* bytes of a client's value that a message repeats */
};

#define INTEGERS_EXACT 9007199254740992.0 /* 2^53: doubles count by ones */

static const char *const expectations[] = {
	[FIELD_BOOL] = "a boolean",
	[FIELD_INT] = "an integer",
	[FIELD_NUMBER] = "a number",
	[FIELD_STR] = "a string",
	[FIELD_ARRAY] = "an array",
	[FIELD_OBJECT] = "an object",
	[FIELD_STR_OR_LIST] = "a string or an array of strings",
	[FIELD_STR_OR_ARRAY] = "a string or an array",
	[FIELD_STR_OR_OBJECT] = "a string or an object",
	[FIELD_NUMBERS] = "an object with numbers as values",
	[FIELD_INT_OR_BOOL] = "an integer or a boolean",
};

static const char *type_text(enum json_type type)
{
	static const char *const texts[] = {
		[JSON_NONE_TYPE] = "nothing", [JSON_NULL] = "null",
		[JSON_FALSE] = "a boolean",   [JSON_TRUE] = "a boolean",
		[JSON_NUMBER] = "a number",   [JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",    [JSON_OBJECT] = "an object",
	};

	return texts[type];
}

/* "messages[2].role" */
static struct str path_text(const struct field_path *path, struct arena *a)
{
	struct str up = STR_NULL;

	if (path->up != NULL)
		up = path_text(path->up, a);
	if (path->name == NULL)
		return arena_printf(a, STR_FMT "[%u]", STR_ARG(up),
				    path->index);
	return arena_printf(a, STR_FMT "%s%s", STR_ARG(up),
			    up.len > 0 ? "." : "", path->name);
}

static int fail(const struct field_checker *c, struct str param,
		const char *code)
{
	c->error->param = param;
	c->error->code = str_of(code);
	return API_FAIL;
}

int field_missing(const struct field_checker *c, const struct field_path *path)
{
	struct str param = path_text(path, c->arena);

	(void)api_fail(c->error, c->arena, 400, NULL, NULL,
		       "Missing required parameter: '" STR_FMT "'.",
		       STR_ARG(param));
	return fail(c, param, "missing_required_parameter");
}

int field_wrong_type(const struct field_checker *c,
		     const struct field_path *path, uint32_t v,
		     const char *expected)
{
	struct str param = path_text(path, c->arena);

	(void)api_fail(c->error, c->arena, 400, NULL, NULL,
		       "Invalid type for '" STR_FMT
		       "': expected %s, but got %s instead.",
		       STR_ARG(param), expected,
		       type_text(json_type(c->doc, v)));
	return fail(c, param, "invalid_type");
}

int field_empty_array(const struct field_checker *c,
		      const struct field_path *path)
{
	struct str param = path_text(path, c->arena);

	(void)api_fail(c->error, c->arena, 400, NULL, NULL,
		       "Invalid '" STR_FMT
		       "': an empty array; at least one element is needed.",
		       STR_ARG(param));
	return fail(c, param, "empty_array");
}

int field_long_array(const struct field_checker *c,
		     const struct field_path *path, uint32_t count,
		     uint32_t max)
{
	struct str param = path_text(path, c->arena);

	(void)api_fail(c->error, c->arena, 400, NULL, NULL,
		       "Invalid '" STR_FMT
		       "': an array of %u elements; at most %u are allowed.",
		       STR_ARG(param), count, max);
	return fail(c, param, "array_above_max_length");
}

/* At most SHOWN_MAX bytes, never a part of a UTF-8 character. */
static struct str shown(struct str text)
{
	size_t n = SHOWN_MAX;

	if (text.len <= n)
		return text;
	while (n > 0 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
		n--;
	return str_take(text, n);
}

int field_bad_value(const struct field_checker *c,
		    const struct field_path *path, uint32_t v,
		    const char *allowed)
{
	struct str param = path_text(path, c->arena);
	struct str text = json_type(c->doc, v) == JSON_STRING
				  ? json_string(c->doc, v, c->arena)
				  : json_raw(c->doc, v);

	text = shown(text);
	(void)api_fail(c->error, c->arena, 400, NULL, NULL,
		       "Invalid value for '" STR_FMT "': '" STR_FMT
		       "'. Supported values are: %s.",
		       STR_ARG(param), STR_ARG(text), allowed);
	return fail(c, param, "invalid_value");
}

uint32_t field_get(const struct json *doc, uint32_t object, struct str name)
{
	uint32_t v = json_get(doc, object, name);

	return json_type(doc, v) == JSON_NULL ? JSON_NONE : v;
}

/* Which field a member's key names, or count. */
static size_t index_of(const struct json *doc, uint32_t key,
		       const struct field *table, size_t count)
{
	struct str raw = json_raw(doc, key);
	size_t i;

	raw = (struct str){ raw.ptr + 1, raw.len - 2 };
	for (i = 0; i < count; i++) {
		if (str_eq(raw, table[i].name))
			return i;
	}
	if (raw.len == 0 || memchr(raw.ptr, '\\', raw.len) == NULL)
		return count;
	for (i = 0; i < count && !json_is(doc, key, table[i].name); i++)
		;
	return i;
}

void field_find(const struct json *doc, uint32_t object,
		const struct field *table, uint32_t *at)
{
	size_t count = 0, i;

	while (table[count].name.len > 0)
		at[count++] = JSON_NONE;

	for (uint32_t v = json_first(doc, object); v != JSON_NONE;
	     v = json_next(doc, v)) {
		i = index_of(doc, json_key(doc, v), table, count);
		if (i < count)
			at[i] = json_type(doc, v) == JSON_NULL ? JSON_NONE : v;
	}
}

static bool all_are(const struct json *doc, uint32_t v, enum json_type type)
{
	for (uint32_t e = json_first(doc, v); e != JSON_NONE;
	     e = json_next(doc, e)) {
		if (json_type(doc, e) != type)
			return false;
	}
	return true;
}

static bool is_integer(const struct json *doc, uint32_t v)
{
	double d;

	/* Seeds of 64 unsigned bits are in use: no exact range is asked. */
	return json_to_double(doc, v, &d) && isfinite(d) &&
	       (fabs(d) >= INTEGERS_EXACT || floor(d) == d);
}

static bool has_kind(const struct json *doc, uint32_t v, enum field_kind kind)
{
	enum json_type type = json_type(doc, v);

	switch (kind) {
	case FIELD_BOOL:
		return type == JSON_TRUE || type == JSON_FALSE;
	case FIELD_INT:
		return type == JSON_NUMBER && is_integer(doc, v);
	case FIELD_NUMBER:
		return type == JSON_NUMBER;
	case FIELD_STR:
		return type == JSON_STRING;
	case FIELD_ARRAY:
		return type == JSON_ARRAY;
	case FIELD_OBJECT:
		return type == JSON_OBJECT;
	case FIELD_STR_OR_LIST:
		return type == JSON_STRING ||
		       (type == JSON_ARRAY && all_are(doc, v, JSON_STRING));
	case FIELD_STR_OR_ARRAY:
		return type == JSON_STRING || type == JSON_ARRAY;
	case FIELD_STR_OR_OBJECT:
		return type == JSON_STRING || type == JSON_OBJECT;
	case FIELD_NUMBERS:
		return type == JSON_OBJECT && all_are(doc, v, JSON_NUMBER);
	case FIELD_INT_OR_BOOL:
		return type == JSON_TRUE || type == JSON_FALSE ||
		       (type == JSON_NUMBER && is_integer(doc, v));
	}
	return false;
}

static int out_of_range(const struct field_checker *c, const struct field *f,
			const struct field_path *up, uint32_t v)
{
	struct str param = path_text(FIELD_PATH(up, f->name.ptr), c->arena);
	struct str text = shown(json_raw(c->doc, v));
	double d = 0;
	bool is_int = f->kind != FIELD_NUMBER;
	/* What no double can hold is beyond the side that its sign says. */
	bool below = json_to_double(c->doc, v, &d) ? d < f->min
						   : str_starts(text, STR("-"));

	(void)api_fail(c->error, c->arena, 400, NULL, NULL,
		       "Invalid '" STR_FMT
		       "': expected a value %s %.15g, but got " STR_FMT
		       " instead.",
		       STR_ARG(param),
		       below ? ">=" : "<=", below ? f->min : f->max,
		       STR_ARG(text));
	if (below) {
		return fail(c, param,
			    is_int ? "integer_below_min_value"
				   : "decimal_below_min_value");
	}
	return fail(c, param,
		    is_int ? "integer_above_max_value"
			   : "decimal_above_max_value");
}

static bool is_missing(const struct field_checker *c, const struct field *f)
{
	return f->required && (f->instead == NULL ||
			       field_get(c->doc, json_root(c->doc),
					 str_of(f->instead)) == JSON_NONE);
}

int field_check(const struct field_checker *c, const struct field *table,
		const uint32_t *at, const struct field_path *up)
{
	for (size_t i = 0; table[i].name.len > 0; i++) {
		const struct field *f = &table[i];
		double d = 0;

		if (at[i] == JSON_NONE && is_missing(c, f))
			return field_missing(c, FIELD_PATH(up, f->name.ptr));
		if (at[i] == JSON_NONE)
			continue;
		if (!has_kind(c->doc, at[i], f->kind)) {
			return field_wrong_type(c, FIELD_PATH(up, f->name.ptr),
						at[i], expectations[f->kind]);
		}
		if (f->ranged && json_type(c->doc, at[i]) == JSON_NUMBER &&
		    (!json_to_double(c->doc, at[i], &d) || d < f->min ||
		     d > f->max))
			return out_of_range(c, f, up, at[i]);
	}
	return 0;
}

int field_check_object(const struct field_checker *c, uint32_t root)
{
	if (json_type(c->doc, root) == JSON_OBJECT)
		return 0;
	return api_fail(c->error, c->arena, 400, NULL, NULL,
			"The request body must be a JSON object.");
}

int field_check_model(const struct field_checker *c, uint32_t v)
{
	if (v == JSON_NONE || json_raw(c->doc, v).len > 2)
		return 0;
	return field_bad_value(c, FIELD_PATH(NULL, "model"), v,
			       "the ids that GET /v1/models lists");
}

int field_check_stream_options(const struct field_checker *c, uint32_t v)
{
	static const struct field in_options[] = {
		{ STR_INIT("include_usage"), FIELD_BOOL },
		{ STR_INIT("include_obfuscation"), FIELD_BOOL },
		{ { 0 } },
	};
	uint32_t at[2];

	field_find(c->doc, v, in_options, at);
	return field_check(c, in_options, at,
			   FIELD_PATH(NULL, "stream_options"));
}
