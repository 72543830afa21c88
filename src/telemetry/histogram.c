#include "telemetry/histogram.h"

#include <assert.h>

const struct histogram_scale histogram_time = {
	.first = 1250000, .shift = 1, .count = 18, .unit = 1e-9
};
const struct histogram_scale histogram_tokens = {
	.first = 1, .shift = 2, .count = 14, .unit = 1
};

void histogram_add(struct histogram *h, const struct histogram_scale *s,
		   uint64_t value)
{
	uint64_t bound = s->first;
	unsigned i = 0;

	assert(s->count <= HISTOGRAM_BOUNDS_MAX);
	while (i < s->count && value > bound) {
		bound <<= s->shift;
		i++;
	}
	counter_add(&h->counts[i], 1);
	counter_add(&h->sum, value);
}

void histogram_merge(struct histogram *h, const struct histogram *from)
{
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
		counter_add(&h->counts[i], counter_get(&from->counts[i]));
	counter_add(&h->sum, counter_get(&from->sum));
}

uint64_t histogram_total(const struct histogram *h)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
		n += h->counts[i];
	return n;
}

double histogram_bound(const struct histogram_scale *s, unsigned i)
{
	/* Rounded where it is exact: 0.00125, not 0.0012500000000000002. */
	if (s->unit < 1)
		return (double)(s->first << (s->shift * i)) / 1e9;
	return (double)(s->first << (s->shift * i));
}
