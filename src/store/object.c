#include "store/object.h"

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/handle.h"

int store_post(struct store *s, unsigned producer, const struct store_op *ops,
	       size_t count)
{
	return scribe_put(s->scribe, producer,
			  &(struct scribe_item){ .ops = ops, .count = count });
}

int store_post_wait(struct store *s, unsigned producer,
		    const struct store_op *ops, size_t count,
		    int64_t deadline_ns)
{
	return scribe_put_wait(s->scribe, producer,
			       &(struct scribe_item){ .ops = ops,
						      .count = count },
			       deadline_ns);
}

int store_apply(struct store *s, const struct store_op *ops, size_t count,
		int64_t deadline_ns)
{
	int r = op_check(ops, count);

	if (r == 0 && scribe_is_behind(s->scribe))
		r = scribe_flush(s->scribe, deadline_ns);
	return r < 0 ? err_up(r)
		     : s->db->type->objects->apply(s->db, ops, count);
}

int store_object_get(struct store *s, const struct store_key *key,
		     struct arena *a, struct store_object *out)
{
	int r = store_catch_up_with(s, key->owner, key->id);

	return r < 0 ? err_up(r)
		     : s->db->type->objects->get(s->db, key, a, out);
}

int store_object_list(struct store *s, const struct store_objects_query *q,
		      struct arena *a, struct store_objects *out)
{
	int r;

	if (q->limit < 1 || q->limit > STORE_OBJECTS_MAX ||
	    (q->after.len > 0 && q->before.len > 0) ||
	    (q->from_root && q->parent.len == 0))
		return err_new(-EINVAL, "store: not a query for a page");
	r = q->parent.len > 0 ? store_catch_up_with(s, q->owner, q->parent)
			      : store_catch_up(s);
	return r < 0 ? err_up(r) : s->db->type->objects->list(s->db, q, a, out);
}

/* What is above the row was there before it, in the order that it was posted. */
int store_object_chain(struct store *s, const struct store_chain_query *q,
		       struct arena *a, struct store_chain *out)
{
	int r;

	if (q->max < 1 || q->max > STORE_CHAIN_MAX)
		return err_new(-EINVAL, "store: not a query for a chain");
	r = store_catch_up_with(s, q->from.owner, q->from.id);
	return r < 0 ? err_up(r)
		     : s->db->type->objects->chain(s->db, q, a, out);
}

int store_has_children(struct store *s, const struct store_key *key, bool *out)
{
	int r = store_catch_up_with(s, key->owner, key->id);

	return r < 0 ? err_up(r)
		     : s->db->type->objects->has_children(s->db, key, out);
}
