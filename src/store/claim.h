/*
 * claim - rows that are work, and who does it.
 *
 *	r = store_claim(s, &(struct store_claimant){ STORE_RUN, name, now,
 *						     now + 30000 }, a, &run);
 *	...
 *	r = store_lease(s, &key, name, now + 30000);
 *
 * Work is a row in state "queued", whose due_ms says when it may begin: now, or
 * 0, or later.  Claimed it is "running", and due_ms is when its holder is taken
 * to be dead.  All else is done with store_apply(): the version that the claim
 * gave is a fence, for a holder that was taken to be dead and a cancellation
 * that came first are both STORE_CONFLICT.
 */
#ifndef STORE_CLAIM_H
#define STORE_CLAIM_H

#include "store/object.h"

#define STORE_STATE_QUEUED  STR("queued")
#define STORE_STATE_RUNNING STR("running")

/* A worker that looks for work. */
struct store_claimant {
	enum store_kind kind;
	struct str holder; /* who it is: of this process and run alone */
	int64_t now_ms;    /* of the wall clock */
	int64_t until_ms;  /* how long it may hold what it takes */
};

/*
 * Take one row of all owners that is queued or running and whose due_ms has
 * come, the one that is due first: it is running then, with c's holder, due at
 * until_ms, and its version and claims are one higher.  One that comes again
 * had a holder that did not renew it.  Nobody else gets it before until_ms, on
 * whatever machine; the clocks of machines must agree as far as leases are long.
 * 0, STORE_UNKNOWN when there is none, -EMSGSIZE (nothing is taken then).
 */
must_check int store_claim(struct store *s, const struct store_claimant *c,
			   struct arena *a, struct store_object *out);

/*
 * Renew: due at until_ms; the version stays.  0; STORE_CONFLICT when it is not
 * running or is another's, STORE_UNKNOWN when it is gone: stop working at it.
 */
must_check int store_lease(struct store *s, const struct store_key *key,
			   struct str holder, int64_t until_ms);

/* How many rows of all owners are queued, or running, counted up to max. */
must_check int store_object_count(struct store *s, enum store_kind kind,
				  struct str state, unsigned max,
				  unsigned *out);

#endif
