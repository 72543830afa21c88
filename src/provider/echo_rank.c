#include "provider/echo.h"

#include "llm/part.h"

enum {
	WORDS_MAX = 32 /* of a query: more are not looked for */
};

/* An image has no words. */
static struct str text_of(const struct json *doc, uint32_t v, struct arena *a)
{
	uint32_t text = part_text(doc, v);

	return text == JSON_NONE ? STR_NULL : json_string(doc, text, a);
}

static double score(struct str query, struct str item)
{
	int words = 0, found = 0;

	while (query.len > 0 && words < WORDS_MAX) {
		struct str word = str_take(query, echo_plan_piece(query));

		query = str_drop(query, word.len);
		word = str_trim(word);
		if (word.len == 0)
			continue;
		words++;
		found += str_find(item, word) < item.len;
	}
	return words > 0 ? (double)found / words : 0;
}

int echo_rank_write(const struct provider_request *req, struct arena *a,
		    struct buf *out)
{
	const struct json *doc = req->doc;
	uint32_t root = json_root(doc), i = 0;
	uint32_t items = json_get(doc, root, STR("items"));
	struct str query = text_of(doc, json_get(doc, root, STR("query")), a);
	int r = buf_add(out, STR("{\"results\":["));

	for (uint32_t v = json_first(doc, items); v != JSON_NONE && r == 0;
	     v = json_next(doc, v)) {
		struct arena_mark mark = arena_mark(a);

		r = buf_printf(out, "%s{\"index\":%u,\"relevance_score\":%.4g}",
			       i > 0 ? "," : "", i,
			       score(query, text_of(doc, v, a)));
		arena_rewind(a, mark);
		i++;
	}
	return r == 0 ? buf_add(out, STR("]}")) : r;
}
