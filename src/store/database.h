/*
 * database - what a kind of database does for the store.
 *
 * Private to store/.  All calls block and may come from any thread at a time;
 * what they take and return is said in store.h.  They know of no queue: a row
 * is seen once put() has returned.
 */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include "store/claim.h"
#include "store/row.h"
#include "store/store.h"

struct database;

/* Objects: what these take and return is said in object.h and claim.h. */
struct database_objects {
	int (*apply)(struct database *db, const struct store_op *ops,
		     size_t count);
	int (*get)(struct database *db, const struct store_key *key,
		   struct arena *a, struct store_object *out);
	int (*list)(struct database *db, const struct store_objects_query *q,
		    struct arena *a, struct store_objects *out);
	int (*chain)(struct database *db, const struct store_chain_query *q,
		     struct arena *a, struct store_chain *out);
	int (*has_children)(struct database *db, const struct store_key *key,
			    bool *out);
	int (*claim)(struct database *db, const struct store_claimant *c,
		     struct arena *a, struct store_object *out);
	int (*lease)(struct database *db, const struct store_key *key,
		     struct str holder, int64_t until_ms);
	int (*count)(struct database *db, enum store_kind kind,
		     struct str state, unsigned max, unsigned *out);
};

struct database {
	const struct database_type *type;
};

struct database_type {
	/* May another server write to it now? */
	bool (*is_shared)(struct database *db);

	/* where: the URI without its scheme, as store.c knows it. */
	int (*open)(const struct store_cfg *cfg, struct str where,
		    struct database **out);
	void (*close)(struct database *db);

	/* No call that runs or follows lasts beyond it.  NULL: none does. */
	void (*stop)(struct database *db, int64_t deadline_ns);

	/*
	 * All of the rows or none, with their blobs (row.h); *out_replaced are
	 * those whose id was there.  May be tried again with the same rows.
	 */
	int (*put)(struct database *db, struct row *const *rows, size_t count,
		   size_t *out_replaced);
	int (*get)(struct database *db, struct str owner, struct str id,
		   struct arena *a, struct store_completion *out);
	int (*list)(struct database *db, const struct store_query *q,
		    struct arena *a, struct store_page *out);
	int (*set_metadata)(struct database *db, struct str owner,
			    struct str id, struct str metadata);
	int (*drop)(struct database *db, struct str owner, struct str id);
	int (*expire)(struct database *db, const struct store_expiry *e,
		      unsigned *out_count);
	int (*info)(struct database *db, struct store_info *out);
	int (*vacuum)(struct database *db);

	/* What the database alone can see: no row's JSON. */
	int (*check)(struct database *db, const struct store_finding *f);

	const struct database_objects *objects;
};

extern const struct database_type store_sqlite;
extern const struct database_type store_postgres;

#endif
