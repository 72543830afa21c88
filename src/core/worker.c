#include "core/worker.h"

#include <stdlib.h>

static void clear_breakers(struct worker *w)
{
	struct metrics *m = w->metrics;

	breaker_clear(&w->breakers);
	for (uint64_t i = 0; i < m->provider_count; i++)
		counter_sub(&m->providers[i]->breakers_open,
			    m->providers[i]->breakers_open);
}

void worker_set_catalog(struct worker *w, struct catalog *c)
{
	struct catalog *was = w->catalog;

	if (was != NULL && was->registry != c->registry)
		clear_breakers(w);
	w->catalog = c;
	catalog_unref(was);
}

/* Equal origins are one, so that the addresses need no look. */
static bool is_same(const struct upstream *a, const struct upstream *b)
{
	return a->origin == b->origin &&
	       config_provider_is_same(a->provider.config, b->provider.config);
}

void worker_adopt(struct worker *w, struct registry *reg, int64_t now_s)
{
	const struct catalog *was = w->catalog;
	struct model_list *lists =
		xcalloc(reg->upstream_count + 1, sizeof(*lists));

	for (size_t i = 0; i < reg->upstream_count; i++) {
		const struct upstream *u = &reg->upstreams[i];
		const struct upstream *before =
			registry_find(was->registry, u->provider.id);

		if (before != NULL && is_same(u, before))
			lists[i] =
				was->lists[before - was->registry->upstreams];
	}
	worker_set_catalog(w, catalog_new(reg, lists, was, now_s));
	free(lists);
}
