#include "core/worker.h"

void worker_set_catalog(struct worker *w, struct catalog *c)
{
	struct catalog *was = w->catalog;

	w->catalog = c;
	catalog_unref(was);
}
