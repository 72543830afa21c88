/*
 * migration - a database's schema, step by step.
 *
 * Private to store/.  The version is the number of steps that were run, and is
 * kept in PRAGMA user_version; application_id says that the file is quipu's.
 * A step that is out in the world is never changed: the next one is added.
 */
#ifndef STORE_MIGRATION_H
#define STORE_MIGRATION_H

#include <sqlite3.h>

#include "base/str.h"

enum {
	MIGRATION_APPLICATION_ID = 0x71757075 /* "qupu" */
};

/* Plain SQL; NULL ends. */
extern const char *const migration_steps[];

/*
 * Run what is missing, all or nothing, under the database's own lock.  Returns
 * 0; -ENOTSUP when the schema is newer; -EUCLEAN when the file is another
 * program's; -errno.
 */
must_check int migration_run(sqlite3 *db, const char *const *steps);

#endif
