#include "json/json.h"

#include "json/node.h"

enum json_type json_type(const struct json *doc, uint32_t v)
{
	return v == JSON_NONE ? JSON_NONE_TYPE : node_type(node_at(doc, v));
}

struct str json_raw(const struct json *doc, uint32_t v)
{
	const struct json_node *n;

	if (v == JSON_NONE)
		return STR_NULL;
	n = node_at(doc, v);
	return (struct str){ doc->text.ptr + n->start, n->end - n->start };
}

size_t json_offset(const struct json *doc, uint32_t v)
{
	return v == JSON_NONE ? doc->text.len : node_at(doc, v)->start;
}

void json_locate(struct str text, size_t offset, struct json_error *out)
{
	uint32_t line = 1;
	size_t line_start = 0;

	if (offset > text.len)
		offset = text.len;
	for (size_t i = 0; i < offset; i++) {
		if (text.ptr[i] == '\n') {
			line++;
			line_start = i + 1;
		}
	}
	out->offset = offset;
	out->line = line;
	out->column = (uint32_t)(offset - line_start + 1);
}

static bool is_container(const struct json *doc, uint32_t v)
{
	enum json_type type = json_type(doc, v);

	return type == JSON_ARRAY || type == JSON_OBJECT;
}

uint32_t json_count(const struct json *doc, uint32_t v)
{
	return is_container(doc, v) ? node_count(node_at(doc, v)) : 0;
}

bool json_is_folded(const struct json *doc, uint32_t v)
{
	return json_type(doc, v) == JSON_ARRAY &&
	       node_is(node_at(doc, v), NODE_FOLDED);
}

uint32_t json_first(const struct json *doc, uint32_t v)
{
	if (json_count(doc, v) == 0 || json_is_folded(doc, v))
		return JSON_NONE;
	return json_type(doc, v) == JSON_OBJECT ? v + 2 : v + 1;
}

uint32_t json_next(const struct json *doc, uint32_t v)
{
	return v == JSON_NONE ? JSON_NONE : node_at(doc, v)->next;
}

uint32_t json_key(const struct json *doc, uint32_t member_value)
{
	if (member_value == JSON_NONE ||
	    !node_is(node_at(doc, member_value), NODE_MEMBER))
		return JSON_NONE;
	return member_value - 1;
}

uint32_t json_get(const struct json *doc, uint32_t object, struct str key)
{
	uint32_t found = JSON_NONE;

	if (json_type(doc, object) != JSON_OBJECT)
		return JSON_NONE;
	for (uint32_t v = json_first(doc, object); v != JSON_NONE;
	     v = node_at(doc, v)->next) {
		if (node_key_is(doc, v - 1, key))
			found = v;
	}
	return found;
}

static uint32_t element(const struct json *doc, uint32_t array, struct str name)
{
	uint32_t v = json_first(doc, array);
	int64_t i;

	/* "-0" and "007" are no index. */
	if (name.len == 0 || name.ptr[0] == '-' ||
	    (name.ptr[0] == '0' && name.len > 1))
		return JSON_NONE;
	if (!str_to_i64(name, 0, NODE_COUNT_MAX, &i))
		return JSON_NONE;
	for (; i > 0 && v != JSON_NONE; i--)
		v = json_next(doc, v);
	return v;
}

uint32_t json_path(const struct json *doc, uint32_t v, struct str path)
{
	struct str name;

	while (path.len > 0 && v != JSON_NONE) {
		(void)str_cut(path, '.', &name, &path);
		v = json_type(doc, v) == JSON_ARRAY ? element(doc, v, name)
						    : json_get(doc, v, name);
	}
	return v;
}

bool json_is_true(const struct json *doc, uint32_t v)
{
	return json_type(doc, v) == JSON_TRUE;
}
