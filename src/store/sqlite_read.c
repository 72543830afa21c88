#include "store/sqlite.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	SQL_MAX = 4096,
	NUMBERS = 7,
};

#define COLUMNS                                                            \
	"seq, created, status, first_byte_us, total_us, stored_at, blobs," \
	" owner, id, model_asked, model_served, provider, user, metadata," \
	" usage, extra, params, choices, request"

/* Where a page begins: behind a row. */
struct edge {
	bool is_there;
	int64_t created;
	int64_t seq;
};

int sqlite_no_room(void)
{
	return err_new(-EMSGSIZE,
		       "store: too much for one answer; ask for fewer rows");
}

int sqlite_read_text(sqlite3_stmt *stmt, int column, struct arena *a,
		     struct str *out)
{
	const void *from = sqlite3_column_blob(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);
	char *to;

	*out = STR_NULL;
	if (len == 0)
		return 0;
	to = arena_try(a, len);
	if (to == NULL)
		return sqlite_no_room();
	memcpy(to, from, len);
	*out = (struct str){ to, len };
	return 0;
}

static int read_blobs(sqlite3_stmt *stmt, struct arena *a, struct row_blob *out,
		      size_t *count)
{
	size_t n = 0;
	int got = SQLITE_DONE;

	while (n < ROW_BLOBS_MAX && (got = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct row_blob *b = &out[n];
		b->at = (size_t)sqlite3_column_int64(stmt, 0);
		if (sqlite_read_text(stmt, 1, a, &b->bytes) < 0)
			return -EMSGSIZE;
		n++;
	}
	*count = n;
	return got == SQLITE_DONE || got == SQLITE_ROW ? 0 : -EUCLEAN;
}

/* Put them back where they were. */
static int add_blobs(sqlite3 *db, struct store_completion *c, size_t want,
		     struct arena *a)
{
	static const char sql[] = "SELECT place, bytes FROM blob_uses"
				  " JOIN blobs USING (blob) WHERE seq = ?"
				  " ORDER BY place";
	sqlite3_stmt *stmt = NULL;
	struct row_blob *blobs;
	struct arena own;
	size_t count = 0;
	int r = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return sqlite_failed(db, "reading");
	arena_init(&own, 2 * STORE_ROW_BYTES_MAX);
	blobs = arena_alloc(&own, ROW_BLOBS_MAX * sizeof(*blobs));
	(void)sqlite3_bind_int64(stmt, 1, c->seq);
	r = read_blobs(stmt, &own, blobs, &count);
	if (r < 0 || count != want) {
		r = err_new(-EUCLEAN, "store: blobs of row %lld are missing",
			    (long long)c->seq);
	} else {
		r = row_join(c->request, blobs, count, a, &c->request);
	}
	arena_fini(&own);
	(void)sqlite3_finalize(stmt);
	return r;
}

/* The columns are as COLUMNS says. */
static int read_row(sqlite3_stmt *stmt, struct arena *a,
		    struct store_completion *out)
{
	struct store_completion c = {
		.seq = sqlite3_column_int64(stmt, 0),
		.created = sqlite3_column_int64(stmt, 1),
		.status = (enum store_status)sqlite3_column_int(stmt, 2),
		.first_byte_us = sqlite3_column_int64(stmt, 3),
		.total_us = sqlite3_column_int64(stmt, 4),
		.stored_at = sqlite3_column_int64(stmt, 5),
	};
	size_t blobs = (size_t)sqlite3_column_int64(stmt, 6);
	struct str *texts[ROW_TEXTS] = {
		&c.owner,    &c.id,     &c.model_asked, &c.model_served,
		&c.provider, &c.user,   &c.metadata,    &c.usage,
		&c.extra,    &c.params, &c.choices,     &c.request
	};
	int r = 0;

	for (size_t i = 0; i < ROW_TEXTS && r == 0; i++)
		r = sqlite_read_text(stmt, NUMBERS + (int)i, a, texts[i]);
	if (r == 0 && blobs > 0)
		r = add_blobs(sqlite3_db_handle(stmt), &c, blobs, a);
	if (r == 0)
		*out = c;
	return r;
}

/* The row of an owner and an id: *out stands on it, to be finalized. */
static int find(sqlite3 *db, const char *sql, const struct str key[2],
		sqlite3_stmt **out)
{
	int at = 2;
	int r;

	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK)
		return sqlite_failed(db, "reading");
	(void)sqlite3_bind_int64(*out, 1, row_key(key[0], key[1]));
	r = sqlite_bind(*out, &at, key[0]);
	if (r == 0)
		r = sqlite_bind(*out, &at, key[1]);
	if (r < 0)
		return r;
	switch (sqlite3_step(*out)) {
	case SQLITE_ROW:
		return 0;
	case SQLITE_DONE:
		return STORE_UNKNOWN;
	default:
		return sqlite_failed(db, "reading");
	}
}

int sqlite_get(struct database *db, struct str owner, struct str id,
	       struct arena *a, struct store_completion *out)
{
	struct sqlite *s = (struct sqlite *)db;
	sqlite3_stmt *stmt = NULL;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = find(reader->db,
		 "SELECT " COLUMNS
		 " FROM completions WHERE key = ? AND owner = ? AND id = ?",
		 (const struct str[]){ owner, id }, &stmt);
	if (r == 0)
		r = read_row(stmt, a, out);
	(void)sqlite3_finalize(stmt);
	sqlite_give(s, reader);
	return r;
}

static int find_edge(sqlite3 *db, const struct store_query *q, struct edge *out)
{
	struct str id = q->after.len > 0 ? q->after : q->before;
	sqlite3_stmt *stmt = NULL;
	int r;

	*out = (struct edge){ 0 };
	if (id.len == 0)
		return 0;
	r = find(db,
		 "SELECT created, seq FROM completions"
		 " WHERE key = ? AND owner = ? AND id = ?",
		 (const struct str[]){ q->owner, id }, &stmt);
	if (r == 0) {
		*out = (struct edge){ true, sqlite3_column_int64(stmt, 0),
				      sqlite3_column_int64(stmt, 1) };
	}
	(void)sqlite3_finalize(stmt);
	return r == STORE_UNKNOWN ? STORE_BAD_CURSOR : r;
}

/* Ahead of a row means: behind it, when walking the other way. */
static bool goes_down(const struct store_query *q)
{
	return q->newest_first != (q->before.len > 0);
}

static bool is_of_all(const struct store_query *q)
{
	return q->walk && !q->one_owner;
}

/* A plus keeps SQLite from an index: a walk goes along the rows themselves. */
static int write_where(const struct store_query *q, struct buf *out)
{
	const char *plus = q->walk ? "+" : "";
	int r = buf_printf(out, "SELECT " COLUMNS " FROM completions WHERE %s",
			   is_of_all(q) ? "1" : "");

	if (r == 0 && !is_of_all(q))
		r = buf_printf(out, "%sowner = ?", plus);
	if (r == 0 && q->model.len > 0)
		r = buf_printf(out, " AND %smodel_asked = ?", plus);
	if (r == 0 && q->since != 0)
		r = buf_printf(out, " AND %screated >= %lld", plus,
			       (long long)q->since);
	if (r == 0 && q->until != 0)
		r = buf_printf(out, " AND %screated < %lld", plus,
			       (long long)q->until);
	for (size_t i = 0; i < q->metadata_count && r == 0; i++) {
		r = buf_add(out, STR(" AND metadata <> '' AND EXISTS (SELECT 1"
				     " FROM json_each(metadata) AS m"
				     " WHERE m.key = ? AND m.value = ?)"));
	}
	return r;
}

static int write_query(const struct store_query *q, const struct edge *edge,
		       struct buf *out)
{
	const char *way = goes_down(q) ? "DESC" : "ASC";
	int r = write_where(q, out);

	if (r == 0 && q->walk)
		return buf_printf(out, " AND seq > %lld ORDER BY seq LIMIT %u",
				  (long long)q->after_seq, q->limit + 1);
	if (r == 0 && edge->is_there) {
		r = buf_printf(out, " AND (created, seq) %s (%lld, %lld)",
			       goes_down(q) ? "<" : ">",
			       (long long)edge->created, (long long)edge->seq);
	}
	if (r == 0) {
		r = buf_printf(out, " ORDER BY created %s, seq %s LIMIT %u",
			       way, way, q->limit + 1);
	}
	return r;
}

static int bind_query(sqlite3_stmt *stmt, const struct store_query *q)
{
	int at = 1;
	int r = is_of_all(q) ? 0 : sqlite_bind(stmt, &at, q->owner);

	if (r == 0 && q->model.len > 0)
		r = sqlite_bind(stmt, &at, q->model);
	for (size_t i = 0; i < q->metadata_count && r == 0; i++) {
		r = sqlite_bind(stmt, &at, q->metadata[i].key);
		if (r == 0)
			r = sqlite_bind(stmt, &at, q->metadata[i].value);
	}
	return r;
}

static void turn_round(struct store_completion *rows, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct store_completion c = rows[i];

		rows[i] = rows[count - 1 - i];
		rows[count - 1 - i] = c;
	}
}

static int read_page(sqlite3 *db, sqlite3_stmt *stmt, unsigned limit,
		     struct arena *a, struct store_page *out)
{
	struct store_page page = { 0 };
	int got = SQLITE_DONE, r = 0;

	page.rows = arena_try(a, limit * sizeof(*page.rows));
	if (page.rows == NULL)
		return sqlite_no_room();
	while (r == 0 && (got = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (page.count == limit) {
			page.has_more = true;
			break;
		}
		r = read_row(stmt, a, &page.rows[page.count++]);
	}
	if (r == 0 && got != SQLITE_ROW && got != SQLITE_DONE)
		r = sqlite_failed(db, "reading");
	if (r == 0)
		*out = page;
	return r;
}

static int list(sqlite3 *db, const struct store_query *q, struct arena *a,
		struct store_page *out)
{
	sqlite3_stmt *stmt = NULL;
	struct edge edge;
	struct buf sql;
	int r;

	buf_init(&sql, SQL_MAX);
	r = find_edge(db, q, &edge);
	if (r == 0)
		r = write_query(q, &edge, &sql);
	if (r == 0 && sqlite3_prepare_v2(db, sql.ptr, (int)sql.len, &stmt,
					 NULL) != SQLITE_OK)
		r = sqlite_failed(db, "reading");
	if (r == 0)
		r = bind_query(stmt, q);
	if (r == 0)
		r = read_page(db, stmt, q->limit, a, out);
	if (r == 0 && q->before.len > 0)
		turn_round(out->rows, out->count);
	(void)sqlite3_finalize(stmt);
	buf_fini(&sql);
	return r;
}

int sqlite_list(struct database *db, const struct store_query *q,
		struct arena *a, struct store_page *out)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = list(reader->db, q, a, out);
	sqlite_give(s, reader);
	return r;
}

/* File and log; what is not there takes nothing. */
static int64_t disk_bytes(const struct sqlite *s)
{
	static const char *const ends[] = { "", "-wal" };
	int64_t total = 0;

	for (size_t i = 0; i < countof(ends); i++) {
		struct buf path;
		struct stat st;

		buf_init(&path, SQL_MAX);
		if (buf_printf(&path, "%s%s%c", s->path, ends[i], 0) == 0 &&
		    stat(path.ptr, &st) == 0)
			total += st.st_size;
		buf_fini(&path);
	}
	return total;
}

/* One row of numbers. */
static int read_numbers(sqlite3 *db, const char *sql, int64_t *out,
			size_t count)
{
	sqlite3_stmt *stmt = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW)
		r = sqlite_failed(db, "reading");
	for (size_t i = 0; i < count && r == 0; i++)
		out[i] = sqlite3_column_int64(stmt, (int)i);
	(void)sqlite3_finalize(stmt);
	return r;
}

static int read_info(sqlite3 *db, struct store_info *out)
{
	int64_t n[9] = { 0 };
	int r = read_numbers(
		db,
		"SELECT (SELECT user_version FROM"
		" pragma_user_version), min(created), max(created),"
		" (SELECT sum(bytes) FROM totals),"
		" (SELECT rows FROM totals WHERE kind = 0),"
		" (SELECT rows FROM totals WHERE kind = 1),"
		" (SELECT rows FROM totals WHERE kind = 2),"
		" (SELECT rows FROM totals WHERE kind = 3),"
		" (SELECT rows FROM totals WHERE kind = 4)"
		" FROM completions",
		n, countof(n));

	if (r < 0)
		return r;
	*out = (struct store_info){
		.schema = n[0],
		.oldest = n[1],
		.newest = n[2],
		.bytes = n[3],
		.by_status = { n[4], n[5], n[6] },
		.rows = n[4] + n[5] + n[6],
		.blobs = n[7],
		.objects = n[8],
	};
	return 0;
}

int sqlite_info(struct database *db, struct store_info *out)
{
	struct sqlite *s = (struct sqlite *)db;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	r = read_info(reader->db, out);
	if (r == 0)
		out->disk_bytes = disk_bytes(s);
	sqlite_give(s, reader);
	return r;
}
