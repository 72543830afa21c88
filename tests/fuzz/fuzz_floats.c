/*
 * Any text: folded or not, it is the same JSON, and a folded array's floats are
 * those that libc reads one by one.  Any bytes as floats: what is written reads
 * back as the same.
 */
#include "json/floats.h"
#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint32_t bits_of(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

static float slow_float(struct str raw)
{
	char *text = xmalloc(raw.len + 1);
	float f;

	memcpy(text, raw.ptr, raw.len);
	text[raw.len] = '\0';
	f = strtof(text, NULL);
	free(text);
	return f;
}

static void check_floats(const struct json *doc, uint32_t array,
			 const uint8_t *floats)
{
	for (uint32_t v = json_first(doc, array); v != JSON_NONE;
	     v = json_next(doc, v)) {
		float got;

		memcpy(&got, floats, sizeof(got));
		require(bits_of(got) == bits_of(slow_float(json_raw(doc, v))));
		floats += sizeof(got);
	}
}

/* Both tapes, side by side. */
static void check_value(const struct json *plain, uint32_t a,
			const struct json *folded, uint32_t b)
{
	struct str raw = json_raw(plain, a);
	uint8_t *floats;

	require(json_type(plain, a) == json_type(folded, b));
	require(json_count(plain, a) == json_count(folded, b));
	require(json_raw(folded, b).ptr == raw.ptr &&
		json_raw(folded, b).len == raw.len);
	if (json_is_folded(folded, b)) {
		require(json_first(folded, b) == JSON_NONE);
		floats = xmalloc(json_count(folded, b) * sizeof(float));
		floats_read(raw, floats);
		check_floats(plain, a, floats);
		free(floats);
		return;
	}
	a = json_first(plain, a);
	b = json_first(folded, b);
	for (; a != JSON_NONE; a = json_next(plain, a)) {
		check_value(plain, a, folded, b);
		b = json_next(folded, b);
	}
	require(b == JSON_NONE);
}

static void check_text(struct str text)
{
	struct json_limits fold = { .fold_numbers = true };
	struct json plain, folded;
	struct json_error bad, other;
	int r = json_parse(text, NULL, &plain, &bad);

	require(json_parse(text, &fold, &folded, &other) == r);
	if (r == 0) {
		check_value(&plain, json_root(&plain), &folded,
			    json_root(&folded));
		json_fini(&plain);
		json_fini(&folded);
	} else {
		require(bad.offset == other.offset && bad.what == other.what);
	}
}

static void check_bytes(const uint8_t *data, size_t count)
{
	struct json doc;
	struct json_error bad;
	struct buf out;
	uint32_t v;

	buf_init(&out, 1 << 30);
	require(floats_write(&out, data, count) == 0);
	require(json_parse(buf_str(&out), NULL, &doc, &bad) == 0);
	require(json_count(&doc, 0) == count);
	v = json_first(&doc, 0);
	for (size_t i = 0; i < count; i++) {
		float f;

		memcpy(&f, data + i * sizeof(f), sizeof(f));
		if (isfinite(f)) {
			float back = slow_float(json_raw(&doc, v));

			require(bits_of(f) == bits_of(back));
		} else {
			require(json_type(&doc, v) == JSON_NULL);
		}
		v = json_next(&doc, v);
	}
	json_fini(&doc);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	check_text((struct str){ (const char *)data, len });
	check_bytes(data, len / sizeof(float));
	return 0;
}
