/*
 * Texts that json accepts are those that an independent parser accepts, with
 * the same values; what is written again reads the same.
 *
 * jansson (where it is installed) differs in that it has no numbers outside of
 * its types, no NUL in a key, no lone surrogates, and loses some NULs outside of
 * strings.
 */
#include "json/json.h"
#include "json/writer.h"

#include "tests/fuzz/jansson.h"

#include <math.h>
#include <stdlib.h>

#define check(condition) ((condition) ? (void)0 : abort())

static const struct json_limits limits = { .depth = JSON_WRITER_DEPTH,
					   .nodes = 100000 };

/* Children lie inside their parent, one behind the other. */
static void check_spans(const struct json *doc, uint32_t v)
{
	size_t at = json_offset(doc, v) + 1;
	size_t end = json_offset(doc, v) + json_raw(doc, v).len;
	uint32_t n = 0;

	for (uint32_t c = json_first(doc, v); c != JSON_NONE;
	     c = json_next(doc, c)) {
		uint32_t key = json_key(doc, c);
		uint32_t first = key != JSON_NONE ? key : c;

		check(json_offset(doc, first) >= at);
		check(key == JSON_NONE ||
		      json_offset(doc, key) + json_raw(doc, key).len <
			      json_offset(doc, c));
		at = json_offset(doc, c) + json_raw(doc, c).len;
		check(at < end);
		check_spans(doc, c);
		n++;
	}
	check(n == json_count(doc, v));
}

static void write_value(const struct json *doc, uint32_t v, struct arena *a,
			struct json_writer *w)
{
	enum json_type type = json_type(doc, v);

	if (type == JSON_STRING) {
		json_add_str(w, json_string(doc, v, a));
		return;
	}
	if (type != JSON_ARRAY && type != JSON_OBJECT) {
		json_add_raw(w, json_raw(doc, v));
		return;
	}
	if (type == JSON_ARRAY) {
		json_array(w);
	} else {
		json_object(w);
	}
	for (uint32_t c = json_first(doc, v); c != JSON_NONE;
	     c = json_next(doc, c)) {
		if (type == JSON_OBJECT)
			json_member(w, json_string(doc, json_key(doc, c), a));
		write_value(doc, c, a, w);
	}
	json_end(w);
}

/* Both tapes have the same values in the same places. */
static void check_same(const struct json *a, const struct json *b,
		       struct arena *arena)
{
	check(a->node_count == b->node_count);
	for (uint32_t v = 0; v < a->node_count; v++) {
		enum json_type type = json_type(a, v);

		check(type == json_type(b, v));
		check(json_next(a, v) == json_next(b, v));
		if (type == JSON_STRING) {
			check(json_is(b, v, json_string(a, v, arena)));
		} else if (type == JSON_NUMBER) {
			check(str_eq(json_raw(a, v), json_raw(b, v)));
		}
	}
}

static void check_written(const struct json *doc, struct arena *a)
{
	struct json_writer w;
	struct json_error e;
	struct json again;
	struct buf out;
	int r;

	buf_init(&out, 8 * doc->text.len + 64);
	json_writer_init(&w, &out);
	write_value(doc, json_root(doc), a, &w);
	r = json_writer_done(&w);
	check(r == 0);
	r = json_parse(buf_str(&out), &limits, &again, &e);
	check(r == 0);
	check_same(doc, &again, a);
	json_fini(&again);
	buf_fini(&out);
}

static void check_value(const struct json *doc, uint32_t v,
			const struct jansson_value *o, struct arena *a);

static void check_number(const struct json *doc, uint32_t v,
			 const struct jansson_value *o)
{
	int64_t n;
	double d;

	if (o->type == JANSSON_INTEGER) {
		check(json_to_i64(doc, v, &n));
		check(n == jansson.integer_value(o));
	} else {
		check(o->type == JANSSON_REAL);
		check(json_to_double(doc, v, &d));
		check(d == jansson.real_value(o));
		check(signbit(d) == signbit(jansson.real_value(o)));
		if (json_to_i64(doc, v, &n))
			check((double)n == d);
	}
}

static void check_members(const struct json *doc, uint32_t v,
			  const struct jansson_value *o, struct arena *a)
{
	size_t n = 0;

	for (uint32_t c = json_first(doc, v); c != JSON_NONE;
	     c = json_next(doc, c)) {
		struct str key = json_string(doc, json_key(doc, c), a);

		if (json_get(doc, v, key) != c)
			continue; /* a later one counts */
		n++;
		check_value(doc, c, jansson.object_get(o, arena_cz(a, key)), a);
	}
	check(n == jansson.object_size(o));
	check(json_has_duplicates(doc, v) == (n < json_count(doc, v)));
}

static void check_elements(const struct json *doc, uint32_t v,
			   const struct jansson_value *o, struct arena *a)
{
	uint32_t c = json_first(doc, v);

	check(json_count(doc, v) == jansson.array_size(o));
	for (size_t i = 0; i < jansson.array_size(o); i++) {
		check_value(doc, c, jansson.array_get(o, i), a);
		c = json_next(doc, c);
	}
}

static void check_value(const struct json *doc, uint32_t v,
			const struct jansson_value *o, struct arena *a)
{
	struct str s;

	check(o != NULL);
	switch (json_type(doc, v)) {
	case JSON_OBJECT:
		check(o->type == JANSSON_OBJECT);
		check_members(doc, v, o, a);
		break;
	case JSON_ARRAY:
		check(o->type == JANSSON_ARRAY);
		check_elements(doc, v, o, a);
		break;
	case JSON_STRING:
		check(o->type == JANSSON_STRING);
		s = (struct str){ jansson.string_value(o),
				  jansson.string_length(o) };
		check(str_eq(json_string(doc, v, a), s));
		check(json_is(doc, v, s));
		break;
	case JSON_NUMBER:
		check_number(doc, v, o);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		check(o->type ==
		      (json_is_true(doc, v) ? JANSSON_TRUE : JANSSON_FALSE));
		break;
	case JSON_NULL:
		check(o->type == JANSSON_NULL);
		break;
	case JSON_NONE_TYPE:
		abort();
	}
}

/* What jansson has no type for. */
static bool may_refuse(const struct jansson_error *e)
{
	return strstr(e->text, "overflow") != NULL ||
	       strstr(e->text, "too big") != NULL ||
	       strstr(e->text, "NUL byte in object key") != NULL ||
	       strstr(e->text, "invalid Unicode") != NULL;
}

/* What it lets pass: a NUL behind a number or a word is lost by its lexer. */
static bool may_accept(struct str text, const struct json_error *e)
{
	return strstr(e->what, "the limit") != NULL ||
	       (e->offset > 0 && e->offset < text.len &&
		text.ptr[e->offset] == '\0');
}

/* refused is NULL when doc is what was read. */
static void ask_oracle(struct str text, const struct json *doc,
		       const struct json_error *refused)
{
	struct jansson_error e;
	struct jansson_value *o;
	struct arena a;

	if (!jansson_open())
		return;
	o = jansson.loadb(text.ptr, text.len, JANSSON_FLAGS, &e);
	if (o == NULL) {
		check(refused != NULL || may_refuse(&e));
		return;
	}
	arena_init(&a, SIZE_MAX / 2);
	if (refused != NULL) {
		check(may_accept(text, refused));
	} else {
		check_value(doc, json_root(doc), o, &a);
	}
	arena_fini(&a);
	jansson.delete(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { len > 0 ? (const char *)data : "", len };
	struct json_error e = { 0 };
	struct arena a;
	struct json doc;

	if (json_parse(text, &limits, &doc, &e) != 0) {
		check(e.what != NULL && e.offset <= len);
		check(e.line >= 1 && e.column >= 1);
		ask_oracle(text, NULL, &e);
		return 0;
	}
	arena_init(&a, SIZE_MAX / 2);
	check_spans(&doc, json_root(&doc));
	check_written(&doc, &a);
	arena_fini(&a);
	ask_oracle(text, &doc, NULL);
	json_fini(&doc);
	return 0;
}
