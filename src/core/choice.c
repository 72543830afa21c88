#include "core/choice.h"

#include "base/rand.h"

static bool is_tried(const struct choice *c, size_t i)
{
	return (c->tried >> i & 1) != 0;
}

static bool is_ready(const struct choice *c, size_t i, const struct breakers *b,
		     int64_t now_ns)
{
	return !is_tried(c, i) &&
	       breaker_admits(breaker_find(b, c->targets[i].key), now_ns);
}

size_t choice_next(const struct choice *c, const struct breakers *b,
		   int64_t now_ns)
{
	unsigned priority = 0;
	size_t chosen = c->count;
	uint64_t sum = 0;

	/*
	 * One walk: with sum as the weights so far, the next one takes over with
	 * probability weight / sum, which leaves each chosen as its weight is.
	 */
	for (size_t i = 0; i < c->count; i++) {
		const struct target *t = &c->targets[i];

		if (!is_ready(c, i, b, now_ns) ||
		    (chosen < c->count && t->priority > priority))
			continue;
		if (chosen == c->count || t->priority < priority) {
			priority = t->priority;
			chosen = i;
			sum = t->weight;
			continue;
		}
		sum += t->weight;
		if (rand_below(sum) < t->weight)
			chosen = i;
	}
	return chosen;
}

size_t choice_soonest(const struct choice *c, const struct breakers *b)
{
	size_t chosen = c->count;
	int64_t least = 0;

	for (size_t i = 0; i < c->count; i++) {
		int64_t due = breaker_due(breaker_find(b, c->targets[i].key));

		if (is_tried(c, i) || (chosen < c->count && due >= least))
			continue;
		chosen = i;
		least = due;
	}
	return chosen;
}
