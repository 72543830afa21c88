/*
 * choice - which of several targets is asked next.
 *
 * Of those that were not tried and whose breaker admits an attempt: the lowest
 * priority number, and within it by chance, as the weights are.
 */
#ifndef CORE_CHOICE_H
#define CORE_CHOICE_H

#include "core/breaker.h"

struct upstream;

enum {
	CHOICE_TARGETS_MAX = 64
};

/* A model of a provider. */
struct target {
	const struct upstream *upstream;
	struct str upstream_id; /* the provider's own name for it */
	struct str key;         /* "provider_id/upstream_id" */
	struct str model; /* JSON text for the answer; "": what was asked for */
	unsigned weight;  /* >= 1 */
	unsigned priority;
};

struct choice {
	const struct target *targets;
	size_t count;   /* at most CHOICE_TARGETS_MAX */
	uint64_t tried; /* a bit for each that is out */
};

/* An index, or c->count when no target is left that may be asked now. */
size_t choice_next(const struct choice *c, const struct breakers *b,
		   int64_t now_ns);

/* The one that may be asked the soonest, tried ones left out; or c->count. */
size_t choice_soonest(const struct choice *c, const struct breakers *b);

#endif
