#include "net/pool.h"

#include "base/counter.h"

#include <assert.h>
#include <stdlib.h>

/*
 * Close this long before the peer said it would: a request sent at the same
 * moment would be lost.
 */
#define PEER_MARGIN_NS CLOCK_S

struct pool_origin {
	struct list idle; /* of struct conn, newest first */
	size_t count;
	size_t id_len;
	char id[]; /* the map's key */
};

void pool_init(struct pool *p, size_t max, int64_t idle_ns)
{
	*p = (struct pool){ .max = max, .idle_ns = idle_ns };
}

static void drop(struct pool *p, struct pool_origin *o, struct conn *c)
{
	list_drop(&c->link);
	assert(o->count > 0 && p->idle > 0);
	o->count--;
	counter_sub(&p->idle, 1);
}

static void drop_all(struct pool *p, struct pool_origin *o)
{
	while (!list_is_empty(&o->idle)) {
		struct conn *c = list_entry(o->idle.next, struct conn, link);

		drop(p, o, c);
		conn_free(c);
	}
}

void pool_fini(struct pool *p)
{
	const struct map_entry *e;
	size_t at = 0;

	while ((e = map_next(&p->origins, &at)) != NULL) {
		drop_all(p, e->value);
		free(e->value);
	}
	assert(p->idle == 0);
	map_fini(&p->origins);
}

static bool is_fresh(const struct conn *c, int64_t now_ns)
{
	return now_ns < c->idle_until_ns &&
	       (io_ready(c->io) & ~(unsigned)IO_WRITABLE) == 0;
}

struct conn *pool_take(struct pool *p, struct str id, int64_t now_ns)
{
	struct pool_origin *o = map_get(&p->origins, id);

	while (o != NULL && !list_is_empty(&o->idle)) {
		struct conn *c = list_entry(o->idle.next, struct conn, link);

		drop(p, o, c);
		if (is_fresh(c, now_ns))
			return c;
		conn_free(c);
	}
	return NULL;
}

static struct pool_origin *origin_get(struct pool *p, struct str id)
{
	struct pool_origin *o = map_get(&p->origins, id);

	if (o != NULL)
		return o;
	o = xmalloc(sizeof(*o) + id.len);
	*o = (struct pool_origin){ .id_len = id.len };
	list_init(&o->idle);
	if (id.len > 0)
		memcpy(o->id, id.ptr, id.len);
	(void)map_put(&p->origins, (struct str){ o->id, id.len }, o);
	return o;
}

static int64_t idle_time(const struct pool *p, const struct conn *c)
{
	int64_t peer_ns = c->peer_keeps_ns - PEER_MARGIN_NS;

	if (c->peer_keeps_ns == 0 || peer_ns > p->idle_ns)
		return p->idle_ns;
	return peer_ns;
}

void pool_put(struct pool *p, struct str id, struct conn *c, int64_t now_ns)
{
	int64_t idle_ns = idle_time(p, c);
	struct pool_origin *o;

	if (p->max == 0 || idle_ns <= 0) {
		conn_free(c);
		return;
	}
	o = origin_get(p, id);
	if (o->count == p->max) {
		struct conn *oldest =
			list_entry(o->idle.prev, struct conn, link);

		drop(p, o, oldest);
		conn_free(oldest);
	}
	c->idle_until_ns =
		idle_ns < CLOCK_NEVER - now_ns ? now_ns + idle_ns : CLOCK_NEVER;
	list_add_first(&o->idle, &c->link);
	o->count++;
	counter_add(&p->idle, 1);
}

static void sweep_origin(struct pool *p, struct pool_origin *o, int64_t now_ns)
{
	list_for_each_safe(l, &o->idle) {
		struct conn *c = list_entry(l, struct conn, link);

		if (is_fresh(c, now_ns))
			continue;
		drop(p, o, c);
		conn_free(c);
	}
}

void pool_sweep(struct pool *p, int64_t now_ns)
{
	const struct map_entry *e;
	struct pool_origin *empty;

	/* Dropping moves entries about: look again from the start. */
	do {
		size_t at = 0;

		empty = NULL;
		while (empty == NULL &&
		       (e = map_next(&p->origins, &at)) != NULL) {
			struct pool_origin *o = e->value;

			sweep_origin(p, o, now_ns);
			if (o->count == 0)
				empty = o;
		}
		if (empty != NULL) {
			struct str id = { empty->id, empty->id_len };

			(void)map_drop(&p->origins, id);
			free(empty);
		}
	} while (empty != NULL);
}
