/*
 * page - which part of a list a request asks for.
 *
 *	struct page_usual usual = { 20, .newest_first = true };
 *
 *	r = page_read(c->req->query, &usual, &c->req->arena, &q, &e);
 *
 * The query of OpenAI's lists: after, before, limit, order, model and
 * metadata[KEY]=VALUE.  What it does not know it passes over, as there are
 * proxies that add words of their own; an empty value counts as absent, but for
 * metadata's.
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "llm/error.h"
#include "store/store.h"
#include "json/writer.h"

/* What is meant when the query does not say. */
struct page_usual {
	unsigned limit;
	bool newest_first;
};

/*
 * Read it.  Returns 0 with texts in the query or in a and no owner, or API_FAIL:
 * 400 with the parameter's name.
 */
must_check int page_read(struct str query, const struct page_usual *usual,
			 struct arena *a, struct store_query *out,
			 struct api_error *e);

/* The same query with its texts in a. */
struct store_query page_copy(const struct store_query *q, struct arena *a);

/*
 * Rows [first, first + count) of total rows in the page's order, when the
 * cursor stands on row at: SIZE_MAX for none.
 */
struct page_span {
	size_t first, count;
	bool has_more; /* in the direction of the walk */
};
struct page_span page_span(const struct store_query *q, size_t at,
			   size_t total);

/*
 * OpenAI's list: page_begin(), the elements, page_end() with the ids of the first
 * and the last, "" without any.
 */
void page_begin(struct json_writer *w);
void page_end(struct json_writer *w, struct str first, struct str last,
	      bool has_more);

#endif
