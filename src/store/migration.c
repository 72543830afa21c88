#include "store/migration.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "store/sqlite.h"

/*
 * The order of lists is (created, seq): seq is the row's id, which every index
 * ends with.
 */
const char *const migration_steps[] = {
	"CREATE TABLE completions ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" owner TEXT NOT NULL,"
	" id TEXT NOT NULL,"
	" created INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" first_byte_us INTEGER NOT NULL,"
	" total_us INTEGER NOT NULL,"
	" model_asked TEXT NOT NULL,"
	" model_served TEXT NOT NULL,"
	" provider TEXT NOT NULL,"
	" user TEXT NOT NULL,"
	" metadata TEXT NOT NULL,"
	" usage TEXT NOT NULL,"
	" extra TEXT NOT NULL,"
	" choices TEXT NOT NULL,"
	" request TEXT NOT NULL);"
	"CREATE UNIQUE INDEX completions_id ON completions (owner, id);"
	"CREATE INDEX completions_order ON completions (owner, created);"
	"CREATE INDEX completions_model"
	" ON completions (owner, model_asked, created);"
	"CREATE INDEX completions_age ON completions (created, bytes);",

	/*
	 * Retention counts from when a row was written, which nobody knows of
	 * these: from now, then.  An index of numbers takes a third of one of
	 * texts, and the ids come in no order: it is most of what is written.
	 */
	"CREATE TABLE completions_2 ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" key INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" stored_at INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" status INTEGER NOT NULL,"
	" blobs INTEGER NOT NULL,"
	" first_byte_us INTEGER NOT NULL,"
	" total_us INTEGER NOT NULL,"
	" owner TEXT NOT NULL,"
	" id TEXT NOT NULL,"
	" model_asked TEXT NOT NULL,"
	" model_served TEXT NOT NULL,"
	" provider TEXT NOT NULL,"
	" user TEXT NOT NULL,"
	" metadata TEXT NOT NULL,"
	" usage TEXT NOT NULL,"
	" extra TEXT NOT NULL,"
	" params TEXT NOT NULL,"
	" choices TEXT NOT NULL,"
	" request TEXT NOT NULL);"
	"INSERT INTO completions_2 SELECT seq, quipu_key(owner, id), created,"
	" CAST(strftime('%s', 'now') AS INTEGER), bytes, status, 0,"
	" first_byte_us, total_us, owner, id, model_asked, model_served,"
	" provider, user, metadata, usage, extra, '', choices, request"
	" FROM completions ORDER BY seq;"
	"DELETE FROM sqlite_sequence WHERE name = 'completions_2';"
	"INSERT INTO sqlite_sequence SELECT 'completions_2', seq"
	" FROM sqlite_sequence WHERE name = 'completions';"
	"DROP TABLE completions;"
	"ALTER TABLE completions_2 RENAME TO completions;"
	"CREATE INDEX completions_key ON completions (key);"
	"CREATE INDEX completions_order ON completions (owner, created);"
	"CREATE INDEX completions_model"
	" ON completions (owner, model_asked, created);"
	"CREATE INDEX completions_age ON completions (stored_at);"
	"CREATE TABLE totals (kind INTEGER PRIMARY KEY,"
	" rows INTEGER NOT NULL, bytes INTEGER NOT NULL);"
	"INSERT INTO totals VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0);"
	"REPLACE INTO totals SELECT status, count(*), sum(bytes)"
	" FROM completions GROUP BY status;"
	"CREATE TABLE blobs (blob INTEGER PRIMARY KEY,"
	" hash BLOB NOT NULL UNIQUE, bytes BLOB NOT NULL);"
	"CREATE TABLE blob_uses (seq INTEGER NOT NULL,"
	" place INTEGER NOT NULL, blob INTEGER NOT NULL,"
	" PRIMARY KEY (seq, place)) WITHOUT ROWID;"
	"CREATE INDEX blob_uses_blob ON blob_uses (blob);",

	/* Kinds and states as in object.h and claim.h: 1 and 3 can expire. */
	"CREATE TABLE objects ("
	" seq INTEGER PRIMARY KEY,"
	" kind INTEGER NOT NULL,"
	" created INTEGER NOT NULL,"
	" stored_at INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL,"
	" version INTEGER NOT NULL,"
	" claims INTEGER NOT NULL,"
	" due_ms INTEGER NOT NULL,"
	" is_root INTEGER NOT NULL,"
	" owner TEXT NOT NULL,"
	" id TEXT NOT NULL,"
	" parent TEXT NOT NULL,"
	" label TEXT NOT NULL,"
	" state TEXT NOT NULL,"
	" holder TEXT NOT NULL,"
	" body TEXT NOT NULL,"
	/* The messages alone are read more often than the input. */
	" aux TEXT NOT NULL,"
	" input TEXT NOT NULL);"
	"CREATE UNIQUE INDEX objects_id ON objects (owner, kind, id);"
	"CREATE INDEX objects_order ON objects (owner, kind);"
	"CREATE INDEX objects_parent ON objects (owner, kind, parent)"
	" WHERE parent <> '';"
	"CREATE INDEX objects_label ON objects (owner, kind, label)"
	" WHERE label <> '';"
	"CREATE INDEX objects_due ON objects (kind, due_ms)"
	" WHERE state IN ('queued', 'running');"
	"CREATE INDEX objects_age ON objects (stored_at)"
	" WHERE kind IN (1, 3);"
	"INSERT INTO totals VALUES (4, 0, 0);",
	NULL,
};

static int read_number(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *stmt;
	int r = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return sqlite_failed(db, "reading the schema");
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else
		r = sqlite_failed(db, "reading the schema");
	(void)sqlite3_finalize(stmt);
	return r;
}

static int check_owner(sqlite3 *db, int64_t version)
{
	int64_t id = 0, tables = 0;
	int r = read_number(db, "PRAGMA application_id", &id);

	if (r == 0)
		r = read_number(db, "SELECT count(*) FROM sqlite_schema",
				&tables);
	if (r < 0)
		return r;
	if (id == MIGRATION_APPLICATION_ID ||
	    (id == 0 && version == 0 && tables == 0))
		return 0;
	return err_new(-EUCLEAN, "store: the file is another program's "
				 "database; choose another path");
}

static int run_steps(sqlite3 *db, const char *const *steps)
{
	int64_t version = 0, count = 0;
	char text[96];
	int r = read_number(db, "PRAGMA user_version", &version);

	if (r == 0)
		r = check_owner(db, version);
	while (steps[count] != NULL)
		count++;
	if (r == 0 && version > count) {
		return err_new(-ENOTSUP,
			       "store: the schema is version %lld, newer than "
			       "%lld, which this quipu knows; use a newer one",
			       (long long)version, (long long)count);
	}
	if (r < 0 || version == count)
		return r;
	for (int64_t i = version; i < count && r == 0; i++)
		r = sqlite_run(db, steps[i]);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text),
		       "PRAGMA application_id = %d; PRAGMA user_version = %lld",
		       MIGRATION_APPLICATION_ID, (long long)count);
	return sqlite_run(db, text);
}

int migration_run(sqlite3 *db, const char *const *steps)
{
	int r = sqlite_run(db, "BEGIN IMMEDIATE");

	if (r < 0)
		return err_up(r);
	r = run_steps(db, steps);
	if (r == 0)
		r = sqlite_run(db, "COMMIT");
	if (r < 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
