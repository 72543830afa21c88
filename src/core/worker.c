#include "core/worker.h"

void worker_set_catalog(struct worker *w, struct catalog *c)
{
	struct catalog *was = w->catalog;

	if (was != NULL && was->registry != c->registry)
		breaker_clear(&w->breakers);
	w->catalog = c;
	catalog_unref(was);
}
