/*
 * block - waiting for a descriptor on a thread that has no loop.
 *
 *	r = block_until(fd, BLOCK_READ | BLOCK_WRITE, deadline, &ready);
 *
 * For libraries that want to be told when their socket is ready, on threads that
 * may block.  Never on a loop's thread.
 */
#ifndef IO_BLOCK_H
#define IO_BLOCK_H

#include "base/str.h"

enum {
	BLOCK_READ = 1,
	BLOCK_WRITE = 2
};

/*
 * Wait until fd is ready for one of what is asked for, which *out_ready tells;
 * a descriptor with an error or without a peer is ready for all.  0, -ETIMEDOUT
 * at the deadline (a deadline that has passed only looks), -errno.
 */
must_check int block_until(int fd, unsigned events, int64_t deadline_ns,
			   unsigned *out_ready);

#endif
