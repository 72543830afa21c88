#include "store/walk.h"

#include <errno.h>

/* A page of rows as they mostly are; one that is larger comes alone. */
enum {
	ROWS = 100,
	PAGE_BYTES = 4 << 20,
	ROW_BYTES = STORE_ROW_BYTES_MAX * 2 + (1 << 20),
};

static int read_page(struct store *s, struct store_query *q, struct arena *a,
		     struct store_page *out)
{
	int r;

	a->max = PAGE_BYTES;
	q->limit = ROWS;
	r = store_list(s, q, a, out);
	if (r != -EMSGSIZE)
		return r;
	arena_reset(a);
	a->max = ROW_BYTES;
	q->limit = 1;
	return store_list(s, q, a, out);
}

int store_walk(struct store *s, const struct store_query *q,
	       int (*fn)(void *arg, const struct store_completion *row),
	       void *arg)
{
	struct store_query query = *q;
	struct store_page page = { .has_more = true };
	struct arena a;
	int r = 0;

	arena_init(&a, PAGE_BYTES);
	while (r == 0 && page.has_more) {
		arena_reset(&a);
		r = read_page(s, &query, &a, &page);
		for (size_t i = 0; r == 0 && i < page.count; i++) {
			query.after_seq = page.rows[i].seq;
			r = fn(arg, &page.rows[i]);
		}
	}
	arena_fini(&a);
	return r;
}

static int read_objects(struct store *s, struct store_objects_query *q,
			struct arena *a, struct store_objects *out)
{
	int r;

	a->max = PAGE_BYTES;
	q->limit = ROWS;
	r = store_object_list(s, q, a, out);
	if (r != -EMSGSIZE)
		return r;
	arena_reset(a);
	a->max = ROW_BYTES;
	q->limit = 1;
	return store_object_list(s, q, a, out);
}

int store_walk_objects(struct store *s, const struct store_query *q,
		       int (*fn)(void *arg, const struct store_object *row),
		       void *arg)
{
	struct store_query walk = *q;
	struct store_objects_query query = { .walk = &walk };
	struct store_objects page = { .has_more = true };
	struct arena a;
	int r = 0;

	arena_init(&a, PAGE_BYTES);
	while (r == 0 && page.has_more) {
		arena_reset(&a);
		r = read_objects(s, &query, &a, &page);
		for (size_t i = 0; r == 0 && i < page.count; i++) {
			walk.after_seq = page.rows[i].seq;
			r = fn(arg, &page.rows[i]);
		}
	}
	arena_fini(&a);
	return r;
}
