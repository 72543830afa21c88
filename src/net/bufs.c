#include "net/bufs.h"

#include <assert.h>
#include <stdlib.h>

void bufs_init(struct bufs *b, size_t size)
{
	assert(size > 0);
	*b = (struct bufs){ .size = size };
}

void bufs_fini(struct bufs *b)
{
	while (b->free_count > 0)
		free(b->free[--b->free_count]);
}

char *bufs_take(struct bufs *b)
{
	/* The newest: its bytes are still in the cache. */
	return b->free_count > 0 ? b->free[--b->free_count] : xmalloc(b->size);
}

void bufs_give(struct bufs *b, char *ptr)
{
	if (ptr != NULL && b->free_count < BUFS_FREE_MAX) {
		b->free[b->free_count++] = ptr;
	} else {
		free(ptr);
	}
}
