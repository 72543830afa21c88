#include "provider/openai.h"

#include "base/clock.h"
#include "base/err.h"

#include <errno.h>

/* Seconds would be of the year 5138. */
#define MILLISECONDS_FROM INT64_C(100000000000)

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

static int64_t created(const struct json *doc, uint32_t entry, struct arena *a)
{
	uint32_t v = json_get(doc, entry, STR("created"));
	int64_t n = 0;

	if (v == JSON_NONE)
		v = json_get(doc, entry, STR("created_at"));
	if (json_type(doc, v) == JSON_STRING)
		(void)clock_read(json_string(doc, v, a), &n);
	else if (!json_to_i64(doc, v, &n))
		n = 0;
	/* IBM counts milliseconds. */
	if (n > MILLISECONDS_FROM)
		n /= 1000;
	return n > 0 ? n : 0;
}

/* Together says type; OGX and quipu have it among their metadata. */
static struct str said_type(const struct json *doc, uint32_t entry)
{
	static const struct str members[] = {
		STR_INIT("type"),
		STR_INIT("model_type"),
		STR_INIT("custom_metadata.model_type"),
	};
	static const struct str types[] = { STR_INIT("llm"),
					    STR_INIT("embedding"),
					    STR_INIT("rerank") };

	for (size_t i = 0; i < countof(members); i++) {
		uint32_t v = json_path(doc, entry, members[i]);

		for (size_t j = 0; j < countof(types); j++) {
			if (json_type(doc, v) == JSON_STRING &&
			    json_is(doc, v, types[j]))
				return types[j];
		}
	}
	return STR_NULL;
}

static size_t read_entries(const struct json *doc, uint32_t array,
			   struct str key, struct arena *a,
			   struct provider_model *out)
{
	size_t n = 0;

	for (uint32_t v = json_first(doc, array);
	     v != JSON_NONE && n < MODELS_MAX; v = json_next(doc, v)) {
		uint32_t id = json_get(doc, v, key);
		struct str text;

		if (json_type(doc, id) != JSON_STRING)
			continue;
		text = json_string(doc, id, a);
		if (text.len == 0 || text.len > ID_MAX)
			continue;
		out[n++] = (struct provider_model){
			.id = arena_str(a, text),
			.type = said_type(doc, v),
			.created_s = created(doc, v, a),
		};
	}
	return n;
}

static struct str next_page(const struct json *doc, struct arena *a)
{
	uint32_t root = json_root(doc);
	uint32_t last = json_get(doc, root, STR("last_id"));

	if (json_type(doc, last) != JSON_STRING ||
	    !json_is_true(doc, json_get(doc, root, STR("has_more"))))
		return STR_NULL;
	return arena_str(a, str_take(json_string(doc, last, a), ID_MAX));
}

static void add_page(const struct json *doc, uint32_t list, struct str key,
		     struct arena *a, struct provider_models *out)
{
	uint32_t count = json_count(doc, list);
	struct provider_model *all;

	if (count > MODELS_MAX)
		count = MODELS_MAX;
	all = arena_alloc(a, (out->count + count) * sizeof(*all));
	if (out->count > 0)
		memcpy(all, out->items, out->count * sizeof(*all));
	out->items = all;
	out->count += read_entries(doc, list, key, a, all + out->count);
	out->next_page = next_page(doc, a);
}

int openai_decode_list(struct str body, const struct openai_list *l,
		       struct arena *a, struct provider_models *out)
{
	struct json doc;
	struct json_error bad;
	uint32_t list;

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
	add_page(&doc, list, l->id, a, out);
	json_fini(&doc);
	return 0;
}

int openai_decode_models(const struct provider *p, struct str body,
			 struct arena *a, struct provider_models *out)
{
	static const struct openai_list list = { STR_INIT("data"),
						 STR_INIT("id") };

	(void)p;
	return openai_decode_list(body, &list, a, out);
}
