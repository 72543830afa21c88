/*
 * sqlite - the embedded database: one file, and what SQLite keeps beside it.
 *
 * Private to store/.  WAL: readers and the writer do not hold each other up.
 * One connection writes, under a lock; up to SQLITE_READERS read, made when
 * they are first needed.  A file that is new is the owner's alone (0600).
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "store/database.h"

enum {
	SQLITE_READERS = 4
};

struct sqlite_reader {
	sqlite3 *db;
	int64_t deadline_ns; /* of what it does */
};

struct sqlite {
	struct database base;
	char *path; /* owned */
	int64_t busy_ms;
	int64_t read_ms;
	enum store_sync sync;

	pthread_mutex_t write_lock;
	sqlite3 *writer;
	sqlite3_stmt *insert;

	pthread_mutex_t pool_lock;
	pthread_cond_t pool_free;
	struct sqlite_reader *idle[SQLITE_READERS];
	unsigned idle_count;
	unsigned reader_count; /* made, idle or not */
};

/* Note what the connection's last call said; returns the -errno for it. */
must_check int sqlite_failed(sqlite3 *db, const char *doing);

/* Run statements without results. */
must_check int sqlite_run(sqlite3 *db, const char *sql);

/* The next text parameter; empty is "", never NULL. */
must_check int sqlite_bind(sqlite3_stmt *stmt, int *at, struct str s);

/*
 * A connection for reading, waiting for one; give it back.  What takes longer
 * than read_ms is interrupted: -ETIMEDOUT.
 */
must_check int sqlite_take(struct sqlite *s, struct sqlite_reader **out);
void sqlite_give(struct sqlite *s, struct sqlite_reader *reader);

/* The functions of database_type, in sqlite_write.c ... */
int sqlite_put(struct database *db, struct row *const *rows, size_t count,
	       size_t *out_new);
int sqlite_set_metadata(struct database *db, struct str owner, struct str id,
			struct str metadata);
int sqlite_drop(struct database *db, struct str owner, struct str id);
int sqlite_expire(struct database *db, int64_t before, unsigned max,
		  unsigned *out_count);

/* ... and in sqlite_read.c. */
int sqlite_get(struct database *db, struct str owner, struct str id,
	       struct arena *a, struct store_completion *out);
int sqlite_list(struct database *db, const struct store_query *q,
		struct arena *a, struct store_page *out);
int sqlite_info(struct database *db, struct store_info *out);

#endif
