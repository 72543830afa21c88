#include "bench/stats.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SUB_BITS = 8,
	SUB_COUNT = 1 << SUB_BITS,
	/* Everything from 2^62 ns, 146 years, is in the last row. */
	ROW_COUNT = 63 - SUB_BITS,
};

struct stats {
	int64_t count, sum, max;
	int64_t buckets[ROW_COUNT + 1][SUB_COUNT];
};

/*
 * Row 0 holds 0 to 255 ns one by one; row n holds the values whose top bit is
 * SUB_BITS + n - 1, in steps of 2^(n-1).  The lower half of such a row's values
 * never occurs when shifted so, hence the mask.
 */
static int row_of(int64_t ns)
{
	int top = 63 - __builtin_clzll((uint64_t)ns | 1);

	return top < SUB_BITS ? 0 : top - SUB_BITS + 1;
}

static int64_t value_of(int row, int sub)
{
	if (row == 0)
		return sub;
	return (((int64_t)SUB_COUNT + sub) << (row - 1)) +
	       ((INT64_C(1) << (row - 1)) >> 1);
}

struct stats *stats_new(void)
{
	return xcalloc(1, sizeof(struct stats));
}

void stats_free(struct stats *s)
{
	free(s);
}

void stats_clear(struct stats *s)
{
	memset(s, 0, sizeof(*s));
}

void stats_add(struct stats *s, int64_t ns)
{
	int row;

	if (ns < 0)
		ns = 0;
	row = row_of(ns);
	s->count++;
	s->sum += ns;
	if (ns > s->max)
		s->max = ns;
	s->buckets[row][(ns >> (row > 0 ? row - 1 : 0)) & (SUB_COUNT - 1)]++;
}

int64_t stats_count(const struct stats *s)
{
	return s->count;
}

double stats_max_us(const struct stats *s)
{
	return (double)s->max / 1e3;
}

double stats_mean_us(const struct stats *s)
{
	return s->count == 0 ? 0 : (double)s->sum / (double)s->count / 1e3;
}

double stats_us(const struct stats *s, double q)
{
	int64_t rank = (int64_t)(q * (double)s->count);
	int64_t seen = 0;

	if (s->count == 0)
		return 0;
	for (int i = 0; i < (ROW_COUNT + 1) * SUB_COUNT; i++) {
		seen += s->buckets[i / SUB_COUNT][i % SUB_COUNT];
		if (seen > rank) {
			return (double)value_of(i / SUB_COUNT, i % SUB_COUNT) /
			       1e3;
		}
	}
	return stats_max_us(s);
}

void stats_print(const struct stats *s, const char *name)
{
	printf("\"%s\":{\"count\":%lld,\"mean\":%.1f,\"p50\":%.1f,"
	       "\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
	       name, (long long)s->count, stats_mean_us(s), stats_us(s, 0.5),
	       stats_us(s, 0.9), stats_us(s, 0.99), stats_us(s, 0.999),
	       stats_max_us(s));
}
