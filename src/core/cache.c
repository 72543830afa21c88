#include "core/cache.h"

#include "base/clock.h"

#include <stdlib.h>

void cache_init(struct cache *c)
{
	*c = (struct cache){ .bytes = 0 };
	(void)pthread_mutex_init(&c->lock, NULL);
	list_init(&c->used);
}

/* Under the lock. */
static void drop(struct cache *c, struct cached *e)
{
	list_drop(&e->link);
	(void)map_drop(&c->by_path, e->path);
	c->bytes -= e->bytes;
	cache_unref(e);
}

void cache_fini(struct cache *c)
{
	list_for_each_safe(l, &c->used)
		drop(c, list_entry(l, struct cached, link));
	map_fini(&c->by_path);
	(void)pthread_mutex_destroy(&c->lock);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       is_same_time(&a->st_mtim, &b->st_mtim) &&
	       is_same_time(&a->st_ctim, &b->st_ctim);
}

struct cached *cache_get(struct cache *c, struct str path,
			 const struct stat *st)
{
	struct cached *e;

	(void)pthread_mutex_lock(&c->lock);
	e = map_get(&c->by_path, path);
	if (e != NULL && !is_same(&e->st, st)) {
		drop(c, e);
		e = NULL;
	}
	if (e != NULL) {
		(void)atomic_fetch_add(&e->refs, 1);
		list_drop(&e->link);
		list_add_first(&c->used, &e->link);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return e;
}

/* Times are coarse: what was written now may be written again unseen. */
static bool is_settled(const struct stat *st)
{
	return st->st_ctim.tv_sec + 1 < clock_wall() / CLOCK_S;
}

struct cached *cache_add(struct cache *c, struct str path,
			 const struct stat *st, struct file *file)
{
	struct cached *e = xcalloc(1, sizeof(*e));

	e->file = *file;
	if (st != NULL)
		e->st = *st;
	e->path = arena_str(&e->file.arena, path);
	e->bytes = e->file.arena.used + sizeof(*e);
	atomic_init(&e->refs, 1);
	list_init(&e->link);
	if (st == NULL || e->bytes > CACHE_BYTES ||
	    file->recording.response.sidecar.len > 0 || !is_settled(st))
		return e;
	(void)pthread_mutex_lock(&c->lock);
	/* Another thread may have read it at the same time. */
	if (map_get(&c->by_path, path) == NULL) {
		(void)atomic_fetch_add(&e->refs, 1);
		(void)map_put(&c->by_path, e->path, e);
		list_add_first(&c->used, &e->link);
		c->bytes += e->bytes;
	}
	while (c->bytes > CACHE_BYTES)
		drop(c, list_entry(c->used.prev, struct cached, link));
	(void)pthread_mutex_unlock(&c->lock);
	return e;
}

void cache_unref(struct cached *c)
{
	if (c == NULL || atomic_fetch_sub(&c->refs, 1) > 1)
		return;
	file_fini(&c->file);
	free(c);
}
