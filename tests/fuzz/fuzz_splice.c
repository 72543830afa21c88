/*
 * Changes of an object's members give what a plain list of members would have
 * become, and leave every other member's bytes alone.
 *
 * Input: a byte for the number of changes, two for each, then the text.
 */
#include "json/splice.h"

#include <errno.h>
#include <stdlib.h>

#define check(condition) ((condition) ? (void)0 : abort())

enum {
	MEMBERS_MAX = 64,
	CHANGES_MAX = 16
};

static const struct json_limits limits = { .depth = 32, .nodes = 1000 };

struct member {
	struct str key, raw;
};

/* The list that the object should be. */
struct model {
	struct member members[MEMBERS_MAX + CHANGES_MAX];
	size_t count;
};

static const struct str new_keys[] = { STR_INIT("k0"), STR_INIT("k1"),
				       STR_INIT("a"), STR_INIT("\xc3\xa9") };
static const struct str values[] = { STR_INIT("1"), STR_INIT("\"x\""),
				     STR_INIT("{\"a\":[]}"), STR_INIT("null") };

static void model_set(struct model *m, struct str key, struct str raw)
{
	bool found = false;

	for (size_t i = 0; i < m->count; i++) {
		if (str_eq(m->members[i].key, key)) {
			m->members[i].raw = raw;
			found = true;
		}
	}
	if (!found)
		m->members[m->count++] = (struct member){ key, raw };
}

static void model_drop(struct model *m, struct str key)
{
	size_t n = 0;

	for (size_t i = 0; i < m->count; i++) {
		if (!str_eq(m->members[i].key, key))
			m->members[n++] = m->members[i];
	}
	m->count = n;
}

static void model_init(struct model *m, const struct json *doc, struct arena *a)
{
	for (uint32_t v = json_first(doc, 0); v != JSON_NONE;
	     v = json_next(doc, v)) {
		m->members[m->count++] =
			(struct member){ json_string(doc, json_key(doc, v), a),
					 json_raw(doc, v) };
	}
}

static struct str pick_key(const struct json *doc, uint8_t which,
			   struct arena *a)
{
	uint32_t v = json_first(doc, 0);

	if (which < countof(new_keys) || v == JSON_NONE)
		return new_keys[which % countof(new_keys)];
	for (uint32_t i = which % json_count(doc, 0); i > 0; i--)
		v = json_next(doc, v);
	return json_string(doc, json_key(doc, v), a);
}

/* Returns false when no more changes can be made. */
static bool change(struct splice *s, const struct json *doc, struct model *m,
		   const uint8_t op[2], struct str key)
{
	struct str raw = values[op[0] / 2 % countof(values)];
	int r = op[0] % 2 == 0 ? splice_set(s, doc, 0, key, raw)
			       : splice_drop(s, doc, 0, key);

	check(r == 0 || r == -E2BIG || r == -EINVAL);
	check(r != -EINVAL || op[0] % 2 == 0);
	if (r < 0)
		return false;
	if (op[0] % 2 == 0) {
		model_set(m, key, raw);
	} else {
		model_drop(m, key);
	}
	return true;
}

static void check_result(const struct splice *s, const struct model *m)
{
	struct json_error e;
	struct json doc;
	struct buf out;
	size_t i = 0;
	int r;

	buf_init(&out, s->text.len + 1024 * CHANGES_MAX);
	r = splice_write(s, &out);
	check(r == 0);
	r = json_parse(buf_str(&out), &(struct json_limits){ 0 }, &doc, &e);
	check(r == 0);
	check(json_count(&doc, 0) == m->count);
	for (uint32_t v = json_first(&doc, 0); v != JSON_NONE;
	     v = json_next(&doc, v)) {
		check(i < m->count);
		check(json_is(&doc, json_key(&doc, v), m->members[i].key));
		check(str_eq(json_raw(&doc, v), m->members[i].raw));
		i++;
	}
	json_fini(&doc);
	buf_fini(&out);
}

static void try_changes(const struct json *doc, const uint8_t *ops, size_t n)
{
	struct splice s = { .text = doc->text };
	struct model m = { .count = 0 };
	struct arena a;

	arena_init(&a, SIZE_MAX / 2);
	model_init(&m, doc, &a);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *op = ops + 2 * i;

		if (!change(&s, doc, &m, op, pick_key(doc, op[1], &a)))
			break;
		check_result(&s, &m);
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct json_error e;
	struct json doc;
	size_t n = len > 0 ? data[0] % CHANGES_MAX : 0;
	struct str text;

	if (len < 1 + 2 * n)
		return 0;
	text = (struct str){ (const char *)data + 1 + 2 * n, len - 1 - 2 * n };
	if (json_parse(text, &limits, &doc, &e) != 0)
		return 0;
	if (json_type(&doc, 0) == JSON_OBJECT &&
	    json_count(&doc, 0) <= MEMBERS_MAX)
		try_changes(&doc, data + 1, n);
	json_fini(&doc);
	return 0;
}
