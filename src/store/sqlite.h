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

/* What the writer runs again and again. */
enum sqlite_statement {
	RUN_FIND,
	RUN_INSERT,
	RUN_REPLACE,
	RUN_DELETE,
	RUN_COUNT,
	RUN_FIND_BLOB,
	RUN_ADD_BLOB,
	RUN_ADD_USE,
	RUN_USES,
	RUN_DROP_USES,
	RUN_DROP_BLOB,
	RUN_TOTAL,
	RUN_FIRST,
	RUN_OLDEST,
	RUN_SET_METADATA,
	SQLITE_STATEMENTS,
};

enum {
	SQLITE_OBJECT_STATEMENTS = 10 /* what sqlite_object.c runs */
};

/* What is counted: rows of a status, blobs, objects. */
enum {
	SQLITE_BLOBS = STORE_STATUSES,
	SQLITE_OBJECTS,
	SQLITE_KINDS,
};

struct sqlite_count {
	int64_t rows, bytes;
};

/* A row, as far as deleting it needs. */
struct sqlite_key {
	int64_t seq; /* 0: there is none */
	unsigned status;
	int64_t bytes;
	int64_t blobs;
};

struct sqlite {
	struct database base;
	char *path; /* owned */
	int file;   /* with a lock that tells others that we are here */
	int64_t busy_ms;
	int64_t read_ms;
	enum store_sync sync;

	pthread_mutex_t write_lock;
	sqlite3 *writer;
	sqlite3_stmt *statements[SQLITE_STATEMENTS]; /* of the writer */
	sqlite3_stmt *objects[SQLITE_OBJECT_STATEMENTS];
	struct sqlite_count added[SQLITE_KINDS]; /* in this transaction */

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

/* A text of the row that a statement is at, in a; and why there is no room. */
must_check int sqlite_read_text(sqlite3_stmt *stmt, int column, struct arena *a,
				struct str *out);
must_check int sqlite_no_room(void);

/* Have *stmt be a statement of the writer's; once for all. */
must_check int sqlite_prepare(struct sqlite *s, struct str sql,
			      sqlite3_stmt **stmt);

/* A statement of the writer's, ready to be bound; reset it afterwards. */
must_check int sqlite_statement(struct sqlite *s, enum sqlite_statement which,
				sqlite3_stmt **out);

/* Run one that has only numbers and gives no rows. */
must_check int sqlite_change(struct sqlite *s, enum sqlite_statement which,
			     const int64_t *numbers, size_t count);

/* Take the lock and begin; end with r: 0 commits, anything else takes back. */
must_check int sqlite_begin(struct sqlite *s);
must_check int sqlite_end(struct sqlite *s, int r);

/* Count in this transaction: rows of a status, or SQLITE_BLOBS. */
void sqlite_add(struct sqlite *s, unsigned kind, int64_t rows, int64_t bytes);

/* The writer's look for a row: 0 or STORE_UNKNOWN. */
must_check int sqlite_find_key(struct sqlite *s, struct str owner,
			       struct str id, struct sqlite_key *out);

/* Of a statement that begins with seq, status, bytes, blobs. */
struct sqlite_key sqlite_key_of(sqlite3_stmt *stmt);

/* Count a row out and drop its blobs; the row itself is the caller's. */
must_check int sqlite_forget(struct sqlite *s, const struct sqlite_key *key);

/* A row's blobs, each unless it is there, and where they go. */
must_check int sqlite_add_blobs(struct sqlite *s, const struct row *row,
				int64_t seq);

/* The functions of database_type, in sqlite_write.c, sqlite_drop.c, sqlite_check.c ... */
int sqlite_put(struct database *db, struct row *const *rows, size_t count,
	       size_t *out_replaced);
int sqlite_set_metadata(struct database *db, struct str owner, struct str id,
			struct str metadata);
int sqlite_drop(struct database *db, struct str owner, struct str id);
int sqlite_expire(struct database *db, const struct store_expiry *e,
		  unsigned *out_count);

int sqlite_vacuum(struct database *db);
int sqlite_check(struct database *db, const struct store_finding *f);

/* ... and in sqlite_read.c. */
int sqlite_get(struct database *db, struct str owner, struct str id,
	       struct arena *a, struct store_completion *out);
int sqlite_list(struct database *db, const struct store_query *q,
		struct arena *a, struct store_page *out);
int sqlite_info(struct database *db, struct store_info *out);

/* Objects: ops within a transaction, and the functions of database_objects. */
must_check int sqlite_object_write(struct sqlite *s, const struct store_op *ops,
				   size_t count, bool is_sure);
int sqlite_object_apply(struct database *db, const struct store_op *ops,
			size_t count);
int sqlite_object_claim(struct database *db, const struct store_claimant *c,
			struct arena *a, struct store_object *out);
int sqlite_object_lease(struct database *db, const struct store_key *key,
			struct str holder, int64_t until_ms);

/* What all rows take; the counts of a transaction are in it. */
must_check int sqlite_total(struct sqlite *s, int64_t *out);

/*
 * Delete up to e->max responses and conversations, with what is below them, that
 * were written before that second: no response that another stands on which
 * stays, no conversation that has had a turn since.  With e->bytes_max only
 * while more is kept.
 */
int sqlite_object_expire(struct database *db, const struct store_expiry *e,
			 unsigned *out_count);

/* Is there anything to claim, at a glance?  0 or STORE_UNKNOWN. */
must_check int sqlite_object_is_due(struct sqlite *s, enum store_kind kind,
				    int64_t now_ms);
must_check int sqlite_object_read_seq(sqlite3 *db, int64_t seq, struct arena *a,
				      struct store_object *out);

extern const struct database_objects sqlite_objects;

#endif
