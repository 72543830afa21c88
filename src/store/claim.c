#include "store/claim.h"

#include <errno.h>

#include "base/err.h"
#include "store/handle.h"

int store_claim(struct store *s, const struct store_claimant *c,
		struct arena *a, struct store_object *out)
{
	int r;

	if (c->holder.len == 0 || c->holder.len > STORE_TEXT_MAX)
		return err_new(-EINVAL, "store: a holder needs a name");
	r = store_catch_up(s);
	return r < 0 ? err_up(r)
		     : s->db->type->objects->claim(s->db, c, a, out);
}

int store_lease(struct store *s, const struct store_key *key, struct str holder,
		int64_t until_ms)
{
	int r = store_catch_up_with(s, key->owner, key->id);

	return r < 0 ? err_up(r)
		     : s->db->type->objects->lease(s->db, key, holder,
						   until_ms);
}

int store_object_count(struct store *s, enum store_kind kind, struct str state,
		       unsigned max, unsigned *out)
{
	int r = store_catch_up(s);

	return r < 0 ? err_up(r)
		     : s->db->type->objects->count(s->db, kind, state, max,
						   out);
}
