#include "llm/image.h"

static bool is_elsewhere(const struct json *doc, uint32_t v)
{
	struct str text = json_raw(doc, v);

	if (json_type(doc, v) != JSON_STRING)
		return false;
	text = str_drop(text, 1);
	/* An escaped slash or letter is nobody's way to write a URL. */
	return str_eq_nocase(str_take(text, 5), STR("http:")) ||
	       str_eq_nocase(str_take(text, 6), STR("https:"));
}

/* The URL of a part, or JSON_NONE. */
static uint32_t url_of(const struct json *doc, uint32_t part, bool *is_bare)
{
	uint32_t v = json_get(doc, part, STR("image_url"));

	if (!json_is(doc, json_get(doc, part, STR("type")), STR("image_url")))
		return JSON_NONE;
	*is_bare = json_type(doc, v) == JSON_STRING;
	if (!*is_bare)
		v = json_get(doc, v, STR("url"));
	return is_elsewhere(doc, v) ? v : JSON_NONE;
}

/* Where found images go. */
struct found {
	struct image_ref *out;
	size_t max, count;
	uint32_t message;
};

static void find_in(const struct json *doc, uint32_t content, struct found *f)
{
	uint32_t part = 0;

	if (json_type(doc, content) != JSON_ARRAY)
		return;
	for (uint32_t v = json_first(doc, content); v != JSON_NONE;
	     v = json_next(doc, v), part++) {
		struct image_ref ref = { .message = f->message, .part = part };

		ref.url = url_of(doc, v, &ref.is_bare);
		if (ref.url == JSON_NONE)
			continue;
		if (f->count < f->max)
			f->out[f->count] = ref;
		f->count++;
	}
}

size_t image_find(const struct json *doc, struct image_ref *out, size_t max)
{
	uint32_t messages = json_get(doc, json_root(doc), STR("messages"));
	struct found f = { .out = out, .max = max };

	if (json_type(doc, messages) != JSON_ARRAY)
		return 0;
	for (uint32_t v = json_first(doc, messages); v != JSON_NONE;
	     v = json_next(doc, v), f.message++)
		find_in(doc, json_get(doc, v, STR("content")), &f);
	return f.count;
}

struct str image_path(const struct image_ref *ref, struct arena *a)
{
	return arena_printf(a, "messages[%u].content[%u].image_url%s",
			    ref->message, ref->part,
			    ref->is_bare ? "" : ".url");
}

struct str image_type(struct str bytes)
{
	static const struct {
		struct str begin, type;
	} types[] = {
		{ STR_INIT("\x89PNG\r\n\x1a\n"), STR_INIT("image/png") },
		{ STR_INIT("\xff\xd8\xff"), STR_INIT("image/jpeg") },
		{ STR_INIT("GIF87a"), STR_INIT("image/gif") },
		{ STR_INIT("GIF89a"), STR_INIT("image/gif") },
	};

	for (size_t i = 0; i < countof(types); i++) {
		if (str_starts(bytes, types[i].begin))
			return types[i].type;
	}
	if (str_starts(bytes, STR("RIFF")) &&
	    str_starts(str_drop(bytes, 8), STR("WEBP")))
		return STR("image/webp");
	return STR_NULL;
}
