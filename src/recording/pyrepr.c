#include "recording/pyrepr.h"

#include "recording/pyjson.h"

static bool contains(struct str s, char c)
{
	return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

static int put_char(struct buf *out, char c, char quote)
{
	static const char from[] = "\\\n\r\t", to[] = "\\nrt";
	const char *found = c != '\0' ? strchr(from, c) : NULL;
	char text[2] = { '\\', c };

	if (found != NULL)
		text[1] = to[found - from];
	if (found != NULL || c == quote)
		return buf_add(out, (struct str){ text, 2 });
	if ((unsigned char)c < ' ' || c == 0x7f)
		return buf_printf(out, "\\x%02x", (unsigned char)c);
	return buf_add(out, (struct str){ text + 1, 1 });
}

/* In single quotes, unless only double ones need no escape. */
static int put_string(const struct json *doc, uint32_t v, struct buf *out)
{
	struct arena a;
	struct str s;
	char quote;
	int r;

	arena_init(&a, SIZE_MAX / 2);
	s = pyjson_string(doc, v, &a);
	quote = contains(s, '\'') && !contains(s, '"') ? '"' : '\'';
	r = buf_add(out, (struct str){ &quote, 1 });
	for (size_t i = 0; i < s.len && r == 0; i++)
		r = put_char(out, s.ptr[i], quote);
	if (r == 0)
		r = buf_add(out, (struct str){ &quote, 1 });
	arena_fini(&a);
	return r;
}

/* The parser has bounded the depth. */
static int put_list(const struct json *doc, uint32_t v, bool is_object,
		    struct buf *out)
{
	int r = buf_add(out, is_object ? STR("{") : STR("["));

	for (uint32_t i = json_first(doc, v); i != JSON_NONE && r == 0;
	     i = json_next(doc, i)) {
		if (i != json_first(doc, v))
			r = buf_add(out, STR(", "));
		if (r == 0 && is_object)
			r = put_string(doc, json_key(doc, i), out);
		if (r == 0 && is_object)
			r = buf_add(out, STR(": "));
		if (r == 0)
			r = pyrepr_dump(doc, i, out);
	}
	return r == 0 ? buf_add(out, is_object ? STR("}") : STR("]")) : r;
}

int pyrepr_dump(const struct json *doc, uint32_t v, struct buf *out)
{
	switch (json_type(doc, v)) {
	case JSON_OBJECT:
		return put_list(doc, v, true, out);
	case JSON_ARRAY:
		return put_list(doc, v, false, out);
	case JSON_STRING:
		return put_string(doc, v, out);
	case JSON_TRUE:
		return buf_add(out, STR("True"));
	case JSON_FALSE:
		return buf_add(out, STR("False"));
	case JSON_NUMBER:
		return pyjson_dump(doc, v, NULL, out);
	case JSON_NULL:
	case JSON_NONE_TYPE:
		break;
	}
	return buf_add(out, STR("None"));
}
