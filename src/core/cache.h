/*
 * cache - recordings that were read, kept for the next time; private to the
 * library.
 *
 *	c = cache_get(cache, path, &st);
 *	if (c == NULL)
 *		c = cache_add(cache, path, &st, &file);
 *	play(&c->file.recording);
 *	cache_unref(c);
 *
 * At most CACHE_BYTES of them, the ones that were asked for last.  A file that is
 * not what it was, by its size, times and place, is read anew.  Several threads
 * may call all of it; what they share is never changed.
 */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include "base/list.h"
#include "base/map.h"
#include "recording/file.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum {
	CACHE_BYTES = 64 << 20
};

struct cached {
	struct file file; /* not to be changed */
	/* Private. */
	_Atomic unsigned refs;
	struct stat st;
	struct str path; /* in the file's arena */
	struct list link;
	size_t bytes;
};

struct cache {
	pthread_mutex_t lock;
	struct map by_path;
	struct list used; /* the last one first */
	size_t bytes;
};

void cache_init(struct cache *c);
void cache_fini(struct cache *c); /* nothing of it is in use any more */

/* What was kept of that file, or NULL; st is of what is there now. */
struct cached *cache_get(struct cache *c, struct str path,
			 const struct stat *st);

/*
 * Takes file over; st is from before it was read, or NULL.  What is too large, has a part
 * in another file or has just been written is not kept, but lives until
 * cache_unref() like the others.
 */
struct cached *cache_add(struct cache *c, struct str path,
			 const struct stat *st, struct file *file);
void cache_unref(struct cached *c);

#endif
