#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>

#include "base/err.h"

/* What each finds is a line of text. */
static const char *const questions[] = {
	"SELECT 'the file: ' || integrity_check FROM pragma_integrity_check(100)"
	" WHERE integrity_check <> 'ok'",

	"SELECT 'row ' || seq || ': its key is not that of its id'"
	" FROM completions WHERE key <> quipu_key(owner, id) LIMIT 100",

	"SELECT 'rows ' || group_concat(seq) || ': the same owner and id'"
	" FROM completions GROUP BY key, owner, id HAVING count(*) > 1"
	" LIMIT 100",

	"SELECT 'row ' || max(c.seq) || ': beyond the sequence, ' || s.seq"
	" FROM completions AS c, sqlite_sequence AS s"
	" WHERE s.name = 'completions' GROUP BY s.seq HAVING max(c.seq) > s.seq",

	"SELECT 'row ' || seq || ': ' || blobs || ' blobs, but '"
	" || (SELECT count(*) FROM blob_uses AS u JOIN blobs USING (blob)"
	" WHERE u.seq = c.seq) || ' are there' FROM completions AS c"
	" WHERE blobs <> (SELECT count(*) FROM blob_uses AS u"
	" JOIN blobs USING (blob) WHERE u.seq = c.seq) LIMIT 100",

	"SELECT 'blob ' || blob || ': no row uses it' FROM blobs AS b"
	" WHERE NOT EXISTS (SELECT 1 FROM blob_uses AS u"
	" JOIN completions USING (seq) WHERE u.blob = b.blob) LIMIT 100",

	"SELECT 'blob ' || blob || ': its bytes are not those of its hash'"
	" FROM blobs WHERE hash <> quipu_hash(bytes) LIMIT 100",

	"SELECT 'the count of kind ' || kind || ': ' || t.rows || ' rows of '"
	" || t.bytes || ' bytes, but there are ' || n || ' of ' || size"
	" FROM totals AS t JOIN (SELECT k.kind AS kind, count(c.seq) AS n,"
	" coalesce(sum(c.bytes), 0) AS size FROM totals AS k"
	" LEFT JOIN completions AS c ON c.status = k.kind WHERE k.kind < 3"
	" GROUP BY k.kind UNION ALL SELECT 3, count(*),"
	" coalesce(sum(length(bytes)), 0) FROM blobs UNION ALL SELECT 4,"
	" count(*), coalesce(sum(bytes), 0) FROM objects) USING (kind)"
	" WHERE t.rows <> n OR t.bytes <> size",
};

static int ask(sqlite3 *db, const char *sql, const struct store_finding *f)
{
	sqlite3_stmt *stmt = NULL;
	int got, r = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return sqlite_failed(db, "checking");
	while ((got = sqlite3_step(stmt)) == SQLITE_ROW) {
		const void *text = sqlite3_column_blob(stmt, 0);

		f->found(f->arg,
			 (struct str){ text != NULL ? text : "",
				       (size_t)sqlite3_column_bytes(stmt, 0) });
	}
	if (got != SQLITE_DONE)
		r = sqlite_failed(db, "checking");
	(void)sqlite3_finalize(stmt);
	return r;
}

/* One state of the whole: what is written meanwhile is not seen. */
static int ask_all(sqlite3 *db, const struct store_finding *f)
{
	int r = sqlite_run(db, "BEGIN");

	for (size_t i = 0; i < countof(questions) && r == 0; i++) {
		r = ask(db, questions[i], f);
		if (r == -EUCLEAN) {
			f->found(f->arg, err_text());
			r = 0;
		}
	}
	(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int sqlite_check(struct database *db, const struct store_finding *f)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	reader->deadline_ns = INT64_MAX;
	r = ask_all(reader->db, f);
	sqlite_give(s, reader);
	return r;
}

/* The log is written back first, and cut after: else all is there twice. */
int sqlite_vacuum(struct database *db)
{
	struct sqlite *s = (struct sqlite *)db;
	int r;

	pthread_mutex_lock(&s->write_lock);
	r = sqlite_run(s->writer, "VACUUM");
	if (r == 0)
		r = sqlite_run(s->writer, "PRAGMA wal_checkpoint(TRUNCATE)");
	pthread_mutex_unlock(&s->write_lock);
	return r;
}
