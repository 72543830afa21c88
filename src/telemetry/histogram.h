/*
 * histogram - how often values fell between fixed bounds.
 *
 *	histogram_add(&h, &histogram_time, ns);
 *
 * The bounds of a scale grow by a power of two, so that few of them span
 * microseconds to minutes.  One thread adds, others may read (base/counter.h).
 */
#ifndef TELEMETRY_HISTOGRAM_H
#define TELEMETRY_HISTOGRAM_H

#include "base/counter.h"

#include <stddef.h>

enum {
	HISTOGRAM_BOUNDS_MAX = 18
};

struct histogram_scale {
	uint64_t first; /* the least upper bound, inclusive */
	unsigned shift; /* the next is this much to the left */
	unsigned count; /* of bounds */
	double unit;    /* of one, in what is exported */
};

/* Nanoseconds, exported as seconds: 1.25 ms, 2.5, 5, 10, ... 163.84 s. */
extern const struct histogram_scale histogram_time;
/* Tokens: 1, 4, 16, ... 67108864. */
extern const struct histogram_scale histogram_tokens;

/* All zero is empty. */
struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* the last: beyond all */
	uint64_t sum;
};

void histogram_add(struct histogram *h, const struct histogram_scale *s,
		   uint64_t value);

/* Add what from has to h. */
void histogram_merge(struct histogram *h, const struct histogram *from);

/* How many values there are. */
uint64_t histogram_total(const struct histogram *h);

/* The upper bound i in what is exported. */
double histogram_bound(const struct histogram_scale *s, unsigned i);

#endif
