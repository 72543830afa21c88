#include "store/pending.h"

#include "base/map.h"

static size_t slot_of(struct str owner, struct str id)
{
	return map_hash(map_hash(0, owner), id) % PENDING_SLOTS;
}

static void change(atomic_uint *count, bool more)
{
	if (more)
		atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(count, 1, memory_order_release);
}

static void change_all(struct pending *p, const struct row *r, bool more)
{
	if (r->op_count == 0)
		change(&p->slots[slot_of(r->c.owner, r->c.id)], more);
	for (size_t i = 0; i < r->op_count; i++) {
		const struct store_object *o = &r->ops[i].object;

		if (o->id.len > 0)
			change(&p->slots[slot_of(o->owner, o->id)], more);
		if (o->parent.len > 0)
			change(&p->slots[slot_of(o->owner, o->parent)], more);
		if (r->ops[i].what != STORE_PUT)
			change(&p->deletes, more);
	}
}

void pending_add(struct pending *p, const struct row *r)
{
	change_all(p, r, true);
}

void pending_drop(struct pending *p, const struct row *r)
{
	change_all(p, r, false);
}

/* Acquired: what was dropped from here is committed for the reader. */
bool pending_has(const struct pending *p, struct str owner, struct str id)
{
	return atomic_load_explicit(&p->deletes, memory_order_acquire) > 0 ||
	       atomic_load_explicit(&p->slots[slot_of(owner, id)],
				    memory_order_acquire) > 0;
}
