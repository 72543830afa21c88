#include <errno.h>

#include "base/base64.h"
#include "llm/embeddings.h"
#include "json/floats.h"

/* The array data, looked at before a byte is written. */
struct survey {
	uint32_t data;
	bool converts;  /* an embedding has the other form */
	bool renumbers; /* the indices are not those from 0 on */
};

static bool is_numbers(const struct json *doc, uint32_t v)
{
	return json_is_folded(doc, v) ||
	       (json_type(doc, v) == JSON_ARRAY && json_count(doc, v) == 0);
}

/* Is it an index that no element before had? */
static bool is_new_index(const struct json *doc, uint32_t v, uint8_t *seen,
			 uint32_t count)
{
	int64_t n;
	bool is_new;

	if (!json_to_i64(doc, v, &n) || n < 0 || n >= count)
		return false;
	is_new = seen[n] == 0;
	seen[n] = 1;
	return is_new;
}

static int look(struct llm_answer *a, struct survey *s)
{
	const struct json *doc = a->doc;
	uint32_t count, i = 0;
	uint8_t *seen;

	s->data = json_get(doc, json_root(doc), STR("data"));
	if (json_type(doc, s->data) != JSON_ARRAY) {
		a->bad = STR("JSON that has no list 'data'.");
		return API_FAIL;
	}
	count = json_count(doc, s->data);
	seen = arena_zalloc(a->arena, count + 1);
	for (uint32_t v = json_first(doc, s->data); i < count;
	     v = json_next(doc, v)) {
		uint32_t embedding = json_get(doc, v, STR("embedding"));
		bool is_text = json_type(doc, embedding) == JSON_STRING;

		if (!is_text && !is_numbers(doc, embedding)) {
			a->bad = arena_printf(a->arena,
					      "JSON whose data[%u].embedding "
					      "is neither an array of numbers "
					      "nor base64.",
					      i);
			return API_FAIL;
		}
		s->converts |= is_text != a->request->base64;
		s->renumbers |=
			!is_new_index(doc, json_get(doc, v, STR("index")), seen,
				      count);
		i++;
	}
	return 0;
}

static int to_base64(struct llm_answer *a, uint32_t embedding)
{
	size_t len = json_count(a->doc, embedding) * sizeof(float);
	struct arena_mark mark = arena_mark(a->arena);
	uint8_t *floats = arena_alloc(a->arena, len + 1);
	struct str quote = STR("\"");
	int r = buf_add(&a->out, quote);

	if (len > 0)
		floats_read(json_raw(a->doc, embedding), floats);
	if (r == 0) {
		r = base64_write(&a->out,
				 (struct str){ (const char *)floats, len });
	}
	if (r == 0)
		r = buf_add(&a->out, quote);
	arena_rewind(a->arena, mark);
	return r;
}

/* -EINVAL: it is no base64 of floats. */
static int to_numbers(struct llm_answer *a, uint32_t embedding)
{
	struct arena_mark mark = arena_mark(a->arena);
	struct str bytes;
	int r = -EINVAL;

	if (base64_read(json_string(a->doc, embedding, a->arena), a->arena,
			&bytes) &&
	    bytes.len % sizeof(float) == 0) {
		r = floats_write(&a->out, (const uint8_t *)bytes.ptr,
				 bytes.len / sizeof(float));
	}
	arena_rewind(a->arena, mark);
	return r;
}

static int write_embedding(struct llm_answer *a, uint32_t embedding)
{
	bool is_text = json_type(a->doc, embedding) == JSON_STRING;

	if (is_text == a->request->base64)
		return buf_add(&a->out, json_raw(a->doc, embedding));
	return is_text ? to_numbers(a, embedding) : to_base64(a, embedding);
}

/* Of the text, from one place to another. */
static int copy(struct llm_answer *a, size_t from, size_t to)
{
	return buf_add(&a->out,
		       str_take(str_drop(a->doc->text, from), to - from));
}

static size_t end_of(const struct json *doc, uint32_t v)
{
	return json_offset(doc, v) + json_raw(doc, v).len;
}

/* The text up to the index, and i in its place. */
static int write_index(struct llm_answer *a, size_t *at, uint32_t index,
		       uint32_t i)
{
	int r = copy(a, *at, json_offset(a->doc, index));

	*at = end_of(a->doc, index);
	return r == 0 ? buf_printf(&a->out, "%u", i) : r;
}

/* An element of data, of which only embedding and index change. */
static int write_element(struct llm_answer *a, const struct survey *s,
			 uint32_t v, uint32_t i)
{
	uint32_t embedding = json_get(a->doc, v, STR("embedding"));
	uint32_t index = json_get(a->doc, v, STR("index"));
	bool renumbers = s->renumbers && index != JSON_NONE;
	size_t at = json_offset(a->doc, v);
	int r = 0;

	if (index == JSON_NONE) {
		r = buf_printf(&a->out, "{\"index\":%u,", i);
		at++;
	} else if (renumbers && index < embedding) {
		r = write_index(a, &at, index, i);
	}
	if (r == 0)
		r = copy(a, at, json_offset(a->doc, embedding));
	if (r == 0)
		r = write_embedding(a, embedding);
	at = end_of(a->doc, embedding);
	if (r == 0 && renumbers && index > embedding)
		r = write_index(a, &at, index, i);
	return r == 0 ? copy(a, at, end_of(a->doc, v)) : r;
}

static int write_data(struct llm_answer *a, const struct survey *s)
{
	uint32_t i = 0;
	int r = buf_add(&a->out, STR("["));

	for (uint32_t v = json_first(a->doc, s->data); v != JSON_NONE && r == 0;
	     v = json_next(a->doc, v)) {
		if (i > 0)
			r = buf_add(&a->out, STR(","));
		if (r == 0)
			r = write_element(a, s, v, i++);
	}
	if (r == 0)
		r = buf_add(&a->out, STR("]"));
	if (r == -EINVAL) {
		a->bad = arena_printf(a->arena,
				      "JSON whose data[%u].embedding is not "
				      "base64 of floats.",
				      i - 1);
	} else if (r < 0) {
		a->bad = arena_printf(a->arena,
				      "embeddings that are over %zu bytes in "
				      "the form asked for "
				      "(upstream.answer_max).",
				      a->out.max);
	}
	return r == 0 ? 0 : API_FAIL;
}

/* Clients count on both numbers; what the upstream did not count is 0. */
static int set_usage(struct llm_answer *a, struct splice *s)
{
	static const struct str names[] = { STR_INIT("prompt_tokens"),
					    STR_INIT("total_tokens") };
	const struct json *doc = a->doc;
	uint32_t usage = json_get(doc, json_root(doc), STR("usage"));
	struct str count = STR("0");
	int r = 0;

	if (json_type(doc, usage) != JSON_OBJECT) {
		return splice_set(s, doc, json_root(doc), STR("usage"),
				  STR("{\"prompt_tokens\":0,"
				      "\"total_tokens\":0}"));
	}
	for (size_t i = 0; i < countof(names); i++) {
		uint32_t v = json_get(doc, usage, names[i]);

		if (json_type(doc, v) == JSON_NUMBER)
			count = json_raw(doc, v);
	}
	for (size_t i = 0; i < countof(names) && r == 0; i++) {
		uint32_t v = json_get(doc, usage, names[i]);

		if (json_type(doc, v) != JSON_NUMBER)
			r = splice_set(s, doc, usage, names[i], count);
	}
	return r;
}

int embeddings_answer(struct llm_answer *a)
{
	struct splice splice = { .text = a->doc->text };
	uint32_t root = json_root(a->doc);
	struct survey survey = { 0 };
	int r = look(a, &survey);

	if (r != 0)
		return r;
	if (survey.converts || survey.renumbers) {
		r = write_data(a, &survey);
		if (r != 0)
			return r;
		r = splice_replace(&splice, a->doc, survey.data,
				   buf_str(&a->out));
	}
	if (r == 0 && a->model.len > 0) {
		r = splice_set(&splice, a->doc, root, STR("model"), a->model);
	}
	if (r == 0)
		r = set_usage(a, &splice);
	if (r != 0) {
		a->bad = STR("JSON with a member that is there many times.");
		return API_FAIL;
	}
	a->count = splice_pieces(&splice, a->pieces);
	return 0;
}
