#include "llm/rerank.h"

#include "llm/part.h"

#include <stdlib.h>

#define NO_MAX 1e300

enum member {
	MODEL,
	QUERY,
	ITEMS,
	MAX_NUM_RESULTS,
	MEMBER_COUNT,
};

static const struct field fields[MEMBER_COUNT + 1] = {
	[MODEL] = { STR_INIT("model"), FIELD_STR, .required = true,
		    .instead = "models" },
	[QUERY] = { STR_INIT("query"), FIELD_STR_OR_OBJECT, .required = true },
	[ITEMS] = { STR_INIT("items"), FIELD_ARRAY, .required = true },
	[MAX_NUM_RESULTS] = { STR_INIT("max_num_results"), FIELD_INT, false,
			      true, 1, NO_MAX },
};

static int check_items(const struct field_checker *c, uint32_t items)
{
	const struct field_path *path = FIELD_PATH(NULL, "items");
	uint32_t i = 0;
	int r = 0;

	if (json_count(c->doc, items) == 0)
		return field_empty_array(c, path);
	for (uint32_t v = json_first(c->doc, items); v != JSON_NONE && r == 0;
	     v = json_next(c->doc, v))
		r = part_check(c, FIELD_ELEMENT(path, i++), v);
	return r;
}

int rerank_check(const struct json *doc, struct arena *a,
		 struct llm_request *out, struct api_error *e)
{
	struct field_checker c = { doc, a, e };
	uint32_t at[MEMBER_COUNT];
	int64_t most;
	int r = field_check_object(&c, json_root(doc));

	if (r != 0)
		return r;
	field_find(doc, json_root(doc), fields, at);
	r = field_check(&c, fields, at, NULL);
	if (r == 0)
		r = field_check_model(&c, at[MODEL]);
	if (r == 0)
		r = part_check(&c, FIELD_PATH(NULL, "query"), at[QUERY]);
	if (r == 0)
		r = check_items(&c, at[ITEMS]);
	if (r != 0)
		return r;
	*out = (struct llm_request){
		.model = json_string(doc, at[MODEL], a),
		.item_count = json_count(doc, at[ITEMS]),
		.max_results = UINT32_MAX,
	};
	if (json_to_i64(doc, at[MAX_NUM_RESULTS], &most) && most < UINT32_MAX)
		out->max_results = (uint32_t)most;
	return 0;
}

struct result {
	int64_t index;
	double score;
	struct str text; /* of the score */
};

/* The member that goes by one of several names. */
static uint32_t find(const struct json *doc, uint32_t object,
		     const struct str *names, size_t count)
{
	uint32_t v = JSON_NONE;

	for (size_t i = 0; i < count && v == JSON_NONE; i++)
		v = json_get(doc, object, names[i]);
	return v;
}

static bool read_result(const struct llm_answer *a, uint32_t v,
			struct result *out)
{
	static const struct str names[] = {
		STR_INIT("relevance_score"),
		STR_INIT("score"),
		STR_INIT("logit"),
	};
	uint32_t score = find(a->doc, v, names, countof(names));

	out->text = json_raw(a->doc, score);
	return json_to_i64(a->doc, json_get(a->doc, v, STR("index")),
			   &out->index) &&
	       out->index >= 0 && out->index < a->request->item_count &&
	       json_to_double(a->doc, score, &out->score);
}

/* The best first; of equals the one that came first. */
static int by_score(const void *a, const void *b)
{
	const struct result *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int write_results(struct llm_answer *a, const struct result *results,
			 size_t count)
{
	int r = buf_add(&a->out, STR("{\"data\":["));

	for (size_t i = 0; i < count && r == 0; i++) {
		r = buf_printf(&a->out,
			       "%s{\"index\":%lld,\"relevance_score\":" STR_FMT
			       "}",
			       i > 0 ? "," : "", (long long)results[i].index,
			       STR_ARG(results[i].text));
	}
	return r == 0 ? buf_add(&a->out, STR("]}")) : r;
}

int rerank_answer(struct llm_answer *a)
{
	static const struct str names[] = {
		STR_INIT("results"),
		STR_INIT("data"),
		STR_INIT("rankings"),
	};
	uint32_t list = find(a->doc, json_root(a->doc), names, countof(names));
	uint32_t count = json_count(a->doc, list), i = 0;
	struct result *results;

	if (json_type(a->doc, list) != JSON_ARRAY) {
		a->bad = STR("JSON that has no list of results.");
		return API_FAIL;
	}
	results = xcalloc((size_t)count + 1, sizeof(*results));
	for (uint32_t v = json_first(a->doc, list);
	     v != JSON_NONE && read_result(a, v, &results[i]);
	     v = json_next(a->doc, v))
		i++;
	qsort(results, i, sizeof(*results), by_score);
	if (i < count) {
		a->bad = arena_printf(a->arena,
				      "JSON whose result %u has not the index "
				      "of an item and a score.",
				      i);
	} else if (write_results(a, results,
				 i < a->request->max_results
					 ? i
					 : a->request->max_results) < 0) {
		a->bad = STR("too long a list of results.");
	}
	free(results);
	a->pieces[0] = buf_str(&a->out);
	a->count = 1;
	return a->bad.len == 0 ? 0 : API_FAIL;
}
