#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/check.h"
#include "store/handle.h"

/* How long a read waits for what was handed over before it. */
#define CATCH_UP (10 * CLOCK_S)

static const struct kind {
	struct str scheme;
	const struct database_type *type;
} kinds[] = {
	{ STR_INIT("sqlite:"), &store_sqlite },
	{ STR_INIT("postgres://"), &store_postgres },
	{ STR_INIT("postgresql://"), &store_postgres },
};

static struct store_cfg with_defaults(const struct store_cfg *cfg)
{
	struct store_cfg c = *cfg;

	c.producers = c.producers > 0 ? c.producers : 1;
	c.queue_rows = c.queue_rows > 0 ? c.queue_rows : 1024;
	c.queue_bytes = c.queue_bytes > 0 ? c.queue_bytes : (size_t)64 << 20;
	c.group_ns = c.group_ns > 0 ? c.group_ns : 20 * CLOCK_MS;
	c.busy_ms = c.busy_ms > 0 ? c.busy_ms : 5000;
	c.read_ms = c.read_ms > 0 ? c.read_ms : 10000;
	assert(c.producers <= STORE_PRODUCERS_MAX);
	return c;
}

static const struct kind *find_kind(struct str uri)
{
	for (size_t i = 0; i < countof(kinds); i++) {
		if (str_starts(uri, kinds[i].scheme))
			return &kinds[i];
	}
	return NULL;
}

int store_open(const struct store_cfg *cfg, struct store **out)
{
	struct store_cfg c = with_defaults(cfg);
	const struct kind *kind = find_kind(c.uri);
	struct store s = { 0 };
	int r;

	/* There may be a password in it. */
	if (kind == NULL) {
		return err_new(-EINVAL, "store: not a URI that begins with "
					"sqlite: or postgres://");
	}
	r = kind->type->open(&c, str_drop(c.uri, kind->scheme.len), &s.db);
	if (r < 0)
		return err_up(r);
	r = scribe_start(&c, s.db, &s.scribe);
	if (r < 0) {
		kind->type->close(s.db);
		return err_up(r);
	}
	*out = xmalloc(sizeof(s));
	**out = s;
	return 0;
}

uint64_t store_close(struct store *s, int64_t deadline_ns)
{
	uint64_t lost = scribe_stop(s->scribe, deadline_ns);

	s->db->type->close(s->db);
	free(s);
	return lost;
}

int store_put(struct store *s, unsigned producer,
	      const struct store_completion *c)
{
	return scribe_put(s->scribe, producer, &(struct scribe_item){ .c = c });
}

int store_put_wait(struct store *s, unsigned producer,
		   const struct store_completion *c, int64_t deadline_ns)
{
	return scribe_put_wait(s->scribe, producer,
			       &(struct scribe_item){ .c = c }, deadline_ns);
}

bool store_is_shared(const struct store *s)
{
	return s->db->type->is_shared(s->db);
}

int store_flush(struct store *s, int64_t deadline_ns)
{
	return scribe_flush(s->scribe, deadline_ns);
}

int store_catch_up(struct store *s)
{
	if (!scribe_is_behind(s->scribe))
		return 0;
	return scribe_flush(s->scribe, clock_monotonic() + CATCH_UP);
}

int store_catch_up_with(struct store *s, struct str owner, struct str id)
{
	return scribe_may_have(s->scribe, owner, id) ? store_catch_up(s) : 0;
}

/* A row is usually there already: only one that is on its way is waited for. */
int store_get(struct store *s, struct str owner, struct str id, struct arena *a,
	      struct store_completion *out)
{
	int r = store_catch_up_with(s, owner, id);

	return r < 0 ? err_up(r) : s->db->type->get(s->db, owner, id, a, out);
}

int store_list(struct store *s, const struct store_query *q, struct arena *a,
	       struct store_page *out)
{
	int r;

	if (q->limit < 1 || q->limit > STORE_LIMIT_MAX ||
	    q->metadata_count > STORE_FILTERS_MAX ||
	    (q->after.len > 0 && q->before.len > 0) ||
	    (q->walk &&
	     (q->after.len > 0 || q->before.len > 0 || q->newest_first)))
		return err_new(-EINVAL, "store: not a query for a page");
	r = store_catch_up(s);
	return r < 0 ? err_up(r) : s->db->type->list(s->db, q, a, out);
}

int store_set_metadata(struct store *s, struct str owner, struct str id,
		       struct str metadata)
{
	int r = store_catch_up(s);

	return r < 0 ? err_up(r)
		     : s->db->type->set_metadata(s->db, owner, id, metadata);
}

int store_drop(struct store *s, struct str owner, struct str id)
{
	int r = store_catch_up(s);

	return r < 0 ? err_up(r) : s->db->type->drop(s->db, owner, id);
}

int store_expire(struct store *s, const struct store_expiry *e,
		 unsigned *out_count)
{
	return s->db->type->expire(s->db, e, out_count);
}

int store_info(struct store *s, struct store_info *out)
{
	int r = store_catch_up(s);

	return r < 0 ? err_up(r) : s->db->type->info(s->db, out);
}

int store_vacuum(struct store *s)
{
	return s->db->type->vacuum(s->db);
}

int store_check(struct store *s, const struct store_finding *f)
{
	int r = store_catch_up(s);

	if (r == 0)
		r = s->db->type->check(s->db, f);
	return r == 0 ? check_rows(s, f) : r;
}

void store_counts(struct store *s, struct store_counts *out)
{
	scribe_counts(s->scribe, out);
}
