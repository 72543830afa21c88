/*
 * Any JSON as an upstream's answer to embeddings and to rerank: it is refused
 * with words, or what the client gets has the form that was asked for.  Asked
 * for both forms, the floats are the same; and what was answered once is right
 * as it is.
 */
#include "base/base64.h"
#include "llm/embeddings.h"
#include "llm/rerank.h"
#include "json/floats.h"

#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct json_limits limits = { .fold_numbers = true };

/* The client's answer to doc, in a, or "" when it is refused. */
static struct str answer_of(const struct json *doc, bool base64,
			    int (*make)(struct llm_answer *), struct arena *a)
{
	struct llm_request req = { .base64 = base64,
				   .item_count = 4,
				   .max_results = 2 };
	struct llm_answer answer = { .doc = doc,
				     .request = &req,
				     .model = STR("\"mine\""),
				     .arena = a };
	struct str text = STR_NULL;

	buf_init(&answer.out, 1 << 26);
	if (make(&answer) == 0) {
		text = arena_join(a, answer.pieces, answer.count);
		require(text.len > 0);
	} else {
		require(answer.bad.len > 0);
	}
	buf_fini(&answer.out);
	return text;
}

/* Bytes of an embedding in either form. */
static struct str floats_of(const struct json *doc, uint32_t v, struct arena *a)
{
	struct str bytes = STR_NULL;
	uint8_t *floats;

	if (json_type(doc, v) == JSON_STRING) {
		require(base64_read(json_string(doc, v, a), a, &bytes));
		return bytes;
	}
	require(json_type(doc, v) == JSON_ARRAY);
	floats = arena_alloc(a, json_count(doc, v) * sizeof(float) + 1);
	if (json_is_folded(doc, v))
		floats_read(json_raw(doc, v), floats);
	return (struct str){ (char *)floats,
			     json_count(doc, v) * sizeof(float) };
}

/* Numbers that are not finite have become null: no floats any more. */
static bool has_null(const struct json *doc, uint32_t v)
{
	return json_type(doc, v) == JSON_ARRAY && !json_is_folded(doc, v) &&
	       json_count(doc, v) > 0;
}

static void check_form(const struct json *doc, bool base64)
{
	uint32_t data = json_get(doc, 0, STR("data")), i = 0;

	require(json_is(doc, json_get(doc, 0, STR("model")), STR("mine")));
	require(json_type(doc, json_path(doc, 0, STR("usage.total_tokens"))) ==
		JSON_NUMBER);
	for (uint32_t v = json_first(doc, data); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t embedding = json_get(doc, v, STR("embedding"));
		int64_t index;

		require(json_type(doc, embedding) ==
			(base64 ? JSON_STRING : JSON_ARRAY));
		require(json_to_i64(doc, json_get(doc, v, STR("index")),
				    &index) &&
			index >= 0 && index < json_count(doc, data));
		i++;
	}
	require(i == json_count(doc, data));
}

static void check_same(const struct json *numbers, const struct json *coded,
		       struct arena *a)
{
	uint32_t x = json_first(numbers, json_get(numbers, 0, STR("data")));
	uint32_t y = json_first(coded, json_get(coded, 0, STR("data")));

	while (x != JSON_NONE && y != JSON_NONE) {
		uint32_t left = json_get(numbers, x, STR("embedding"));
		uint32_t right = json_get(coded, y, STR("embedding"));

		if (!has_null(numbers, left)) {
			struct str one = floats_of(numbers, left, a);
			struct str other = floats_of(coded, right, a);

			/* A text that is right already keeps its bytes. */
			require(str_eq(one, other));
		}
		x = json_next(numbers, x);
		y = json_next(coded, y);
	}
	require(x == JSON_NONE && y == JSON_NONE);
}

static void check_embeddings(const struct json *doc, struct arena *a)
{
	struct str one = answer_of(doc, false, embeddings_answer, a);
	struct str other = answer_of(doc, true, embeddings_answer, a);
	struct json numbers, coded;
	struct json_error bad;

	if (one.len > 0) {
		require(json_parse(one, &limits, &numbers, &bad) == 0);
		check_form(&numbers, false);
	}
	if (other.len > 0) {
		require(json_parse(other, &limits, &coded, &bad) == 0);
		check_form(&coded, true);
	}
	/* Base64 that passes as it is need not be that of floats. */
	if (one.len > 0 && other.len > 0)
		check_same(&numbers, &coded, a);
	if (other.len > 0) {
		require(str_eq(answer_of(&coded, true, embeddings_answer, a),
			       other));
		json_fini(&coded);
	}
	if (one.len > 0)
		json_fini(&numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str text = { (const char *)data, len }, ranking;
	struct json_error bad;
	struct json doc, ranked;
	struct arena a;

	if (json_parse(text, &limits, &doc, &bad) != 0)
		return 0;
	arena_init(&a, SIZE_MAX);
	if (json_type(&doc, 0) == JSON_OBJECT) {
		check_embeddings(&doc, &a);
		ranking = answer_of(&doc, false, rerank_answer, &a);
		if (ranking.len > 0) {
			require(json_parse(ranking, NULL, &ranked, &bad) == 0);
			require(json_count(&ranked,
					   json_get(&ranked, 0, STR("data"))) <=
				2);
			json_fini(&ranked);
		}
	}
	arena_fini(&a);
	json_fini(&doc);
	return 0;
}
