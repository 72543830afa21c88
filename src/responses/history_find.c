#include "responses/history_find.h"

#include "responses/id.h"

/* PROMPT rows say which version is the default one. */
static struct str default_version(struct str body, struct arena *a)
{
	struct str version = STR_NULL;
	struct json_error error;
	struct json doc;

	if (json_parse(body, NULL, &doc, &error) != 0)
		return version;
	version =
		arena_str(a, json_raw(&doc, json_get(&doc, json_root(&doc),
						     STR("default_version"))));
	json_fini(&doc);
	return version;
}

int history_find_prompt(struct store *s, const struct history_ask *ask,
			struct arena *a, struct str *out)
{
	struct store_key key = { STORE_PROMPT, ask->owner, ask->prompt };
	struct str version = ask->version, parts[3];
	struct store_object row;
	int r = store_object_get(s, &key, a, &row);

	if (r != 0)
		return r;
	if (version.len == 0)
		version = default_version(row.body, a);
	parts[0] = ask->prompt;
	parts[1] = STR("/");
	parts[2] = version;
	key.kind = STORE_PROMPT_VERSION;
	key.id = arena_join(a, parts, 3);
	r = store_object_get(s, &key, a, &row);
	*out = row.body;
	return r;
}

/* The element of an array that has this id. */
static bool find_in(const struct json *doc, uint32_t array, struct str id,
		    struct str *out)
{
	for (uint32_t v = json_first(doc, array); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (!json_is(doc, json_get(doc, v, STR("id")), id))
			continue;
		*out = json_raw(doc, v);
		return true;
	}
	return false;
}

static bool find_in_text(struct str text, struct str path, struct str id,
			 struct str *out)
{
	struct json_error error;
	struct json doc;
	uint32_t array;
	bool found;

	if (text.len == 0 || json_parse(text, NULL, &doc, &error) != 0)
		return false;
	array = json_root(&doc);
	if (path.len > 0)
		array = json_get(&doc, array, path);
	found = find_in(&doc, array, id, out);
	json_fini(&doc);
	return found;
}

static bool find_in_row(const struct store_object *row, struct str id,
			struct str *out)
{
	return find_in_text(row->body, STR("output"), id, out) ||
	       find_in_text(row->input, STR_NULL, id, out);
}

static int find_in_conversation(struct store *s, struct history *h,
				const struct history_ask *ask, struct str id,
				struct str *out)
{
	struct str parts[] = { ask->conversation, STR("/"), id };
	struct store_key key = { STORE_ITEM, ask->owner,
				 arena_join(&h->arena, parts, countof(parts)) };
	struct store_object row;
	int r = store_object_get(s, &key, &h->arena, &row);

	*out = row.body;
	return r;
}

static int find_by_digits(struct store *s, struct history *h,
			  const struct history_ask *ask, struct str id,
			  struct str *out)
{
	struct store_key key = { STORE_RESPONSE, ask->owner, STR_NULL };
	struct store_object row;
	struct id response;
	int r;

	if (!id_response(id, &response))
		return STORE_UNKNOWN;
	key.id = arena_str(&h->arena, id_str(&response));
	r = store_object_get(s, &key, &h->arena, &row);
	if (r == 0 && !find_in_row(&row, id, out))
		r = STORE_UNKNOWN;
	return r;
}

int history_find_item(struct store *s, struct history *h,
		      const struct history_ask *ask, struct str id,
		      struct str *out)
{
	int r = STORE_UNKNOWN;

	for (size_t i = h->chain.count; i > 0; i--) {
		if (find_in_row(&h->chain.rows[i - 1], id, out))
			return 0;
	}
	if (ask->conversation.len > 0)
		r = find_in_conversation(s, h, ask, id, out);
	return r == STORE_UNKNOWN ? find_by_digits(s, h, ask, id, out) : r;
}
