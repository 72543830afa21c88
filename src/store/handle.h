/*
 * handle - what a store is made of.
 *
 * Private to store/.
 */
#ifndef STORE_HANDLE_H
#define STORE_HANDLE_H

#include "store/database.h"
#include "store/scribe.h"

struct store {
	struct database *db;
	struct scribe *scribe;
};

/* Wait until all that was handed over is there: 0, or why it is not. */
must_check int store_catch_up(struct store *s);

/* The same for what has that id or parent. */
must_check int store_catch_up_with(struct store *s, struct str owner,
				   struct str id);

#endif
