#include "config/items.h"

#include "json/writer.h"

#include <assert.h>

enum {
	ITEMS_JSON_MAX = 64 << 20
};

struct str *items_split(struct arena *a, struct str text, size_t *out_count)
{
	size_t commas = 0, n = 0;
	struct str *items, one;

	for (size_t i = 0; i < text.len; i++)
		commas += text.ptr[i] == ',';
	items = arena_alloc(a, (commas + 1) * sizeof(*items));
	while (text.len > 0) {
		str_cut(text, ',', &one, &text);
		one = str_trim(one);
		if (one.len > 0)
			items[n++] = one;
	}
	*out_count = n;
	return items;
}

struct str items_join(struct arena *a, const struct str *items, size_t count)
{
	size_t len = 0, at = 0;
	char *text;

	for (size_t i = 0; i < count; i++)
		len += items[i].len + 1;
	text = arena_alloc(a, len);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			text[at++] = ',';
		if (items[i].len > 0)
			memcpy(text + at, items[i].ptr, items[i].len);
		at += items[i].len;
	}
	return (struct str){ text, at };
}

struct str items_json(struct arena *a, const struct str *items, size_t count,
		      bool is_map)
{
	struct json_writer w;
	struct str text;
	struct buf b;
	int r;

	buf_init(&b, ITEMS_JSON_MAX);
	json_writer_init(&w, &b);
	if (is_map) {
		json_object(&w);
	} else {
		json_array(&w);
	}
	for (size_t i = 0; i < count; i++) {
		if (is_map && i % 2 == 0) {
			json_member(&w, items[i]);
		} else {
			json_add_str(&w, items[i]);
		}
	}
	json_end(&w);
	r = json_writer_done(&w);
	assert(r == 0 && "the file's size bounds this");
	text = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return text;
}
