/*
 * pending - which rows are on their way to the disk, nearly.
 *
 * Private to store/.  A count for each of many hashes of ids and parents: taken
 * for pending may be what is not, never the other way.  So a read waits for a
 * commit when it has to, and hardly ever otherwise.
 */
#ifndef STORE_PENDING_H
#define STORE_PENDING_H

#include <stdatomic.h>

#include "store/row.h"

enum {
	PENDING_SLOTS = 4096
};

struct pending {
	atomic_uint slots[PENDING_SLOTS];
	atomic_uint deletes; /* these concern rows that they do not name */
};

/* Before it is queued, and once it is committed. */
void pending_add(struct pending *p, const struct row *r);
void pending_drop(struct pending *p, const struct row *r);

/* Could anything of that id, or below it, be on its way? */
bool pending_has(const struct pending *p, struct str owner, struct str id);

#endif
