/*
 * postgres - a PostgreSQL server, 15 or newer, that several quipus may share.
 *
 * Private to store/.  One connection writes, a group to a transaction and in
 * libpq's pipeline mode; up to POSTGRES_READERS others are made when they are
 * first needed.  No call waits for longer than its limit, whatever the server
 * or the network do.  A connection that failed in any way is closed and made
 * again: nobody has to know what state it was in.
 *
 * All texts are bytea: what comes back is what was put, whatever the server's
 * encoding, and no byte of a client's can make a group fail for ever.
 */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"
#include "store/database.h"
#include "store/libpq.h"

enum {
	POSTGRES_READERS = 4,
	POSTGRES_ARGS_MAX = 48,
	POSTGRES_BLOB_LEN = 16 + ROW_HASH_LEN,
};

/*
 * A row's owner and id.  Written so that only the index of ids is of use: as long
 * as a table's statistics are none, PostgreSQL likes any index that has the owner.
 */
#define POSTGRES_IS(owner, id) "id = " id " AND owner || '' = " owner

struct postgres_conn {
	struct postgres *db;
	PGconn *pg;          /* NULL: there is none */
	int64_t deadline_ns; /* of what it does; whoever uses it sets it */
	bool is_ready;       /* the writer: in pipeline mode, and prepared */
	size_t carried;      /* the largest row; libpq keeps such buffers */
};

struct postgres {
	struct database base;
	char *uri; /* owned; with the password: never shown */
	int64_t busy_ms;
	int64_t read_ms;
	enum store_sync sync;
	_Atomic int64_t stop_ns; /* no call lasts beyond this */

	pthread_mutex_t write_lock;
	struct postgres_conn writer;
	int64_t batch;       /* a random number for each group */
	int64_t next_try_ns; /* not to connect before this */
	int64_t pause_ns;
	int error; /* of the last try */
	char error_text[ERR_TEXT_MAX + 1];

	pthread_mutex_t pool_lock;
	pthread_cond_t pool_free;
	struct postgres_conn readers[POSTGRES_READERS];
	struct postgres_conn *idle[POSTGRES_READERS];
	unsigned idle_count;
};

/* What a statement is given, in its order; the texts are the caller's. */
struct postgres_args {
	int count;
	Oid types[POSTGRES_ARGS_MAX];
	const char *values[POSTGRES_ARGS_MAX];
	int lens[POSTGRES_ARGS_MAX];
	int formats[POSTGRES_ARGS_MAX];
	uint64_t numbers[POSTGRES_ARGS_MAX];
};

void postgres_add_text(struct postgres_args *a, struct str s);
void postgres_add_number(struct postgres_args *a, int64_t n);

/* postgres_conn.c: */

/*
 * Connect and set the session up, unless that is done.  0, -EACCES who or how is
 * wrong, -ENOENT no such database, -ENOTCONN, -ETIMEDOUT.
 */
must_check int postgres_connect(struct postgres_conn *c);

void postgres_hang_up(struct postgres_conn *c);

/* Note what went wrong, hang up, and return the -errno for it. */
must_check int postgres_failed(struct postgres_conn *c, const PGresult *res);

/* Send what waits to be sent, and take in what has come. */
must_check int postgres_push(struct postgres_conn *c);

/*
 * The next result, to be cleared; NULL: there is none left.  A result that is an
 * error is one here too: the connection is closed then.
 */
must_check int postgres_next(struct postgres_conn *c, PGresult **out);

/* Ask; the results are the caller's to fetch.  Rows come one by one. */
must_check int postgres_ask(struct postgres_conn *c, const char *sql,
			    const struct postgres_args *args);

/* Statements without arguments, whose results nobody needs. */
must_check int postgres_run(struct postgres_conn *c, const char *sql);

/*
 * Ask for one row of numbers.  0, 1: there was no row.  NULL counts as 0.
 */
must_check int postgres_numbers(struct postgres_conn *c, const char *sql,
				const struct postgres_args *args, int64_t *out,
				size_t count);

int64_t postgres_number(const PGresult *res, int column);
struct str postgres_text(const PGresult *res, int column);

/* postgres.c: */

/*
 * A connection for one call, waiting for one; give it back.  Its deadline is
 * read_ms from now.
 */
must_check int postgres_take(struct postgres *s, struct postgres_conn **out);
void postgres_give(struct postgres *s, struct postgres_conn *c);

/* postgres_schema.c: plain SQL, as migration.h has it; NULL ends. */
extern const char *const postgres_steps[];

/*
 * Run what is missing, all or nothing, one quipu at a time.  Returns 0; -ENOTSUP
 * when the schema is newer; -errno.
 */
must_check int postgres_migrate(struct postgres_conn *c,
				const char *const *steps);

/* The functions of database_type, in postgres_write.c ... */
int postgres_put(struct database *db, struct row *const *rows, size_t count,
		 size_t *out_replaced);

/* ... postgres_change.c ... */
int postgres_set_metadata(struct database *db, struct str owner, struct str id,
			  struct str metadata);
int postgres_drop(struct database *db, struct str owner, struct str id);
int postgres_expire(struct database *db, const struct store_expiry *e,
		    unsigned *out_count);
int postgres_vacuum(struct database *db);
int postgres_check(struct database *db, const struct store_finding *f);

/* ... and in postgres_read.c. */
int postgres_get(struct database *db, struct str owner, struct str id,
		 struct arena *a, struct store_completion *out);
int postgres_list(struct database *db, const struct store_query *q,
		  struct arena *a, struct store_page *out);
int postgres_info(struct database *db, struct store_info *out);

/* postgres_object.c: one op as the arguments of a statement, and the rest. */
extern const char postgres_op_sql[];
void postgres_add_op(struct postgres_args *a, const struct store_op *op,
		     bool is_sure);
extern const struct database_objects postgres_objects;

#endif
