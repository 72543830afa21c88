#include "responses/convert_part.h"

#include "base/base64.h"
#include "http/url.h"
#include "llm/field.h"

#define UNKNOWN_TYPE STR("application/octet-stream")

/* What a file is, by the end of its name. */
static struct str type_of_name(struct str name)
{
	static const struct {
		struct str end, type;
	} types[] = {
		{ STR_INIT(".txt"), STR_INIT("text/plain") },
		{ STR_INIT(".md"), STR_INIT("text/markdown") },
		{ STR_INIT(".csv"), STR_INIT("text/csv") },
		{ STR_INIT(".html"), STR_INIT("text/html") },
		{ STR_INIT(".htm"), STR_INIT("text/html") },
		{ STR_INIT(".css"), STR_INIT("text/css") },
		{ STR_INIT(".xml"), STR_INIT("text/xml") },
		{ STR_INIT(".py"), STR_INIT("text/x-python") },
		{ STR_INIT(".c"), STR_INIT("text/plain") },
		{ STR_INIT(".h"), STR_INIT("text/plain") },
		{ STR_INIT(".js"), STR_INIT("text/javascript") },
		{ STR_INIT(".json"), STR_INIT("application/json") },
		{ STR_INIT(".pdf"), STR_INIT("application/pdf") },
		{ STR_INIT(".doc"), STR_INIT("application/msword") },
		{ STR_INIT(".zip"), STR_INIT("application/zip") },
		{ STR_INIT(".png"), STR_INIT("image/png") },
		{ STR_INIT(".jpg"), STR_INIT("image/jpeg") },
		{ STR_INIT(".jpeg"), STR_INIT("image/jpeg") },
		{ STR_INIT(".gif"), STR_INIT("image/gif") },
		{ STR_INIT(".webp"), STR_INIT("image/webp") },
		{ STR_INIT(".svg"), STR_INIT("image/svg+xml") },
		{ STR_INIT(".mp3"), STR_INIT("audio/mpeg") },
		{ STR_INIT(".wav"), STR_INIT("audio/x-wav") },
		{ STR_INIT(".mp4"), STR_INIT("video/mp4") },
	};

	for (size_t i = 0; i < countof(types); i++) {
		struct str end = types[i].end;

		if (name.len >= end.len &&
		    str_eq_nocase(str_drop(name, name.len - end.len), end))
			return types[i].type;
	}
	return UNKNOWN_TYPE;
}

static struct str text_of(const struct json *doc, uint32_t part,
			  struct str name, struct arena *a)
{
	uint32_t v = field_get(doc, part, name);

	return v != JSON_NONE ? json_string(doc, v, a) : STR_NULL;
}

/* Its data as a data URL, or the URL where it is. */
static struct str file_url(const struct json *doc, uint32_t part,
			   struct arena *a)
{
	struct str data = text_of(doc, part, STR("file_data"), a);
	struct str name = text_of(doc, part, STR("filename"), a);

	if (data.len == 0)
		return text_of(doc, part, STR("file_url"), a);
	if (str_starts(data, STR("data:")))
		return data;
	return arena_join(a,
			  (struct str[]){ STR("data:"), type_of_name(name),
					  STR(";base64,"), data },
			  4);
}

static void put_text(struct json_writer *w, const struct json *doc,
		     uint32_t text)
{
	json_object(w);
	json_member_str(w, STR("type"), STR("text"));
	json_member_raw(w, STR("text"), json_raw(doc, text));
	json_end(w);
}

static void put_image(struct json_writer *w, const struct json *doc,
		      uint32_t part)
{
	uint32_t detail = field_get(doc, part, STR("detail"));

	json_object(w);
	json_member_str(w, STR("type"), STR("image_url"));
	json_member(w, STR("image_url"));
	json_object(w);
	json_member_raw(w, STR("url"),
			json_raw(doc, json_get(doc, part, STR("image_url"))));
	json_member_raw(w, STR("detail"),
			detail != JSON_NONE ? json_raw(doc, detail)
					    : STR("\"auto\""));
	json_end(w);
	json_end(w);
}

static void put_file(struct json_writer *w, const struct json *doc,
		     uint32_t part, struct arena *a)
{
	uint32_t name = field_get(doc, part, STR("filename"));

	json_object(w);
	json_member_str(w, STR("type"), STR("file"));
	json_member(w, STR("file"));
	json_object(w);
	json_member_str(w, STR("file_data"), file_url(doc, part, a));
	if (name != JSON_NONE)
		json_member_raw(w, STR("filename"), json_raw(doc, name));
	json_end(w);
	json_end(w);
}

static bool is_file(const struct json *doc, uint32_t part)
{
	return json_is(doc, json_get(doc, part, STR("type")),
		       STR("input_file"));
}

bool convert_part_is_image(const struct json *doc, uint32_t part)
{
	return json_is(doc, json_get(doc, part, STR("type")),
		       STR("input_image"));
}

/* What was refused was said: not all upstreams have a part for it. */
static uint32_t words_of(const struct json *doc, uint32_t part)
{
	uint32_t type = json_get(doc, part, STR("type"));

	return json_get(doc, part,
			json_is(doc, type, STR("refusal")) ? STR("refusal")
							   : STR("text"));
}

void convert_part(struct json_writer *w, const struct json *doc, uint32_t part,
		  struct arena *a)
{
	if (convert_part_is_image(doc, part)) {
		put_image(w, doc, part);
	} else if (is_file(doc, part)) {
		put_file(w, doc, part, a);
	} else {
		put_text(w, doc, words_of(doc, part));
	}
}

/* The text that a data URL of the type text/... holds; else the URL. */
static struct str text_of_url(struct str url, struct arena *a)
{
	struct str head, data, text;

	if (!str_starts(url, STR("data:text/")) ||
	    !str_cut(url, ',', &head, &data))
		return url;
	if (str_ends(head, STR(";base64")))
		return base64_read(data, a, &text) ? text : url;
	return url_decode(data, a, &text) == 0 ? text : url;
}

void convert_part_texts(struct json_writer *w, const struct json *doc,
			uint32_t parts, struct arena *a)
{
	for (uint32_t v = json_first(doc, parts); v != JSON_NONE;
	     v = json_next(doc, v)) {
		if (is_file(doc, v)) {
			json_object(w);
			json_member_str(w, STR("type"), STR("text"));
			json_member_str(w, STR("text"),
					text_of_url(file_url(doc, v, a), a));
			json_end(w);
		} else if (!convert_part_is_image(doc, v)) {
			put_text(w, doc, words_of(doc, v));
		}
	}
}
