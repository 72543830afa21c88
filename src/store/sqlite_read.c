#include "store/sqlite.h"

#include <errno.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	SQL_MAX = 4096,
	NUMBERS = 5,
};

#define COLUMNS                                                        \
	"seq, created, status, first_byte_us, total_us, owner, id,"    \
	" model_asked, model_served, provider, user, metadata, usage," \
	" extra, choices, request"

/* Where a page begins: behind a row. */
struct edge {
	bool is_there;
	int64_t created;
	int64_t seq;
};

static int no_room(void)
{
	return err_new(-EMSGSIZE,
		       "store: too much for one answer; ask for fewer rows");
}

static int read_text(sqlite3_stmt *stmt, int column, struct arena *a,
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
		return no_room();
	memcpy(to, from, len);
	*out = (struct str){ to, len };
	return 0;
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
	};
	struct str *texts[ROW_TEXTS] = {
		&c.owner,    &c.id,      &c.model_asked, &c.model_served,
		&c.provider, &c.user,    &c.metadata,    &c.usage,
		&c.extra,    &c.choices, &c.request
	};
	int r = 0;

	for (size_t i = 0; i < ROW_TEXTS && r == 0; i++)
		r = read_text(stmt, NUMBERS + (int)i, a, texts[i]);
	if (r == 0)
		*out = c;
	return r;
}

/* The row of an owner and an id: *out stands on it, to be finalized. */
static int find(sqlite3 *db, const char *sql, const struct str key[2],
		sqlite3_stmt **out)
{
	int at = 1;
	int r;

	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK)
		return sqlite_failed(db, "reading");
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
		 " FROM completions WHERE owner = ? AND id = ?",
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
		 " WHERE owner = ? AND id = ?",
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

static int write_query(const struct store_query *q, const struct edge *edge,
		       struct buf *out)
{
	const char *way = goes_down(q) ? "DESC" : "ASC";
	int r = buf_add(out, STR("SELECT " COLUMNS
				 " FROM completions WHERE owner = ?"));

	if (r == 0 && q->model.len > 0)
		r = buf_add(out, STR(" AND model_asked = ?"));
	if (r == 0 && edge->is_there) {
		r = buf_printf(out, " AND (created, seq) %s (?, ?)",
			       goes_down(q) ? "<" : ">");
	}
	for (size_t i = 0; i < q->metadata_count && r == 0; i++) {
		r = buf_add(out, STR(" AND metadata <> '' AND EXISTS (SELECT 1"
				     " FROM json_each(metadata) AS m"
				     " WHERE m.key = ? AND m.value = ?)"));
	}
	if (r == 0) {
		r = buf_printf(out, " ORDER BY created %s, seq %s LIMIT %u",
			       way, way, q->limit + 1);
	}
	return r;
}

static int bind_query(sqlite3_stmt *stmt, const struct store_query *q,
		      const struct edge *edge)
{
	int at = 1;
	int r = sqlite_bind(stmt, &at, q->owner);

	if (r == 0 && q->model.len > 0)
		r = sqlite_bind(stmt, &at, q->model);
	if (edge->is_there) {
		(void)sqlite3_bind_int64(stmt, at++, edge->created);
		(void)sqlite3_bind_int64(stmt, at++, edge->seq);
	}
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
		return no_room();
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
		r = bind_query(stmt, q, &edge);
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

int sqlite_info(struct database *db, struct store_info *out)
{
	struct sqlite *s = (struct sqlite *)db;
	sqlite3_stmt *stmt = NULL;
	struct sqlite_reader *reader;
	int r = sqlite_take(s, &reader);

	if (r < 0)
		return err_up(r);
	if (sqlite3_prepare_v2(reader->db,
			       "SELECT count(*), total(bytes), min(created),"
			       " max(created), (SELECT user_version"
			       " FROM pragma_user_version) FROM completions",
			       -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW) {
		r = sqlite_failed(reader->db, "reading");
	} else {
		*out = (struct store_info){
			.rows = sqlite3_column_int64(stmt, 0),
			.bytes = sqlite3_column_int64(stmt, 1),
			.oldest = sqlite3_column_int64(stmt, 2),
			.newest = sqlite3_column_int64(stmt, 3),
			.schema = sqlite3_column_int64(stmt, 4),
		};
	}
	(void)sqlite3_finalize(stmt);
	sqlite_give(s, reader);
	return r;
}
