#include "store/sqlite.h"

#include <errno.h>

#include "base/err.h"

static const char insert_sql[] =
	"INSERT INTO completions (owner, id, created, bytes, status,"
	" first_byte_us, total_us, model_asked, model_served, provider, user,"
	" metadata, usage, extra, choices, request)"
	" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	" ON CONFLICT (owner, id) DO NOTHING";

static int bind_row(sqlite3_stmt *stmt, const struct store_completion *c)
{
	const struct str first[] = { c->owner, c->id };
	const struct str rest[] = { c->model_asked, c->model_served,
				    c->provider,    c->user,
				    c->metadata,    c->usage,
				    c->extra,       c->choices,
				    c->request };
	const int64_t numbers[] = { c->created, (int64_t)row_bytes(c),
				    c->status, c->first_byte_us, c->total_us };
	int at = 1;
	int r = 0;

	for (size_t i = 0; i < countof(first) && r == 0; i++)
		r = sqlite_bind(stmt, &at, first[i]);
	for (size_t i = 0; i < countof(numbers) && r == 0; i++) {
		if (sqlite3_bind_int64(stmt, at++, numbers[i]) != SQLITE_OK)
			r = -ENOMEM;
	}
	for (size_t i = 0; i < countof(rest) && r == 0; i++)
		r = sqlite_bind(stmt, &at, rest[i]);
	return r;
}

static int step(sqlite3 *db, sqlite3_stmt *stmt)
{
	int r = 0;

	if (sqlite3_step(stmt) != SQLITE_DONE)
		r = sqlite_failed(db, "writing");
	(void)sqlite3_reset(stmt);
	return r;
}

static int insert(struct sqlite *s, struct row *const *rows, size_t count,
		  size_t *out_new)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		r = bind_row(s->insert, &rows[i]->c);
		if (r == 0)
			r = step(s->writer, s->insert);
		n += r == 0 ? (size_t)sqlite3_changes(s->writer) : 0;
	}
	(void)sqlite3_clear_bindings(s->insert);
	*out_new = n;
	return r;
}

/* End a transaction: all of it when r is 0, nothing of it otherwise. */
static int end(sqlite3 *db, int r)
{
	if (r == 0)
		r = sqlite_run(db, "COMMIT");
	if (r < 0)
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static int put_locked(struct sqlite *s, struct row *const *rows, size_t count,
		      size_t *out_new)
{
	int r;

	if (s->insert == NULL &&
	    sqlite3_prepare_v3(s->writer, insert_sql, -1,
			       SQLITE_PREPARE_PERSISTENT, &s->insert,
			       NULL) != SQLITE_OK)
		return sqlite_failed(s->writer, "writing");
	r = sqlite_run(s->writer, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	return end(s->writer, insert(s, rows, count, out_new));
}

int sqlite_put(struct database *db, struct row *const *rows, size_t count,
	       size_t *out_new)
{
	struct sqlite *s = (struct sqlite *)db;
	int r;

	pthread_mutex_lock(&s->write_lock);
	r = put_locked(s, rows, count, out_new);
	pthread_mutex_unlock(&s->write_lock);
	return r;
}

/* A statement that changes rows, its texts and numbers in their order. */
struct change {
	const char *sql;
	struct str texts[4];
	size_t text_count;
	int64_t numbers[2];
	size_t number_count;
};

static int change_locked(sqlite3 *db, const struct change *c, int *out_count)
{
	sqlite3_stmt *stmt;
	int at = 1;
	int r = 0;

	if (sqlite3_prepare_v2(db, c->sql, -1, &stmt, NULL) != SQLITE_OK)
		return sqlite_failed(db, "writing");
	for (size_t i = 0; i < c->text_count && r == 0; i++)
		r = sqlite_bind(stmt, &at, c->texts[i]);
	for (size_t i = 0; i < c->number_count; i++)
		(void)sqlite3_bind_int64(stmt, at++, c->numbers[i]);
	if (r == 0)
		r = step(db, stmt);
	*out_count = r == 0 ? sqlite3_changes(db) : 0;
	(void)sqlite3_finalize(stmt);
	return r;
}

static int change(struct database *db, const struct change *c, int *out_count)
{
	struct sqlite *s = (struct sqlite *)db;
	int r;

	pthread_mutex_lock(&s->write_lock);
	r = change_locked(s->writer, c, out_count);
	pthread_mutex_unlock(&s->write_lock);
	return r;
}

static int change_one(struct database *db, const struct change *c)
{
	int count = 0;
	int r = change(db, c, &count);

	if (r < 0)
		return err_up(r);
	return count > 0 ? 0 : STORE_UNKNOWN;
}

int sqlite_set_metadata(struct database *db, struct str owner, struct str id,
			struct str metadata)
{
	return change_one(db,
			  &(struct change){
				  .sql = "UPDATE completions SET metadata = ?1,"
					 " bytes = bytes"
					 " - length(CAST(metadata AS BLOB))"
					 " + length(CAST(?1 AS BLOB))"
					 " WHERE owner = ?2 AND id = ?3",
				  .texts = { metadata, owner, id },
				  .text_count = 3,
			  });
}

int sqlite_drop(struct database *db, struct str owner, struct str id)
{
	return change_one(db, &(struct change){
				      .sql = "DELETE FROM completions"
					     " WHERE owner = ? AND id = ?",
				      .texts = { owner, id },
				      .text_count = 2,
			      });
}

int sqlite_expire(struct database *db, int64_t before, unsigned max,
		  unsigned *out_count)
{
	int count = 0;
	int r = change(db,
		       &(struct change){
			       .sql = "DELETE FROM completions WHERE seq IN"
				      " (SELECT seq FROM completions"
				      " WHERE created < ?"
				      " ORDER BY created, seq LIMIT ?)",
			       .numbers = { before, max },
			       .number_count = 2,
		       },
		       &count);

	if (r < 0)
		return err_up(r);
	*out_count = (unsigned)count;
	return 0;
}
