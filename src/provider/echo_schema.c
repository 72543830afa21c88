#include "provider/echo.h"

#include "json/writer.h"

enum {
	DEPTH_MAX = 16,
	VALUES_MAX = 2000, /* a schema of few bytes can mean millions */
	ITEMS_MAX = 8,
	STRING_MAX = 1000,
};

struct sampler {
	const struct json *doc;
	uint32_t root; /* what "#" means */
	struct arena *arena;
	struct json_writer w;
	int values_left;
	int depth;
};

static void write_value(struct sampler *s, uint32_t schema);

/* "#/$defs/item"; JSON_NONE for anything outside the schema. */
static uint32_t follow(const struct sampler *s, uint32_t ref)
{
	struct str rest = json_string(s->doc, ref, s->arena);
	uint32_t v = s->root;

	if (!str_starts(rest, STR("#")))
		return JSON_NONE;
	rest = str_drop(rest, 1);
	while (rest.len > 0 && v != JSON_NONE) {
		struct str name;

		(void)str_cut(str_drop(rest, 1), '/', &name, &rest);
		v = json_get(s->doc, v, name);
		/* The cut took the slash that the next round drops. */
		if (rest.len > 0)
			rest = (struct str){ rest.ptr - 1, rest.len + 1 };
	}
	return v;
}

/* The schema that decides: behind references, and the first of several. */
static uint32_t resolve(const struct sampler *s, uint32_t schema)
{
	static const struct str choices[] = {
		STR_INIT("anyOf"),
		STR_INIT("oneOf"),
		STR_INIT("allOf"),
	};

	for (int hops = 0; hops < DEPTH_MAX; hops++) {
		uint32_t next = JSON_NONE;
		uint32_t ref = json_get(s->doc, schema, STR("$ref"));

		if (json_type(s->doc, ref) == JSON_STRING)
			next = follow(s, ref);
		for (size_t i = 0; i < countof(choices); i++) {
			if (next == JSON_NONE) {
				next = json_first(s->doc,
						  json_get(s->doc, schema,
							   choices[i]));
			}
		}
		if (next == JSON_NONE)
			return schema;
		schema = next;
	}
	return schema;
}

/* "type" is a name or a list of names, of which null comes last. */
static struct str type_of(const struct sampler *s, uint32_t schema)
{
	uint32_t type = json_get(s->doc, schema, STR("type"));

	if (json_type(s->doc, type) == JSON_STRING)
		return json_string(s->doc, type, s->arena);
	for (uint32_t v = json_first(s->doc, type); v != JSON_NONE;
	     v = json_next(s->doc, v)) {
		if (json_type(s->doc, v) == JSON_STRING &&
		    !json_is(s->doc, v, STR("null")))
			return json_string(s->doc, v, s->arena);
	}
	if (json_get(s->doc, schema, STR("properties")) != JSON_NONE)
		return STR("object");
	if (json_get(s->doc, schema, STR("items")) != JSON_NONE)
		return STR("array");
	return STR("string");
}

static int64_t bound(const struct sampler *s, uint32_t schema, const char *key,
		     int64_t absent)
{
	int64_t n = absent;

	return json_to_i64(s->doc, json_get(s->doc, schema, str_of(key)), &n)
		       ? n
		       : absent;
}

static void write_string(struct sampler *s, uint32_t schema)
{
	static const struct {
		const char *format, *text;
	} samples[] = {
		{ "date-time", "2025-01-01T00:00:00Z" },
		{ "date", "2025-01-01" },
		{ "time", "00:00:00Z" },
		{ "email", "user@example.com" },
		{ "uri", "https://example.com/" },
		{ "uuid", "00000000-0000-4000-8000-000000000000" },
		{ "ipv4", "192.0.2.1" },
	};
	uint32_t format = json_get(s->doc, schema, STR("format"));
	int64_t min = bound(s, schema, "minLength", 0);
	int64_t max = bound(s, schema, "maxLength", STRING_MAX);
	struct str text = STR("text");

	for (size_t i = 0; i < countof(samples); i++) {
		if (json_is(s->doc, format, str_of(samples[i].format)))
			text = str_of(samples[i].text);
	}
	if (max >= 0 && (int64_t)text.len > max)
		text = str_take(text, (size_t)max);
	if (min > STRING_MAX)
		min = STRING_MAX;
	if ((int64_t)text.len < min) {
		char *padded = arena_alloc(s->arena, (size_t)min);

		memset(padded, 'x', (size_t)min);
		memcpy(padded, text.ptr, text.len);
		text = (struct str){ padded, (size_t)min };
	}
	json_add_str(&s->w, text);
}

static void write_number(struct sampler *s, uint32_t schema)
{
	uint32_t min = json_get(s->doc, schema, STR("minimum"));
	uint32_t max = json_get(s->doc, schema, STR("maximum"));
	int64_t above = bound(s, schema, "exclusiveMinimum", -1);
	double d;

	if (json_type(s->doc, min) == JSON_NUMBER) {
		json_add_raw(&s->w, json_raw(s->doc, min));
	} else if (above >= 0 && above < INT64_MAX) {
		json_add_int(&s->w, above + 1);
	} else if (json_to_double(s->doc, max, &d) && d < 0) {
		json_add_raw(&s->w, json_raw(s->doc, max));
	} else {
		json_add_int(&s->w, 0);
	}
}

static bool is_required(const struct sampler *s, uint32_t required,
			struct str name)
{
	int looked_at = 0;

	for (uint32_t v = json_first(s->doc, required);
	     v != JSON_NONE && looked_at < VALUES_MAX;
	     v = json_next(s->doc, v), looked_at++) {
		if (json_is(s->doc, v, name))
			return true;
	}
	return false;
}

static void write_object(struct sampler *s, uint32_t schema)
{
	uint32_t all = json_get(s->doc, schema, STR("properties"));
	uint32_t required = json_get(s->doc, schema, STR("required"));

	json_object(&s->w);
	for (uint32_t v = json_first(s->doc, all);
	     v != JSON_NONE && s->values_left > 0; v = json_next(s->doc, v)) {
		struct arena_mark mark = arena_mark(s->arena);
		struct str name =
			json_string(s->doc, json_key(s->doc, v), s->arena);

		s->values_left--;
		if (is_required(s, required, name)) {
			json_member(&s->w, name);
			write_value(s, v);
		}
		arena_rewind(s->arena, mark);
	}
	json_end(&s->w);
}

static void write_array(struct sampler *s, uint32_t schema)
{
	uint32_t items = json_get(s->doc, schema, STR("items"));
	int64_t count = bound(s, schema, "minItems", 0);

	json_array(&s->w);
	for (int64_t i = 0; i < count && i < ITEMS_MAX; i++)
		write_value(s, items);
	json_end(&s->w);
}

static void write_typed(struct sampler *s, uint32_t schema)
{
	struct str type = type_of(s, schema);

	if (str_eq(type, STR("object"))) {
		write_object(s, schema);
	} else if (str_eq(type, STR("array"))) {
		write_array(s, schema);
	} else if (str_eq(type, STR("number")) ||
		   str_eq(type, STR("integer"))) {
		write_number(s, schema);
	} else if (str_eq(type, STR("boolean"))) {
		json_add_bool(&s->w, true);
	} else if (str_eq(type, STR("null"))) {
		json_add_null(&s->w);
	} else {
		write_string(s, schema);
	}
}

static void write_value(struct sampler *s, uint32_t schema)
{
	static const struct str given[] = {
		STR_INIT("const"),
		STR_INIT("enum"),
		STR_INIT("default"),
	};
	uint32_t v = JSON_NONE;

	if (s->depth == DEPTH_MAX || s->values_left <= 0) {
		json_add_null(&s->w);
		return;
	}
	s->depth++;
	s->values_left--;
	schema = resolve(s, schema);
	for (size_t i = 0; i < countof(given) && v == JSON_NONE; i++) {
		v = json_get(s->doc, schema, given[i]);
		if (str_eq(given[i], STR("enum")))
			v = json_first(s->doc, v);
	}
	if (v != JSON_NONE) {
		json_add_raw(&s->w, json_raw(s->doc, v));
	} else {
		write_typed(s, schema);
	}
	s->depth--;
}

int echo_schema_write(const struct json *doc, uint32_t schema, struct arena *a,
		      struct buf *out)
{
	struct sampler s = { .doc = doc,
			     .root = schema,
			     .arena = a,
			     .values_left = VALUES_MAX };

	json_writer_init(&s.w, out);
	if (json_type(doc, schema) == JSON_OBJECT) {
		write_value(&s, schema);
	} else {
		json_object(&s.w);
		json_end(&s.w);
	}
	return json_writer_done(&s.w);
}
