#include "responses/messages.h"

enum {
	CAP_FIRST = 16
};

void messages_add(struct messages *m, struct arena *a, struct str text)
{
	if (m->count == m->cap) {
		size_t cap = m->cap > 0 ? 2 * m->cap : CAP_FIRST;
		struct str *texts = arena_alloc(a, cap * sizeof(*texts));

		if (m->count > 0)
			memcpy(texts, m->texts, m->count * sizeof(*texts));
		m->texts = texts;
		m->cap = cap;
	}
	m->texts[m->count++] = text;
}

void messages_add_array(struct messages *m, struct arena *a,
			const struct json *doc, uint32_t array)
{
	if (json_type(doc, array) != JSON_ARRAY)
		return;
	for (uint32_t v = json_first(doc, array); v != JSON_NONE;
	     v = json_next(doc, v))
		messages_add(m, a, json_raw(doc, v));
}

/* As written by somebody else: the role is not the first member. */
static bool parse_role(struct str text, struct str role)
{
	struct json_error e;
	struct json doc;
	bool is;

	if (json_parse(text, NULL, &doc, &e) != 0)
		return false;
	is = json_is(&doc, json_get(&doc, json_root(&doc), STR("role")), role);
	json_fini(&doc);
	return is;
}

bool messages_has_role(struct str text, struct str role)
{
	static const struct str start = STR_INIT("{\"role\":\"");
	struct str rest = str_drop(text, start.len);

	if (!str_starts(text, start))
		return parse_role(text, role);
	return str_starts(rest, role) &&
	       str_starts(str_drop(rest, role.len), STR("\""));
}

void messages_carry(const struct messages *m, struct arena *a,
		    struct messages *out)
{
	for (size_t i = 0; i < m->count; i++) {
		if (!messages_has_role(m->texts[i], STR("system")))
			messages_add(out, a, m->texts[i]);
	}
}

size_t messages_truncate(const struct messages *m, size_t max_bytes)
{
	size_t bytes = 0, from = 0, i = m->count;

	while (i-- > 0) {
		bytes += m->texts[i].len;
		if (!messages_has_role(m->texts[i], STR("user")))
			continue;
		if (from > 0 && bytes > max_bytes)
			break;
		from = i;
	}
	return from;
}
