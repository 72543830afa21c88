#include "store/sqlite.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

enum {
	BATCH_MAX = 1000
};

static int find_blob(struct sqlite *s, struct str hash, int64_t *out)
{
	sqlite3_stmt *stmt;
	int r = sqlite_statement(s, RUN_FIND_BLOB, &stmt);
	int got;

	if (r < 0)
		return r;
	(void)sqlite3_bind_blob(stmt, 1, hash.ptr, (int)hash.len,
				SQLITE_STATIC);
	got = sqlite3_step(stmt);
	if (got == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else
		r = got == SQLITE_DONE ? STORE_UNKNOWN
				       : sqlite_failed(s->writer, "writing");
	(void)sqlite3_reset(stmt);
	return r;
}

static int add_blob(struct sqlite *s, const struct row_blob *b, int64_t *out)
{
	struct str hash = { (const char *)b->hash, sizeof(b->hash) };
	sqlite3_stmt *stmt;
	int r = find_blob(s, hash, out);

	if (r != STORE_UNKNOWN)
		return r;
	r = sqlite_statement(s, RUN_ADD_BLOB, &stmt);
	if (r < 0)
		return r;
	(void)sqlite3_bind_blob(stmt, 1, hash.ptr, (int)hash.len,
				SQLITE_STATIC);
	(void)sqlite3_bind_blob64(stmt, 2, b->bytes.ptr, b->bytes.len,
				  SQLITE_STATIC);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		r = sqlite_failed(s->writer, "writing");
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	*out = sqlite3_last_insert_rowid(s->writer);
	sqlite_add(s, SQLITE_BLOBS, 1, (int64_t)b->bytes.len);
	return r;
}

int sqlite_add_blobs(struct sqlite *s, const struct row *row, int64_t seq)
{
	int r = 0;

	for (size_t i = 0; i < row->blob_count && r == 0; i++) {
		const struct row_blob *b = &row->blobs[i];
		int64_t use[] = { seq, (int64_t)b->at, 0 };

		r = add_blob(s, b, &use[2]);
		if (r == 0)
			r = sqlite_change(s, RUN_ADD_USE, use, 3);
	}
	return r;
}

static int read_uses(struct sqlite *s, int64_t seq, int64_t *out, size_t *count)
{
	sqlite3_stmt *stmt;
	size_t n = 0;
	int r = sqlite_statement(s, RUN_USES, &stmt);
	int got = SQLITE_DONE;

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, seq);
	while (n < ROW_BLOBS_MAX && (got = sqlite3_step(stmt)) == SQLITE_ROW)
		out[n++] = sqlite3_column_int64(stmt, 0);
	if (got != SQLITE_DONE && got != SQLITE_ROW)
		r = sqlite_failed(s->writer, "writing");
	(void)sqlite3_reset(stmt);
	*count = n;
	return r;
}

/* Unless somebody still uses it. */
static int drop_blob(struct sqlite *s, int64_t blob)
{
	sqlite3_stmt *stmt;
	int r = sqlite_statement(s, RUN_DROP_BLOB, &stmt);
	int got;

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, blob);
	got = sqlite3_step(stmt);
	if (got == SQLITE_ROW) {
		sqlite_add(s, SQLITE_BLOBS, -1, -sqlite3_column_int64(stmt, 0));
		got = sqlite3_step(stmt);
	}
	if (got != SQLITE_DONE)
		r = sqlite_failed(s->writer, "writing");
	(void)sqlite3_reset(stmt);
	return r;
}

static int drop_blobs(struct sqlite *s, int64_t seq)
{
	int64_t blobs[ROW_BLOBS_MAX];
	size_t count = 0;
	int r = read_uses(s, seq, blobs, &count);

	if (r == 0)
		r = sqlite_change(s, RUN_DROP_USES, &seq, 1);
	for (size_t i = 0; i < count && r == 0; i++)
		r = drop_blob(s, blobs[i]);
	return r;
}

struct sqlite_key sqlite_key_of(sqlite3_stmt *stmt)
{
	return (struct sqlite_key){
		.seq = sqlite3_column_int64(stmt, 0),
		.status = (unsigned)sqlite3_column_int(stmt, 1),
		.bytes = sqlite3_column_int64(stmt, 2),
		.blobs = sqlite3_column_int64(stmt, 3),
	};
}

int sqlite_forget(struct sqlite *s, const struct sqlite_key *key)
{
	if (key->status >= STORE_STATUSES)
		return err_new(-EUCLEAN, "store: row %lld has no status",
			       (long long)key->seq);
	sqlite_add(s, key->status, -1, -key->bytes);
	return key->blobs > 0 ? drop_blobs(s, key->seq) : 0;
}

static int drop_row(struct sqlite *s, const struct sqlite_key *key)
{
	int r = sqlite_forget(s, key);

	return r < 0 ? r : sqlite_change(s, RUN_DELETE, &key->seq, 1);
}

int sqlite_drop(struct database *db, struct str owner, struct str id)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_key key;
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	r = sqlite_find_key(s, owner, id, &key);
	if (r == 0)
		r = drop_row(s, &key);
	return sqlite_end(s, r);
}

int sqlite_total(struct sqlite *s, int64_t *out)
{
	sqlite3_stmt *stmt;
	int64_t added = 0;
	int r = sqlite_statement(s, RUN_TOTAL, &stmt);

	if (r < 0)
		return r;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	else
		r = sqlite_failed(s->writer, "reading");
	(void)sqlite3_reset(stmt);
	for (size_t i = 0; i < SQLITE_KINDS; i++)
		added += s->added[i].bytes;
	*out += added;
	return r;
}

/* The rows that were written first, up to max, in the order of it. */
static int read_oldest(struct sqlite *s, const struct store_expiry *e,
		       struct sqlite_key *out, size_t *count)
{
	sqlite3_stmt *stmt;
	int64_t over = 0;
	size_t n = 0;
	int r = e->bytes_max > 0 ? sqlite_total(s, &over) : 0;
	int got = SQLITE_DONE;

	over -= e->bytes_max;
	if (r == 0)
		r = sqlite_statement(s, RUN_OLDEST, &stmt);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, e->max);
	while (n < e->max && (got = sqlite3_step(stmt)) == SQLITE_ROW) {
		if ((e->bytes_max > 0 && over <= 0) ||
		    sqlite3_column_int64(stmt, 4) >= e->before)
			break;
		out[n] = sqlite_key_of(stmt);
		over -= out[n++].bytes;
	}
	if (got != SQLITE_DONE && got != SQLITE_ROW)
		r = sqlite_failed(s->writer, "reading");
	(void)sqlite3_reset(stmt);
	*count = n;
	return r;
}

static int drop_oldest(struct sqlite *s, const struct store_expiry *e,
		       struct sqlite_key *keys, size_t *count)
{
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	r = read_oldest(s, e, keys, count);
	for (size_t i = 0; i < *count && r == 0; i++)
		r = drop_row(s, &keys[i]);
	return sqlite_end(s, r);
}

/* With bytes_max only while more is kept. */
static int expire_before(struct database *db, const struct store_expiry *e,
			 unsigned *io_count)
{
	struct store_expiry rest = *e;
	struct sqlite_key *keys = xmalloc(e->max * sizeof(*keys));
	unsigned objects = 0;
	size_t count = 0;
	int r;

	rest.max -= *io_count;
	r = drop_oldest((struct sqlite *)db, &rest, keys, &count);
	free(keys);
	rest.max -= (unsigned)count;
	if (r == 0 && rest.max > 0)
		r = sqlite_object_expire(db, &rest, &objects);
	*io_count += (unsigned)count + objects;
	return r;
}

/* When the oldest row was written; false: there is not too much. */
static int find_first(struct sqlite *s, const struct store_expiry *e,
		      int64_t now, int64_t *out, bool *out_over)
{
	sqlite3_stmt *stmt;
	int64_t total = 0;
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	r = sqlite_total(s, &total);
	*out_over = total > e->bytes_max;
	if (r == 0 && *out_over)
		r = sqlite_statement(s, RUN_FIRST, &stmt);
	if (r == 0 && *out_over) {
		(void)sqlite3_bind_int64(stmt, 1, now);
		if (sqlite3_step(stmt) == SQLITE_ROW)
			*out = sqlite3_column_int64(stmt, 0);
		else
			r = sqlite_failed(s->writer, "reading");
		(void)sqlite3_reset(stmt);
	}
	return sqlite_end(s, r);
}

/*
 * By slices of time: so of objects, too, what was used last goes last, though
 * their own rows may be old.
 */
static int shrink(struct database *db, const struct store_expiry *e,
		  unsigned *io_count)
{
	struct store_expiry slice = *e;
	int64_t now = clock_wall() / CLOCK_S, first = 0;
	bool over = false;
	int r = find_first((struct sqlite *)db, e, now, &first, &over);

	for (int64_t i = 1;
	     over && i <= STORE_SLICES && r == 0 && *io_count < e->max; i++) {
		slice.before = i < STORE_SLICES ? first + (now - first) * i /
								  STORE_SLICES
						: INT64_MAX;
		r = expire_before(db, &slice, io_count);
	}
	return r;
}

int sqlite_expire(struct database *db, const struct store_expiry *e,
		  unsigned *out_count)
{
	struct store_expiry age = { .before = e->before, .max = e->max };
	unsigned count = 0;
	int r;

	if (e->max < 1 || e->max > BATCH_MAX)
		return err_new(-EINVAL, "store: not a batch");
	r = expire_before(db, &age, &count);
	if (r == 0 && e->bytes_max > 0 && count < e->max)
		r = shrink(db, e, &count);
	if (r == 0)
		*out_count = count;
	return r;
}
