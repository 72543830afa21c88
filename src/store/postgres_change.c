#include "store/postgres.h"

#include <errno.h>

#include "base/clock.h"

/* One number from a statement of its own transaction; 1: no row. */
static int ask_number(struct database *db, const char *sql,
		      const struct postgres_args *args, int64_t *out)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	r = postgres_numbers(c, sql, args, out, 1);
	postgres_give(s, c);
	return r;
}

static int change_one(struct database *db, const char *sql,
		      const struct postgres_args *args)
{
	int64_t n = 0;
	int r = ask_number(db, sql, args, &n);

	if (r < 0)
		return err_up(r);
	return r == 0 && n > 0 ? 0 : STORE_UNKNOWN;
}

int postgres_set_metadata(struct database *db, struct str owner, struct str id,
			  struct str metadata)
{
	struct postgres_args a = { 0 };

	postgres_add_text(&a, owner);
	postgres_add_text(&a, id);
	postgres_add_text(&a, metadata);
	return change_one(
		db,
		"WITH old AS MATERIALIZED (SELECT seq,"
		" length($3) - length(metadata) AS more"
		" FROM quipu_completions"
		" WHERE " POSTGRES_IS(
			"$1",
			"$2") " FOR UPDATE),"
			      " new AS (UPDATE quipu_completions AS c"
			      " SET metadata = $3, bytes = bytes + more"
			      " FROM old WHERE c.seq = old.seq"
			      " RETURNING status, more),"
			      " counted AS (SELECT quipu_count(status, 0, more)"
			      " FROM new)"
			      " SELECT count(*) FROM counted",
		&a);
}

int postgres_drop(struct database *db, struct str owner, struct str id)
{
	struct postgres_args a = { 0 };

	postgres_add_text(&a, owner);
	postgres_add_text(&a, id);
	return change_one(db,
			  "SELECT count(quipu_forget(seq))"
			  " FROM quipu_completions"
			  " WHERE " POSTGRES_IS("$1", "$2"),
			  &a);
}

int postgres_expire(struct database *db, const struct store_expiry *e,
		    unsigned *out_count)
{
	static const char *const steps[] = {
		"SELECT quipu_expire($1, 0, $2)",
		"SELECT quipu_object_expire($1, $2)",
		"SELECT quipu_shrink($1, $2)",
	};
	int64_t n = 0;
	int r = 0;

	for (size_t i = 0; i < countof(steps) && r == 0 && n < e->max; i++) {
		struct postgres_args a = { 0 };
		int64_t more = 0;

		postgres_add_number(&a, i < 2 ? e->before : e->bytes_max);
		postgres_add_number(&a, e->max - n);
		if (i < 2 || e->bytes_max > 0)
			r = ask_number(db, steps[i], &a, &more);
		n += more;
	}
	if (r < 0)
		return err_up(r);
	*out_count = (unsigned)n;
	return 0;
}

/* For what takes as long as it takes; the connection is not used again. */
static int take_unlimited(struct postgres *s, struct postgres_conn **out)
{
	int r = postgres_take(s, out);

	if (r < 0)
		return err_up(r);
	(*out)->deadline_ns = CLOCK_NEVER;
	r = postgres_run(*out,
			 "SET statement_timeout = 0; SET lock_timeout = 0;"
			 " SET enable_seqscan = on;"
			 " SET idle_in_transaction_session_timeout = 0");
	if (r < 0)
		postgres_give(s, *out);
	return r;
}

/* The room is for new rows then; the file itself does not shrink. */
int postgres_vacuum(struct database *db)
{
	static const char *const tables[] = {
		"VACUUM (ANALYZE) quipu_completions",
		"VACUUM (ANALYZE) quipu_blobs",
		"VACUUM (ANALYZE) quipu_objects",
		"VACUUM (ANALYZE) quipu_totals",
	};
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = take_unlimited(s, &c);

	if (r < 0)
		return r;
	for (size_t i = 0; i < countof(tables) && r == 0; i++)
		r = postgres_run(c, tables[i]);
	postgres_hang_up(c);
	postgres_give(s, c);
	return r;
}

/* What each finds is a line of text. */
static const char *const questions[] = {
	"SELECT 'row ' || seq || ': beyond the sequence'"
	" FROM quipu_completions, quipu_completions_seq_seq"
	" WHERE seq > last_value LIMIT 100",

	"SELECT 'row ' || seq || ': a blob is missing' FROM quipu_completions,"
	" generate_series(0, length(blobs) / 48 - 1) AS i"
	" WHERE blobs <> '' AND NOT EXISTS (SELECT 1 FROM quipu_blobs"
	" WHERE hash = substring(blobs FROM i * 48 + 17 FOR 32)) LIMIT 100",

	"SELECT 'blob ' || encode(hash, 'hex') || ': ' || uses"
	" || ' uses are counted, but there are ' || coalesce(n, 0)"
	" FROM quipu_blobs LEFT JOIN (SELECT"
	" substring(blobs FROM i * 48 + 17 FOR 32) AS hash, count(*) AS n"
	" FROM quipu_completions, generate_series(0, length(blobs) / 48 - 1)"
	" AS i WHERE blobs <> '' GROUP BY 1) AS u USING (hash)"
	" WHERE uses <> coalesce(n, 0) LIMIT 100",

	"SELECT 'blob ' || encode(hash, 'hex') || ': its bytes are not those"
	" of its hash' FROM quipu_blobs WHERE hash <> sha256(bytes) LIMIT 100",

	"SELECT 'the count of kind ' || kind || ': ' || t.rows || ' rows of '"
	" || t.bytes || ' bytes, but there are ' || coalesce(n, 0) || ' of '"
	" || coalesce(size, 0) FROM (SELECT kind, sum(rows) AS rows,"
	" sum(bytes) AS bytes FROM quipu_totals GROUP BY kind) AS t"
	" LEFT JOIN (SELECT status AS kind, count(*) AS n, sum(bytes) AS size"
	" FROM quipu_completions GROUP BY status UNION ALL SELECT 3, count(*),"
	" sum(length(bytes)) FROM quipu_blobs UNION ALL SELECT 4, count(*),"
	" sum(bytes) FROM quipu_objects) AS k USING (kind)"
	" WHERE t.rows <> coalesce(n, 0) OR t.bytes <> coalesce(size, 0)",
};

static int ask(struct postgres_conn *c, const char *sql,
	       const struct store_finding *f)
{
	static const struct postgres_args none;
	PGresult *res = NULL;
	int r = postgres_ask(c, sql, &none);

	while (r == 0 && (r = postgres_next(c, &res)) == 0 && res != NULL) {
		if (libpq.PQntuples(res) > 0)
			f->found(f->arg, postgres_text(res, 0));
		libpq.PQclear(res);
	}
	return r;
}

/* One state of the whole: what is written meanwhile is not seen. */
int postgres_check(struct database *db, const struct store_finding *f)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = take_unlimited(s, &c);

	if (r < 0)
		return r;
	r = postgres_run(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	for (size_t i = 0; i < countof(questions) && r == 0; i++)
		r = ask(c, questions[i], f);
	postgres_hang_up(c);
	postgres_give(s, c);
	return r;
}
