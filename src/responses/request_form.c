#include "responses/request.h"

#include "http/url.h"
#include "json/writer.h"

enum {
	PAIRS_MAX = 1024,
	VALUE_DEPTH = 100, /* below that of a body, in which it will be */
};

struct pair {
	struct str key, value;
	bool is_done;
};

static int fail(struct arena *a, struct api_error *e, const char *message)
{
	(void)api_fail(e, a, 400, NULL, NULL, "%s", message);
	e->with_detail = true;
	return API_FAIL;
}

/* Of a form: a plus is a space. */
static bool decode(struct str text, struct arena *a, struct str *out)
{
	char *copy = arena_cz(a, text);

	for (size_t i = 0; i < text.len; i++)
		copy[i] = copy[i] == '+' ? ' ' : copy[i];
	return url_decode((struct str){ copy, text.len }, a, out) == 0;
}

static int split(struct str form, struct arena *a, struct pair *pairs,
		 size_t *count, struct api_error *e)
{
	struct str pair, key, value;

	while (form.len > 0) {
		(void)str_cut(form, '&', &pair, &form);
		if (pair.len == 0)
			continue;
		if (*count == PAIRS_MAX) {
			return fail(a, e,
				    "The form has too many fields; at most "
				    "1024 are allowed.");
		}
		(void)str_cut(pair, '=', &key, &value);
		if (!decode(key, a, &pairs[*count].key) ||
		    !decode(value, a, &pairs[*count].value)) {
			return fail(a, e,
				    "The request body is not a valid form "
				    "(application/x-www-form-urlencoded).");
		}
		pairs[(*count)++].is_done = false;
	}
	return 0;
}

static void put_value(struct json_writer *w, struct str value)
{
	struct json_limits limits = { .depth = VALUE_DEPTH };
	struct json_error error;
	struct json doc;

	if (json_parse(value, &limits, &doc, &error) != 0) {
		json_add_str(w, value);
		return;
	}
	json_add_raw(w, json_raw(&doc, json_root(&doc)));
	json_fini(&doc);
}

/* All values of the ith key. */
static void put_pair(struct json_writer *w, struct pair *pairs, size_t count,
		     size_t i)
{
	size_t n = 0;

	for (size_t k = i; k < count; k++)
		n += str_eq(pairs[k].key, pairs[i].key) ? 1 : 0;
	json_member(w, pairs[i].key);
	if (n > 1)
		json_array(w);
	for (size_t k = i; k < count; k++) {
		if (!str_eq(pairs[k].key, pairs[i].key))
			continue;
		put_value(w, pairs[k].value);
		pairs[k].is_done = true;
	}
	if (n > 1)
		json_end(w);
}

int responses_of_form(struct str form, struct arena *a, struct buf *out,
		      struct api_error *e)
{
	struct pair *pairs = arena_alloc(a, PAIRS_MAX * sizeof(*pairs));
	struct json_writer w;
	size_t count = 0;
	int r = split(form, a, pairs, &count, e);

	if (r != 0)
		return r;
	json_writer_init(&w, out);
	json_object(&w);
	for (size_t i = 0; i < count; i++) {
		if (!pairs[i].is_done)
			put_pair(&w, pairs, count, i);
	}
	json_end(&w);
	return json_writer_done(&w);
}
