/*
 * store - chat completions that are kept, listed and found again.
 *
 *	r = store_open(&(struct store_cfg){ .uri = STR("sqlite:/x/quipu.db"),
 *					    .producers = workers }, &s);
 *	r = store_put(s, worker, &completion);
 *	...
 *	r = store_get(s, owner, id, arena, &completion);
 *	store_close(s, deadline);
 *
 * Rows are handed over with store_put(), which takes no lock and makes no system
 * call while the writing thread is awake, and are written by that thread in
 * groups.  A row is *acknowledged* once any other call has shown it: found,
 * listed, flushed.  What is acknowledged survives kill -9, and with
 * STORE_SYNC_FULL, the default, a power cut too.
 *
 * An id is its owner's: a row that comes again takes the older one's place, with
 * its seq, as a replay repeats its upstream's ids.
 *
 * Read your writes: whatever was handed over before a call began, by any
 * producer, is seen by it.  A call that needs to, waits for the commit.
 *
 * All calls but store_put() block, on files or on other threads, and may come
 * from any thread.  Owners are apart: a row is only found under its owner.
 *
 * Errors, beside those named below: -ENOSPC the disk is full; -EROFS; -EBUSY
 * locked by another program beyond busy_ms; -EUCLEAN damaged, or no database of
 * quipu's; -ETIMEDOUT; -EIO.  err_text() says more.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "store/completion.h"

enum {
	STORE_UNKNOWN = 1,    /* no row of that id */
	STORE_BAD_CURSOR = 2, /* ... and it was to be a page's edge */
	STORE_FULL = 3,       /* STORE_BLOCK: try again, or store_put_wait() */
	STORE_DROPPED = 4,    /* STORE_DROP: the row is gone, and counted */
};

enum store_policy {
	STORE_BLOCK, /* for what was promised */
	STORE_DROP,  /* for logs */
};

enum store_sync {
	STORE_SYNC_FULL, /* fsync() of each group: safe in a power cut */
	STORE_SYNC_NORMAL, /* safe in a crash of the program, not of the machine */
};

struct store;

/* What is 0 is the default. */
struct store_cfg {
	struct str uri;     /* "sqlite:PATH" */
	unsigned producers; /* how many threads put; 1 */
	enum store_policy policy;
	enum store_sync sync;
	size_t queue_rows;  /* of each producer, a power of two; 1024 */
	size_t queue_bytes; /* of each producer; 64 MB */
	int64_t group_ns;   /* how long a row may wait for others; 20 ms */
	int64_t busy_ms;    /* for another program's lock; 5000 */
	int64_t read_ms;    /* how long a read may look through rows; 10000 */
	int64_t keep_s; /* rows go so long after they were written; 0: never */
	int64_t keep_bytes; /* and the oldest beyond these; 0: no limit */
};

struct store_page {
	struct store_completion *rows; /* in the query's order */
	size_t count;
	bool has_more; /* beyond the page, in the direction of the walk */
};

struct store_info {
	int64_t rows;
	int64_t by_status[STORE_STATUSES];
	int64_t blobs;   /* data URLs that are kept once */
	int64_t objects; /* rows of object.h; rows is without them */
	int64_t bytes;   /* of all of these; counted, not scanned */
	int64_t oldest;  /* created; 0 without rows */
	int64_t newest;
	int64_t schema;     /* version */
	int64_t disk_bytes; /* what the database takes, with its log */
};

/* Who hears of what store_check() finds. */
struct store_finding {
	void (*found)(void *arg, struct str what);
	void *arg;
};

struct store_counts {
	uint64_t put;
	uint64_t written;  /* committed */
	uint64_t replaced; /* of these, in the place of an older one */
	uint64_t dropped;  /* STORE_DROP: no room */
	uint64_t full;     /* said */
	uint64_t groups;
	uint64_t failures; /* of groups; each is tried again */
	uint64_t expired;  /* rows, by keep_s and keep_bytes */
};

/*
 * Opens or makes the database, brings its schema up to date under a lock, and
 * starts the writing thread.  Returns 0, -EINVAL for a URI that is none,
 * -ENOTSUP for a schema newer than this program's, or as above.
 */
must_check int store_open(const struct store_cfg *cfg, struct store **out);

/*
 * Writes what is queued, until the deadline, and closes.  No other call may run
 * or follow.  Returns how many rows were lost: 0 unless the database failed.
 */
uint64_t store_close(struct store *s, int64_t deadline_ns);

/*
 * Hand over a copy of c.  A producer is used by one thread at a time.  Of an id
 * that the owner has already, the newest stays.  Returns 0, STORE_FULL, STORE_DROPPED, or -EMSGSIZE for a row over
 * STORE_ROW_BYTES_MAX or queue_bytes, or a text over STORE_TEXT_MAX.
 */
must_check int store_put(struct store *s, unsigned producer,
			 const struct store_completion *c);

/* The same, waiting for room: never STORE_FULL, but -ETIMEDOUT. */
must_check int store_put_wait(struct store *s, unsigned producer,
			      const struct store_completion *c,
			      int64_t deadline_ns);

/*
 * May another server have rows on their way to the same database?  What was
 * handed over there is seen here only once it is committed: group_ns later, as a
 * rule.  Of SQLite: has another process, or another store, the file open?
 */
bool store_is_shared(const struct store *s);

/* All that was handed over before is written: 0, or why it is not. */
must_check int store_flush(struct store *s, int64_t deadline_ns);

/* One row, in a.  0, STORE_UNKNOWN, -EMSGSIZE when a's limit is reached. */
must_check int store_get(struct store *s, struct str owner, struct str id,
			 struct arena *a, struct store_completion *out);

/*
 * A page, in a.  A walk by cursors shows every row that was there when it began
 * exactly once, whatever is added meanwhile; one that is replaced with another
 * time is at its new place.  0, STORE_BAD_CURSOR, -EINVAL for
 * a limit out of range, -EMSGSIZE when a's limit is reached: ask for fewer.
 */
must_check int store_list(struct store *s, const struct store_query *q,
			  struct arena *a, struct store_page *out);

/* Replace a row's metadata: on the disk when it returns.  0, STORE_UNKNOWN. */
must_check int store_set_metadata(struct store *s, struct str owner,
				  struct str id, struct str metadata);

/* Delete a row: on the disk when it returns.  0, STORE_UNKNOWN. */
must_check int store_drop(struct store *s, struct str owner, struct str id);

/*
 * Delete up to e->max of the rows that were written first, of all owners.  One
 * short transaction: call again until *out_count < max.
 */
must_check int store_expire(struct store *s, const struct store_expiry *e,
			    unsigned *out_count);

must_check int store_info(struct store *s, struct store_info *out);

/* Give back the room of what was deleted.  Takes as long as it takes. */
must_check int store_vacuum(struct store *s);

/*
 * Look for damage: the database's own check, counts, blobs, and the JSON of each
 * row.  Takes as long as it takes.  0 when it could look, whatever it found.
 */
must_check int store_check(struct store *s, const struct store_finding *f);
void store_counts(struct store *s, struct store_counts *out);

#endif
