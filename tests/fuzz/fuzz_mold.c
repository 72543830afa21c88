/*
 * Two texts, a line each: when a mold of the first fits the second, that one is
 * JSON of the same structure, and the value asked for is where the mold says.
 */
#include "tests/fuzz/require.h"
#include "json/mold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void same(const struct json *a, const struct json *b)
{
	require(a->node_count == b->node_count);
	for (uint32_t v = 0; v < a->node_count; v++) {
		uint32_t key = json_key(a, v);

		require(json_type(a, v) == json_type(b, v));
		require(json_next(a, v) == json_next(b, v));
		require(key == json_key(b, v));
		require(str_eq(json_raw(a, key), json_raw(b, key)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len }, made, text, raw;
	struct json_error bad;
	struct json doc, other;
	struct mold m = { 0 };
	uint32_t v;

	(void)str_cut(all, '\n', &made, &text);
	if (json_parse(made, NULL, &doc, &bad) != 0)
		return 0;
	v = json_get(&doc, json_root(&doc), STR("model"));
	if (json_type(&doc, v) == JSON_STRING)
		mold_make(&m, &doc, v);
	if (mold_fits(&m, text, &raw)) {
		require(json_parse(text, NULL, &other, &bad) == 0);
		same(&doc, &other);
		require(raw.ptr == json_raw(&other, v).ptr);
		require(raw.len == json_raw(&other, v).len);
		json_fini(&other);
	}
	json_fini(&doc);
	return 0;
}
