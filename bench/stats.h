/*
 * stats - a histogram of times, for percentiles.
 *
 *	struct stats *s = stats_new();
 *
 *	stats_add(s, ns);
 *	printf("%.1f\n", stats_us(s, 0.99));
 *	stats_free(s);
 *
 * Buckets are 0.4 % wide, so memory is fixed (120 KB) and a percentile is off by
 * no more than that.  The maximum and the mean are exact.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stdint.h>

struct stats;

struct stats *stats_new(void);
void stats_free(struct stats *s); /* NULL is fine */
void stats_clear(struct stats *s);

/* A negative time counts as 0. */
void stats_add(struct stats *s, int64_t ns);

int64_t stats_count(const struct stats *s);
double stats_max_us(const struct stats *s);
double stats_mean_us(const struct stats *s);

/* The time that a share of q (0 to 1) did not exceed, 0 without samples. */
double stats_us(const struct stats *s, double q);

/* Print `"NAME":{"count":...,"p50":...,...}`, times in microseconds. */
void stats_print(const struct stats *s, const char *name);

#endif
