#include "store/sqlite.h"

#include <errno.h>

#include "base/err.h"

#define VALUES "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"

static const struct str statements[SQLITE_STATEMENTS] = {
	[RUN_FIND] = STR_INIT("SELECT seq, status, bytes, blobs"
			      " FROM completions"
			      " WHERE key = ? AND owner = ? AND id = ?"),
	[RUN_INSERT] = STR_INIT(
		"INSERT INTO completions (key, created, bytes, status,"
		" first_byte_us, total_us, stored_at, blobs, owner, id,"
		" model_asked, model_served, provider, user, metadata, usage,"
		" extra, params, choices, request) VALUES (" VALUES ")"),
	[RUN_REPLACE] = STR_INIT(
		"INSERT OR REPLACE INTO completions (key, created, bytes,"
		" status, first_byte_us, total_us, stored_at, blobs, owner, id,"
		" model_asked, model_served, provider, user, metadata, usage,"
		" extra, params, choices, request, seq) VALUES (" VALUES
		", ?)"),
	[RUN_DELETE] = STR_INIT("DELETE FROM completions WHERE seq = ?"),
	[RUN_COUNT] = STR_INIT("UPDATE totals SET rows = rows + ?,"
			       " bytes = bytes + ? WHERE kind = ?"),
	[RUN_FIND_BLOB] = STR_INIT("SELECT blob FROM blobs WHERE hash = ?"),
	[RUN_ADD_BLOB] =
		STR_INIT("INSERT INTO blobs (hash, bytes) VALUES (?, ?)"),
	[RUN_ADD_USE] = STR_INIT(
		"INSERT INTO blob_uses (seq, place, blob) VALUES (?, ?, ?)"),
	[RUN_USES] = STR_INIT("SELECT blob FROM blob_uses WHERE seq = ?"),
	[RUN_DROP_USES] = STR_INIT("DELETE FROM blob_uses WHERE seq = ?"),
	[RUN_DROP_BLOB] =
		STR_INIT("DELETE FROM blobs WHERE blob = ?1 AND NOT EXISTS"
			 " (SELECT 1 FROM blob_uses WHERE blob = ?1)"
			 " RETURNING length(bytes)"),
	[RUN_TOTAL] = STR_INIT("SELECT sum(bytes) FROM totals"),
	[RUN_FIRST] = STR_INIT(
		"SELECT min(coalesce((SELECT min(stored_at) FROM completions), a),"
		" coalesce((SELECT min(stored_at) FROM objects"
		" WHERE kind IN (1, 3)), a)) FROM (SELECT ? AS a)"),
	[RUN_OLDEST] =
		STR_INIT("SELECT seq, status, bytes, blobs, stored_at"
			 " FROM completions ORDER BY stored_at, seq LIMIT ?"),
	[RUN_SET_METADATA] =
		STR_INIT("UPDATE completions SET metadata = ?2,"
			 " bytes = bytes - length(CAST(metadata AS BLOB))"
			 " + length(CAST(?2 AS BLOB)) WHERE seq = ?1"
			 " RETURNING bytes"),
};

int sqlite_prepare(struct sqlite *s, struct str sql, sqlite3_stmt **stmt)
{
	if (*stmt == NULL &&
	    sqlite3_prepare_v3(s->writer, sql.ptr, (int)sql.len,
			       SQLITE_PREPARE_PERSISTENT, stmt,
			       NULL) != SQLITE_OK)
		return sqlite_failed(s->writer, "writing");
	return 0;
}

int sqlite_statement(struct sqlite *s, enum sqlite_statement which,
		     sqlite3_stmt **out)
{
	int r = sqlite_prepare(s, statements[which], &s->statements[which]);

	*out = s->statements[which];
	return r;
}

int sqlite_change(struct sqlite *s, enum sqlite_statement which,
		  const int64_t *numbers, size_t count)
{
	sqlite3_stmt *stmt;
	int r = sqlite_statement(s, which, &stmt);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		(void)sqlite3_bind_int64(stmt, (int)i + 1, numbers[i]);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		r = sqlite_failed(s->writer, "writing");
	(void)sqlite3_reset(stmt);
	return r;
}

int sqlite_find_key(struct sqlite *s, struct str owner, struct str id,
		    struct sqlite_key *out)
{
	sqlite3_stmt *stmt;
	int at = 1;
	int r = sqlite_statement(s, RUN_FIND, &stmt);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, at++, row_key(owner, id));
	r = sqlite_bind(stmt, &at, owner);
	if (r == 0)
		r = sqlite_bind(stmt, &at, id);
	if (r == 0) {
		int got = sqlite3_step(stmt);

		if (got == SQLITE_ROW)
			*out = sqlite_key_of(stmt);
		else {
			r = got == SQLITE_DONE
				    ? STORE_UNKNOWN
				    : sqlite_failed(s->writer, "writing");
		}
	}
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return r;
}

static int bind_row(sqlite3_stmt *stmt, const struct row *row, int *at)
{
	const struct store_completion *c = &row->c;
	const struct str texts[] = {
		c->owner,    c->id,     c->model_asked, c->model_served,
		c->provider, c->user,   c->metadata,    c->usage,
		c->extra,    c->params, c->choices,     row->rest
	};
	const int64_t numbers[] = { row_key(c->owner, c->id),
				    c->created,
				    (int64_t)row_kept_bytes(row),
				    c->status,
				    c->first_byte_us,
				    c->total_us,
				    c->stored_at,
				    (int64_t)row->blob_count };
	int r = 0;

	for (size_t i = 0; i < countof(numbers) && r == 0; i++) {
		if (sqlite3_bind_int64(stmt, (*at)++, numbers[i]) != SQLITE_OK)
			r = -ENOMEM;
	}
	for (size_t i = 0; i < countof(texts) && r == 0; i++)
		r = sqlite_bind(stmt, at, texts[i]);
	return r;
}

/* In old's place, or as a new one when its seq is 0. */
static int write_row(struct sqlite *s, const struct row *row, int64_t seq)
{
	sqlite3_stmt *stmt;
	int at = 1;
	int r = sqlite_statement(s, seq > 0 ? RUN_REPLACE : RUN_INSERT, &stmt);

	if (r == 0)
		r = bind_row(stmt, row, &at);
	if (r < 0)
		return r;
	if (seq > 0)
		(void)sqlite3_bind_int64(stmt, at, seq);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		r = sqlite_failed(s->writer, "writing");
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return r;
}

static int put_row(struct sqlite *s, const struct row *row, size_t *replaced)
{
	struct sqlite_key old = { 0 };
	int r = sqlite_find_key(s, row->c.owner, row->c.id, &old);

	if (r == 0) {
		++*replaced;
		r = sqlite_forget(s, &old);
	} else if (r == STORE_UNKNOWN) {
		r = 0;
	}
	if (r == 0)
		r = write_row(s, row, old.seq);
	if (r < 0)
		return r;
	sqlite_add(s, row->c.status, 1, (int64_t)row_kept_bytes(row));
	if (row->blob_count == 0)
		return 0;
	return sqlite_add_blobs(s, row,
				old.seq > 0
					? old.seq
					: sqlite3_last_insert_rowid(s->writer));
}

void sqlite_add(struct sqlite *s, unsigned kind, int64_t rows, int64_t bytes)
{
	s->added[kind].rows += rows;
	s->added[kind].bytes += bytes;
}

static int write_totals(struct sqlite *s)
{
	int r = 0;

	for (size_t i = 0; i < SQLITE_KINDS && r == 0; i++) {
		const int64_t numbers[] = { s->added[i].rows, s->added[i].bytes,
					    (int64_t)i };

		if (numbers[0] != 0 || numbers[1] != 0)
			r = sqlite_change(s, RUN_COUNT, numbers, 3);
	}
	return r;
}

int sqlite_begin(struct sqlite *s)
{
	int r;

	pthread_mutex_lock(&s->write_lock);
	memset(s->added, 0, sizeof(s->added));
	r = sqlite_run(s->writer, "BEGIN IMMEDIATE");
	if (r < 0)
		pthread_mutex_unlock(&s->write_lock);
	return r;
}

int sqlite_end(struct sqlite *s, int r)
{
	if (r == 0)
		r = write_totals(s);
	if (r == 0)
		r = sqlite_run(s->writer, "COMMIT");
	if (r != 0)
		(void)sqlite3_exec(s->writer, "ROLLBACK", NULL, NULL, NULL);
	pthread_mutex_unlock(&s->write_lock);
	return r;
}

int sqlite_put(struct database *db, struct row *const *rows, size_t count,
	       size_t *out_replaced)
{
	struct sqlite *s = (struct sqlite *)db;
	size_t replaced = 0;
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	for (size_t i = 0; i < count && r == 0; i++) {
		const struct row *row = rows[i];

		r = row->op_count == 0
			    ? put_row(s, row, &replaced)
			    : sqlite_object_write(s, row->ops, row->op_count,
						  true);
	}
	*out_replaced = replaced;
	return sqlite_end(s, r);
}

static int set_metadata(struct sqlite *s, const struct sqlite_key *key,
			struct str metadata)
{
	sqlite3_stmt *stmt;
	int at = 2;
	int r = sqlite_statement(s, RUN_SET_METADATA, &stmt);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, key->seq);
	r = sqlite_bind(stmt, &at, metadata);
	if (r == 0 && sqlite3_step(stmt) != SQLITE_ROW)
		r = sqlite_failed(s->writer, "writing");
	if (r == 0) {
		int64_t bytes = sqlite3_column_int64(stmt, 0);

		sqlite_add(s, key->status, 0, bytes - key->bytes);
	}
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return r;
}

int sqlite_set_metadata(struct database *db, struct str owner, struct str id,
			struct str metadata)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_key key = { 0 };
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	r = sqlite_find_key(s, owner, id, &key);
	if (r == 0)
		r = set_metadata(s, &key, metadata);
	return sqlite_end(s, r);
}
