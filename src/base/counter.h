/*
 * counter - a number that one thread changes and any thread may read.
 *
 * The owner's addition is a plain load, add and store: no bus is locked.  A
 * reader sees some value that the counter had, and no order between counters.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdint.h>

static inline void counter_add(uint64_t *c, uint64_t n)
{
	uint64_t *to = c;

	__atomic_store_n(to, *to + n, __ATOMIC_RELAXED);
}

static inline void counter_sub(uint64_t *c, uint64_t n)
{
	counter_add(c, 0 - n);
}

static inline uint64_t counter_get(const uint64_t *c)
{
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

#endif
