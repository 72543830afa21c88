#include "store/sqlite.h"

#include <errno.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	SQL_MAX = 4096,
	NUMBERS = 9, /* the columns before the texts */
	TEXTS = 9,
};

/* Which JSON is wanted follows. */
#define COLUMNS                                                   \
	"seq, kind, created, stored_at, version, claims, due_ms," \
	" is_root, bytes, owner, id, parent, label, state, holder"

static int write_columns(struct buf *out, unsigned without)
{
	return buf_printf(out, COLUMNS ", %s, %s, %s",
			  (without & STORE_BODY) != 0 ? "''" : "body",
			  (without & STORE_INPUT) != 0 ? "''" : "input",
			  (without & STORE_AUX) != 0 ? "''" : "aux");
}

static int read_object(sqlite3_stmt *stmt, struct arena *a,
		       struct store_object *out)
{
	struct store_object o = {
		.seq = sqlite3_column_int64(stmt, 0),
		.kind = (enum store_kind)sqlite3_column_int(stmt, 1),
		.created = sqlite3_column_int64(stmt, 2),
		.stored_at = sqlite3_column_int64(stmt, 3),
		.version = sqlite3_column_int64(stmt, 4),
		.claims = sqlite3_column_int64(stmt, 5),
		.due_ms = sqlite3_column_int64(stmt, 6),
		.is_root = sqlite3_column_int(stmt, 7) != 0,
	};
	struct str *texts[TEXTS] = { &o.owner, &o.id,    &o.parent,
				     &o.label, &o.state, &o.holder,
				     &o.body,  &o.input, &o.aux };
	int r = 0;

	for (size_t i = 0; i < TEXTS && r == 0; i++)
		r = sqlite_read_text(stmt, NUMBERS + (int)i, a, texts[i]);
	if (r == 0)
		*out = o;
	return r;
}

static int prepare(sqlite3 *db, const struct buf *sql, sqlite3_stmt **out)
{
	if (sqlite3_prepare_v2(db, sql->ptr, (int)sql->len, out, NULL) ==
	    SQLITE_OK)
		return 0;
	return sqlite_failed(db, "reading");
}

/* 0 when it stands on a row, or STORE_UNKNOWN. */
static int step(sqlite3 *db, sqlite3_stmt *stmt)
{
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return 0;
	case SQLITE_DONE:
		return STORE_UNKNOWN;
	default:
		return sqlite_failed(db, "reading");
	}
}

static int bind_key(sqlite3_stmt *stmt, int *at, const struct store_key *key)
{
	int r = sqlite_bind(stmt, at, key->owner);

	(void)sqlite3_bind_int(stmt, (*at)++, (int)key->kind);
	return r == 0 ? sqlite_bind(stmt, at, key->id) : r;
}

/* The first row of a question about a key; *out is to be finalized. */
static int ask(sqlite3 *db, const char *sql, const struct store_key *key,
	       sqlite3_stmt **out)
{
	int at = 1;
	int r;

	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK)
		return sqlite_failed(db, "reading");
	r = bind_key(*out, &at, key);
	return r == 0 ? step(db, *out) : r;
}

int sqlite_object_read_seq(sqlite3 *db, int64_t seq, struct arena *a,
			   struct store_object *out)
{
	sqlite3_stmt *stmt = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(db,
			       "SELECT " COLUMNS ", body, input, aux"
			       " FROM objects WHERE seq = ?",
			       -1, &stmt, NULL) != SQLITE_OK)
		return sqlite_failed(db, "reading");
	(void)sqlite3_bind_int64(stmt, 1, seq);
	r = step(db, stmt);
	if (r == 0)
		r = read_object(stmt, a, out);
	(void)sqlite3_finalize(stmt);
	return r;
}

static int get(struct database *db, const struct store_key *key,
	       struct arena *a, struct store_object *out)
{
	struct sqlite *s = (struct sqlite *)db;
	sqlite3_stmt *stmt = NULL;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = ask(reader->db,
		"SELECT " COLUMNS ", body, input, aux FROM objects"
		" WHERE owner = ? AND kind = ? AND id = ?",
		key, &stmt);
	if (r == 0)
		r = read_object(stmt, a, out);
	(void)sqlite3_finalize(stmt);
	sqlite_give(s, reader);
	return r;
}

static int has_children(struct database *db, const struct store_key *key,
			bool *out)
{
	struct sqlite *s = (struct sqlite *)db;
	sqlite3_stmt *stmt = NULL;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = ask(reader->db,
		"SELECT 1 FROM objects WHERE owner = ? AND kind = ?"
		" AND parent = ? AND parent <> '' LIMIT 1",
		key, &stmt);
	(void)sqlite3_finalize(stmt);
	sqlite_give(s, reader);
	if (r >= 0)
		*out = r == 0;
	return r < 0 ? r : 0;
}

/* Behind which sequence the page begins; 0: from the edge of all. */
static int find_edge(sqlite3 *db, const struct store_objects_query *q,
		     int64_t *out)
{
	struct store_key key = { q->kind, q->owner,
				 q->after.len > 0 ? q->after : q->before };
	sqlite3_stmt *stmt = NULL;
	int r;

	*out = 0;
	if (key.id.len == 0)
		return 0;
	r = ask(db,
		"SELECT seq FROM objects"
		" WHERE owner = ? AND kind = ? AND id = ?",
		&key, &stmt);
	if (r == 0)
		*out = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return r == STORE_UNKNOWN ? STORE_BAD_CURSOR : r;
}

/* Ahead of a row means: behind it, when walking the other way. */
static bool goes_down(const struct store_objects_query *q)
{
	return q->newest_first != (q->before.len > 0);
}

/* All kinds that an export has. */
static int write_walk(const struct store_objects_query *all, struct buf *out)
{
	const struct store_query *q = all->walk;
	int r = buf_add(out, STR("SELECT "));

	if (r == 0)
		r = write_columns(out, all->without);
	if (r == 0) {
		r = buf_printf(out,
			       " FROM objects WHERE seq > %lld AND kind <> %d",
			       (long long)q->after_seq, STORE_RUN);
	}
	if (r == 0 && q->one_owner)
		r = buf_add(out, STR(" AND owner = ?1"));
	if (r == 0 && q->since != 0)
		r = buf_printf(out, " AND created >= %lld",
			       (long long)q->since);
	if (r == 0 && q->until != 0)
		r = buf_printf(out, " AND created < %lld", (long long)q->until);
	return r == 0 ? buf_printf(out, " ORDER BY seq LIMIT %u",
				   all->limit + 1)
		      : r;
}

/* The parameters are bind_query()'s: numbered, since a root needs some twice. */
static int write_query(const struct store_objects_query *q, int64_t edge,
		       struct buf *out)
{
	int r = buf_add(out, STR("SELECT "));

	if (r == 0)
		r = write_columns(out, q->without);
	if (r == 0)
		r = buf_add(out, STR(" FROM objects WHERE owner = ?1"
				     " AND kind = ?2"));
	if (r == 0 && q->parent.len > 0)
		r = buf_add(out, STR(" AND parent = ?3 AND parent <> ''"));
	if (r == 0 && q->label.len > 0)
		r = buf_add(out, STR(" AND label = ?4 AND label <> ''"));
	if (r == 0 && q->state.len > 0)
		r = buf_add(out, STR(" AND state = ?5"));
	if (r == 0 && q->not_state.len > 0)
		r = buf_add(out, STR(" AND state <> ?6"));
	if (r == 0 && edge > 0) {
		r = buf_printf(out, " AND seq %s %lld",
			       goes_down(q) ? "<" : ">", (long long)edge);
	}
	if (r == 0 && q->from_root) {
		r = buf_add(out, STR(" AND seq >= coalesce((SELECT seq"
				     " FROM objects WHERE owner = ?1"
				     " AND kind = ?2 AND parent = ?3"
				     " AND parent <> '' AND is_root"
				     " ORDER BY seq DESC LIMIT 1), 0)"));
	}
	if (r == 0) {
		r = buf_printf(out, " ORDER BY seq %s LIMIT %u",
			       goes_down(q) ? "DESC" : "ASC", q->limit + 1);
	}
	return r;
}

/* Numbers above the last one that the text has are not there. */
static int bind_query(sqlite3_stmt *stmt, const struct store_objects_query *q)
{
	const struct str texts[] = { q->parent, q->label, q->state,
				     q->not_state };
	int at = 1, last = sqlite3_bind_parameter_count(stmt);
	struct str owner = q->walk != NULL ? q->walk->owner : q->owner;
	int r = last > 0 ? sqlite_bind(stmt, &at, owner) : 0;

	(void)sqlite3_bind_int(stmt, at++, (int)q->kind);
	for (size_t i = 0; i < countof(texts) && at <= last && r == 0; i++)
		r = sqlite_bind(stmt, &at, texts[i]);
	return r;
}

static void turn_round(struct store_object *rows, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct store_object o = rows[i];

		rows[i] = rows[count - 1 - i];
		rows[count - 1 - i] = o;
	}
}

/* Up to max rows; one more says that there are more. */
static int read_all(sqlite3 *db, sqlite3_stmt *stmt, unsigned max,
		    struct arena *a, struct store_objects *out)
{
	struct store_objects page = { 0 };
	int r = 0, got = 0;

	page.rows = arena_try(a, max * sizeof(*page.rows));
	if (page.rows == NULL)
		return sqlite_no_room();
	while (r == 0 && (got = step(db, stmt)) == 0) {
		page.has_more = page.count == max;
		if (page.has_more)
			break;
		r = read_object(stmt, a, &page.rows[page.count++]);
	}
	if (r == 0 && got < 0)
		r = got;
	if (r == 0)
		*out = page;
	return r;
}

static int list_with(sqlite3 *db, const struct store_objects_query *q,
		     struct arena *a, struct store_objects *out)
{
	sqlite3_stmt *stmt = NULL;
	struct buf sql;
	int64_t edge;
	int r;

	buf_init(&sql, SQL_MAX);
	r = find_edge(db, q, &edge);
	if (r == 0)
		r = q->walk ? write_walk(q, &sql) : write_query(q, edge, &sql);
	if (r == 0)
		r = prepare(db, &sql, &stmt);
	if (r == 0)
		r = bind_query(stmt, q);
	if (r == 0)
		r = read_all(db, stmt, q->limit, a, out);
	if (r == 0 && q->before.len > 0)
		turn_round(out->rows, out->count);
	(void)sqlite3_finalize(stmt);
	buf_fini(&sql);
	return r;
}

static int list(struct database *db, const struct store_objects_query *q,
		struct arena *a, struct store_objects *out)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = list_with(reader->db, q, a, out);
	sqlite_give(s, reader);
	return r;
}

/* From below, since there is never more than one row to go on from. */
static int write_chain(const struct store_chain_query *q, struct buf *out)
{
	int r = buf_add(
		out,
		STR("WITH RECURSIVE up (n, at, above) AS (SELECT 1, seq,"
		    " CASE WHEN is_root THEN '' ELSE parent END FROM objects"
		    " WHERE owner = ?1 AND kind = ?2 AND id = ?3"
		    " UNION ALL SELECT n + 1, o.seq,"
		    " CASE WHEN o.is_root THEN '' ELSE o.parent END"
		    " FROM up CROSS JOIN objects AS o"
		    " WHERE above <> '' AND n < ?4 AND o.owner = ?1"
		    " AND o.kind = ?2 AND o.id = above) SELECT "));

	if (r == 0)
		r = write_columns(out, q->without);
	if (r == 0) {
		r = buf_add(out, STR(" FROM up CROSS JOIN objects"
				     " WHERE seq = at"));
	}
	return r;
}

static int chain_with(sqlite3 *db, const struct store_chain_query *q,
		      struct arena *a, struct store_chain *out)
{
	struct store_objects got = { 0 };
	sqlite3_stmt *stmt = NULL;
	struct buf sql;
	int at = 1;
	int r;

	buf_init(&sql, SQL_MAX);
	r = write_chain(q, &sql);
	if (r == 0)
		r = prepare(db, &sql, &stmt);
	if (r == 0)
		r = bind_key(stmt, &at, &q->from);
	if (r == 0) {
		(void)sqlite3_bind_int64(stmt, at, q->max);
		r = read_all(db, stmt, q->max, a, &got);
	}
	(void)sqlite3_finalize(stmt);
	buf_fini(&sql);
	turn_round(got.rows, got.count);
	if (r == 0 && got.count == 0)
		r = STORE_UNKNOWN;
	if (r == 0) {
		*out = (struct store_chain){
			.rows = got.rows,
			.count = got.count,
			.is_whole = got.rows[0].is_root ||
				    got.rows[0].parent.len == 0,
		};
	}
	return r;
}

static int chain(struct database *db, const struct store_chain_query *q,
		 struct arena *a, struct store_chain *out)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = chain_with(reader->db, q, a, out);
	sqlite_give(s, reader);
	return r;
}

/* A question with two numbers and a text, or none, answered by a number. */
static int count_with(sqlite3 *db, const char *sql, const int64_t numbers[2],
		      struct str text, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int at = 3;
	int r;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return sqlite_failed(db, "reading");
	(void)sqlite3_bind_int64(stmt, 1, numbers[0]);
	(void)sqlite3_bind_int64(stmt, 2, numbers[1]);
	r = text.len > 0 ? sqlite_bind(stmt, &at, text) : 0;
	if (r == 0)
		r = step(db, stmt);
	if (r == 0)
		*out = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	return r;
}

int sqlite_object_is_due(struct sqlite *s, enum store_kind kind, int64_t now_ms)
{
	struct sqlite_reader *reader;
	int64_t is_due = 0;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = count_with(reader->db,
		       "SELECT EXISTS (SELECT 1 FROM objects WHERE kind = ?1"
		       " AND due_ms <= ?2 AND state IN ('queued', 'running'))",
		       (const int64_t[]){ kind, now_ms }, STR_NULL, &is_due);
	sqlite_give(s, reader);
	return r == 0 && is_due == 0 ? STORE_UNKNOWN : r;
}

static int count(struct database *db, enum store_kind kind, struct str state,
		 unsigned max, unsigned *out)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_reader *reader;
	int64_t n = 0;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = count_with(reader->db,
		       "SELECT count(*) FROM (SELECT 1 FROM objects"
		       " WHERE kind = ?1 AND state = ?3"
		       " AND state IN ('queued', 'running') LIMIT ?2)",
		       (const int64_t[]){ kind, max }, state, &n);
	sqlite_give(s, reader);
	if (r == 0)
		*out = (unsigned)n;
	return r;
}

const struct database_objects sqlite_objects = {
	.apply = sqlite_object_apply,
	.get = get,
	.list = list,
	.chain = chain,
	.has_children = has_children,
	.claim = sqlite_object_claim,
	.lease = sqlite_object_lease,
	.count = count,
};
