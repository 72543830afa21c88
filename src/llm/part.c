#include "llm/part.h"

static int check_image(const struct field_checker *c,
		       const struct field_path *path, uint32_t v)
{
	static const struct field in_image[] = {
		{ STR_INIT("image_url"), FIELD_OBJECT, .required = true },
		{ { 0 } },
	};
	static const struct field in_url[] = {
		{ STR_INIT("url"), FIELD_STR, .required = true },
		{ { 0 } },
	};
	const struct field_path url_path = { path, "image_url", 0 };
	uint32_t at[1], url[1];
	int r;

	field_find(c->doc, v, in_image, at);
	r = field_check(c, in_image, at, path);
	if (r != 0)
		return r;
	field_find(c->doc, at[0], in_url, url);
	return field_check(c, in_url, url, &url_path);
}

int part_check(const struct field_checker *c, const struct field_path *path,
	       uint32_t v)
{
	static const struct field in_part[] = {
		{ STR_INIT("type"), FIELD_STR, .required = true },
		{ STR_INIT("text"), FIELD_STR },
		{ { 0 } },
	};
	const struct field_path type_path = { path, "type", 0 };
	const struct field_path text_path = { path, "text", 0 };
	uint32_t at[2];
	int r;

	if (json_type(c->doc, v) == JSON_STRING)
		return 0;
	if (json_type(c->doc, v) != JSON_OBJECT) {
		return field_wrong_type(c, path, v,
					"a string, a text part or an image "
					"part");
	}
	field_find(c->doc, v, in_part, at);
	r = field_check(c, in_part, at, path);
	if (r != 0)
		return r;
	if (json_is(c->doc, at[0], STR("image_url")))
		return check_image(c, path, v);
	if (!json_is(c->doc, at[0], STR("text"))) {
		return field_bad_value(c, &type_path, at[0],
				       "'text' and 'image_url'");
	}
	return at[1] == JSON_NONE ? field_missing(c, &text_path) : 0;
}

uint32_t part_text(const struct json *doc, uint32_t v)
{
	if (json_type(doc, v) == JSON_STRING)
		return v;
	if (!json_is(doc, json_get(doc, v, STR("type")), STR("text")))
		return JSON_NONE;
	return json_get(doc, v, STR("text"));
}
