#include "provider/rerank.h"

#include "llm/part.h"

#include <assert.h>

/* What stands around each text of a list. */
struct form {
	struct str before, after;
};

static int no_images(const struct provider_request *req, struct arena *a,
		     struct str where, struct api_error *e)
{
	(void)api_fail(e, a, 400, NULL, NULL,
		       "'" STR_FMT "' is an image, but the provider of model "
		       "'" STR_FMT "' ranks only texts.",
		       STR_ARG(where), STR_ARG(req->model));
	e->param = where;
	e->code = STR("invalid_value");
	return API_FAIL;
}

static int read_query(const struct provider_request *req, struct arena *a,
		      struct str *out, struct api_error *e)
{
	const struct json *doc = req->doc;
	uint32_t v =
		part_text(doc, json_get(doc, json_root(doc), STR("query")));

	if (v == JSON_NONE)
		return no_images(req, a, STR("query"), e);
	*out = json_raw(doc, v);
	return 0;
}

/* Where a list of count texts is written: the sum of its parts, in a. */
static char *make_room(const struct json *doc, uint32_t items,
		       const struct form *form, struct arena *a)
{
	size_t count = json_count(doc, items);

	/* No text is longer than its part. */
	return arena_alloc(a, json_raw(doc, items).len + 2 +
				      count * (form->before.len +
					       form->after.len + 1));
}

static char *put(char *to, struct str s)
{
	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	return to + s.len;
}

/* The array of the items' texts, each in its form. */
static int read_items(const struct provider_request *req,
		      const struct form *form, struct arena *a, struct str *out,
		      struct api_error *e)
{
	const struct json *doc = req->doc;
	uint32_t items = json_get(doc, json_root(doc), STR("items")), i = 0;
	char *text = make_room(doc, items, form, a), *to = text;

	*to++ = '[';
	for (uint32_t v = json_first(doc, items); v != JSON_NONE;
	     v = json_next(doc, v)) {
		uint32_t item = part_text(doc, v);

		if (item == JSON_NONE) {
			return no_images(req, a,
					 arena_printf(a, "items[%u]", i), e);
		}
		if (i++ > 0)
			*to++ = ',';
		to = put(to, form->before);
		to = put(to, json_raw(doc, item));
		to = put(to, form->after);
	}
	*to++ = ']';
	*out = (struct str){ text, (size_t)(to - text) };
	return 0;
}

static void add(struct provider_call *out, struct str piece)
{
	assert(out->piece_count < countof(out->pieces));
	out->pieces[out->piece_count++] = piece;
	out->body_len += piece.len;
}

int rerank_body(const struct provider_request *req, struct arena *a,
		struct provider_call *out, struct api_error *e)
{
	const struct json *doc = req->doc;
	uint32_t most = json_get(doc, json_root(doc), STR("max_num_results"));
	struct str query, items;
	int64_t count;
	int r = read_query(req, a, &query, e);

	if (r == 0)
		r = read_items(req, &(struct form){ STR_NULL, STR_NULL }, a,
			       &items, e);
	if (r != 0)
		return r;
	add(out, STR("{\"model\":"));
	add(out, json_quoted(a, req->model));
	add(out, STR(",\"query\":"));
	add(out, query);
	add(out, STR(",\"documents\":"));
	add(out, items);
	if (json_to_i64(doc, most, &count)) {
		add(out, arena_printf(a, ",\"top_n\":%lld", (long long)count));
	}
	add(out, STR("}"));
	return 0;
}

int rerank_nvidia_body(const struct provider_request *req, struct arena *a,
		       struct provider_call *out, struct api_error *e)
{
	const struct form form = { STR("{\"text\":"), STR("}") };
	struct str query, items;
	int r = read_query(req, a, &query, e);

	if (r == 0)
		r = read_items(req, &form, a, &items, e);
	if (r != 0)
		return r;
	add(out, STR("{\"model\":"));
	add(out, json_quoted(a, req->model));
	add(out, STR(",\"query\":{\"text\":"));
	add(out, query);
	add(out, STR("},\"passages\":"));
	add(out, items);
	add(out, STR("}"));
	return 0;
}
