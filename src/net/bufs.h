/*
 * bufs - blocks of one size, kept for the next user.
 *
 *	bufs_init(&bufs, 64 * 1024);
 *	ptr = bufs_take(&bufs);
 *	bufs_give(&bufs, ptr);
 *	bufs_fini(&bufs);
 *
 * Thousands of streams wait at a time and few read: a stream holds a block only
 * while there are bytes in it.
 */
#ifndef NET_BUFS_H
#define NET_BUFS_H

#include "base/buf.h"

/* Free blocks beyond this go back to the heap. */
enum {
	BUFS_FREE_MAX = 16
};

struct bufs {
	void *free[BUFS_FREE_MAX];
	size_t free_count;
	size_t size; /* of each block */
};

void bufs_init(struct bufs *b, size_t size);
void bufs_fini(struct bufs *b);

char *bufs_take(struct bufs *b) __attribute__((returns_nonnull));

/* ptr may be NULL. */
void bufs_give(struct bufs *b, char *ptr);

#endif
