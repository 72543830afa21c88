#include "provider/openai.h"

#include "base/err.h"

#include <errno.h>

enum {
	MODELS_MAX = 20000,
	ID_MAX = 512, /* longer ones are left out */
};

static uint32_t find_array(const struct json *doc, struct str name)
{
	uint32_t root = json_root(doc);
	uint32_t v = json_get(doc, root, name);

	if (json_type(doc, root) == JSON_ARRAY)
		return root;
	return json_type(doc, v) == JSON_ARRAY ? v : JSON_NONE;
}

static size_t read_ids(const struct json *doc, uint32_t array, struct str key,
		       struct arena *a, struct str *ids)
{
	size_t n = 0;

	for (uint32_t v = json_first(doc, array);
	     v != JSON_NONE && n < MODELS_MAX; v = json_next(doc, v)) {
		uint32_t id = json_get(doc, v, key);
		struct str text;

		if (json_type(doc, id) != JSON_STRING)
			continue;
		text = json_string(doc, id, a);
		if (text.len > 0 && text.len <= ID_MAX)
			ids[n++] = arena_str(a, text);
	}
	return n;
}

int openai_decode_list(struct str body, const struct openai_list *l,
		       struct arena *a, struct str **out_ids, size_t *out_n)
{
	struct json doc;
	struct json_error bad;
	struct str *ids;
	uint32_t list, count;

	if (json_parse(body, &(struct json_limits){ 0 }, &doc, &bad) != 0) {
		return err_new(-EPROTO, "model list: %s at byte %zu", bad.what,
			       bad.offset);
	}
	list = find_array(&doc, l->array);
	if (list == JSON_NONE) {
		json_fini(&doc);
		return err_new(-EPROTO, "model list: no array '" STR_FMT "'",
			       STR_ARG(l->array));
	}
	count = json_count(&doc, list);
	if (count > MODELS_MAX)
		count = MODELS_MAX;
	ids = arena_alloc(a, (*out_n + count) * sizeof(*ids));
	if (*out_n > 0)
		memcpy(ids, *out_ids, *out_n * sizeof(*ids));
	*out_n += read_ids(&doc, list, l->id, a, ids + *out_n);
	*out_ids = ids;
	json_fini(&doc);
	return 0;
}

int openai_decode_models(const struct provider *p, struct str body,
			 struct arena *a, struct str **out_ids, size_t *out_n)
{
	static const struct openai_list list = { STR_INIT("data"),
						 STR_INIT("id") };

	(void)p;
	return openai_decode_list(body, &list, a, out_ids, out_n);
}
