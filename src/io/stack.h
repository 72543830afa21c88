/*
 * stack - memory for tasks to run on.
 *
 * A stack is STACK_SIZE bytes of address space above a page that faults, so an
 * overflow ends the program instead of changing somebody's data.  Pages are
 * touched as they are used.  Each loop keeps some stacks for the next tasks.
 */
#ifndef IO_STACK_H
#define IO_STACK_H

#include "base/str.h"

enum {
	STACK_SIZE = 128 * 1024,
	STACK_USABLE = STACK_SIZE - 16, /* the rest is the pool's */
	STACK_POOL_MAX = 256,
	STACK_POOL_HOT = 8,          /* kept with all their pages */
	STACK_POOL_KEEP = 12 * 1024, /* of the others: these topmost bytes */
};

struct stack;

struct stack_pool {
	struct stack *free; /* newest first: its pages are in the cache */
	size_t free_count;
};

void stack_pool_fini(struct stack_pool *pool);

/* The lowest of STACK_USABLE bytes, or NULL when the kernel has no more to give. */
void *stack_take(struct stack_pool *pool);
void stack_give(struct stack_pool *pool, void *bottom);

#endif
