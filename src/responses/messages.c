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

static bool has_lines(const struct messages *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct str text = m->texts[i];

		if (memchr(text.ptr, '\n', text.len) != NULL)
			return true;
	}
	return false;
}

/* A client's message may have lines itself, between its tokens. */
int messages_write(const struct messages *m, struct buf *out)
{
	struct str end = has_lines(m) ? STR("") : STR("\n");
	int r = buf_add(out, STR("["));

	for (size_t i = 0; i < m->count && r == 0; i++) {
		if (i > 0)
			r = buf_add(out, STR(","));
		if (r == 0)
			r = buf_add(out, end);
		if (r == 0)
			r = buf_add(out, m->texts[i]);
	}
	if (r == 0 && m->count > 0)
		r = buf_add(out, end);
	return r == 0 ? buf_add(out, STR("]")) : r;
}

/* Lines of an array, each of them an object; false: there are others. */
static bool read_lines(struct messages *m, struct arena *a, struct str text)
{
	struct str start = STR("[\n"), line;
	size_t was = m->count;
	bool more = str_starts(text, start);

	text = str_drop(text, start.len);
	while (more && str_cut(text, '\n', &line, &text)) {
		more = str_ends(line, STR("},"));
		line = str_take(line, line.len - more);
		if (!str_starts(line, STR("{")) || !str_ends(line, STR("}")))
			break;
		messages_add(m, a, line);
	}
	if (!more && m->count > was && str_eq(text, STR("]")))
		return true;
	m->count = was;
	return false;
}

bool messages_read(struct messages *m, struct arena *a, struct str text)
{
	struct json_error error;
	struct json doc;

	if (text.len == 0 || read_lines(m, a, text))
		return true;
	if (json_parse(text, NULL, &doc, &error) != 0)
		return false;
	messages_add_array(m, a, &doc, json_root(&doc));
	json_fini(&doc);
	return true;
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
