#include "store/postgres.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"

enum {
	SQL_MAX = 8192,
	NUMBERS = 6,
};

/* All of a row's blobs come as one, in the order of their places. */
#define COLUMNS                                                                \
	"seq, created, status, first_byte_us, total_us, stored_at, owner, id," \
	" model_asked, model_served, provider, \"user\", metadata, usage,"     \
	" extra, params, choices, request, blobs,"                             \
	" (SELECT string_agg(b.bytes, '' ORDER BY i)"                          \
	" FROM generate_series(0, length(blobs) / 48 - 1) AS i"                \
	" JOIN quipu_blobs AS b ON b.hash ="                                   \
	" substring(blobs FROM i * 48 + 17 FOR 32))"

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

static int copy_text(const PGresult *res, int column, struct arena *a,
		     struct str *out)
{
	struct str from = postgres_text(res, column);
	char *to;

	*out = STR_NULL;
	if (from.len == 0)
		return 0;
	to = arena_try(a, from.len);
	if (to == NULL)
		return no_room();
	memcpy(to, from.ptr, from.len);
	*out = (struct str){ to, from.len };
	return 0;
}

static size_t read_size(const char *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof(n));
	return (size_t)be64toh(n);
}

/* Which blobs go where.  Are all of their bytes there? */
static bool read_blobs(struct str list, struct str bytes, struct row_blob *out)
{
	for (size_t at = 0; at < list.len; at += POSTGRES_BLOB_LEN) {
		size_t len = read_size(list.ptr + at + sizeof(uint64_t));

		if (len > bytes.len)
			return false;
		out->at = read_size(list.ptr + at);
		out->bytes = str_take(bytes, len);
		bytes = str_drop(bytes, len);
		out++;
	}
	return bytes.len == 0;
}

/* Put the row's blobs back where they were. */
static int add_blobs(struct store_completion *c, struct str list,
		     struct str bytes, struct arena *a)
{
	size_t count = list.len / POSTGRES_BLOB_LEN;
	struct row_blob *blobs = xcalloc(count + 1, sizeof(*blobs));
	int r = -EUCLEAN;

	if (list.len % POSTGRES_BLOB_LEN == 0 &&
	    read_blobs(list, bytes, blobs)) {
		r = row_join(c->request, blobs, count, a, &c->request);
	} else {
		r = err_new(r, "store: blobs of row %lld are missing",
			    (long long)c->seq);
	}
	free(blobs);
	return r;
}

/* The columns are as COLUMNS says. */
static int read_row(const PGresult *res, struct arena *a,
		    struct store_completion *out)
{
	struct store_completion c = {
		.seq = postgres_number(res, 0),
		.created = postgres_number(res, 1),
		.status = (enum store_status)postgres_number(res, 2),
		.first_byte_us = postgres_number(res, 3),
		.total_us = postgres_number(res, 4),
		.stored_at = postgres_number(res, 5),
	};
	struct str *texts[ROW_TEXTS] = {
		&c.owner,    &c.id,     &c.model_asked, &c.model_served,
		&c.provider, &c.user,   &c.metadata,    &c.usage,
		&c.extra,    &c.params, &c.choices,     &c.request
	};
	struct str blobs = postgres_text(res, NUMBERS + ROW_TEXTS);
	int r = 0;

	for (size_t i = 0; i < ROW_TEXTS && r == 0; i++)
		r = copy_text(res, NUMBERS + (int)i, a, texts[i]);
	if (r == 0 && blobs.len > 0)
		r = add_blobs(&c, blobs,
			      postgres_text(res, NUMBERS + ROW_TEXTS + 1), a);
	if (r == 0)
		*out = c;
	return r;
}

static size_t size_of(const PGresult *res)
{
	size_t n = 0;

	for (size_t i = 0; i < ROW_TEXTS + 2; i++)
		n += postgres_text(res, NUMBERS + (int)i).len;
	return n;
}

/* Rows come one by one, so that only one of them is in libpq's memory. */
static int read_page(struct postgres_conn *c, unsigned limit, struct arena *a,
		     struct store_page *out)
{
	struct store_page page = { 0 };
	PGresult *res = NULL;
	int r;

	page.rows = arena_try(a, limit * sizeof(*page.rows));
	r = page.rows == NULL ? no_room() : 0;
	while (r == 0 && (r = postgres_next(c, &res)) == 0 && res != NULL) {
		if (size_of(res) > c->carried)
			c->carried = size_of(res);
		if (libpq.PQntuples(res) > 0 && page.count == limit)
			page.has_more = true;
		else if (libpq.PQntuples(res) > 0)
			r = read_row(res, a, &page.rows[page.count++]);
		libpq.PQclear(res);
	}
	/* What is still to come is of no use, and may be much. */
	if (r < 0)
		postgres_hang_up(c);
	else
		*out = page;
	return r;
}

static void key_of(struct postgres_args *a, struct str owner, struct str id)
{
	postgres_add_text(a, owner);
	postgres_add_text(a, id);
}

static int get(struct postgres_conn *c, const struct postgres_args *args,
	       struct arena *a, struct store_completion *out)
{
	struct store_page page = { 0 };
	int r = postgres_ask(c,
			     "SELECT " COLUMNS " FROM quipu_completions"
			     " WHERE " POSTGRES_IS("$1", "$2"),
			     args);

	if (r == 0)
		r = read_page(c, 1, a, &page);
	if (r < 0)
		return r;
	if (page.count == 0)
		return STORE_UNKNOWN;
	*out = page.rows[0];
	return 0;
}

int postgres_get(struct database *db, struct str owner, struct str id,
		 struct arena *a, struct store_completion *out)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_args args = { 0 };
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	key_of(&args, owner, id);
	r = get(c, &args, a, out);
	postgres_give(s, c);
	return r;
}

static int find_edge(struct postgres_conn *c, const struct store_query *q,
		     struct edge *out)
{
	struct postgres_args args = { 0 };
	int64_t n[2];
	int r;

	*out = (struct edge){ 0 };
	if (q->after.len == 0 && q->before.len == 0)
		return 0;
	key_of(&args, q->owner, q->after.len > 0 ? q->after : q->before);
	r = postgres_numbers(c,
			     "SELECT created, seq FROM quipu_completions"
			     " WHERE " POSTGRES_IS("$1", "$2"),
			     &args, n, countof(n));
	if (r == 0)
		*out = (struct edge){ true, n[0], n[1] };
	return r > 0 ? STORE_BAD_CURSOR : r;
}

/* Ahead of a row means: behind it, when walking the other way. */
static bool goes_down(const struct store_query *q)
{
	return q->newest_first != (q->before.len > 0);
}

/* A condition whose %d is the argument's number. */
static int add_text(struct buf *sql, struct postgres_args *a, const char *what,
		    struct str text)
{
	postgres_add_text(a, text);
	return buf_printf(sql, " AND %s = $%d", what, a->count);
}

static int add_filter(struct buf *sql, struct postgres_args *a,
		      const struct store_filter *f)
{
	key_of(a, f->key, f->value);
	return buf_printf(sql,
			  " AND metadata <> ''"
			  " AND quipu_has(metadata, $%d, $%d)",
			  a->count - 1, a->count);
}

static int write_where(const struct store_query *q, struct buf *sql,
		       struct postgres_args *a)
{
	int r = buf_add(sql, STR("SELECT " COLUMNS
				 " FROM quipu_completions WHERE true"));

	if (r == 0 && (!q->walk || q->one_owner))
		r = add_text(sql, a, "owner", q->owner);
	if (r == 0 && q->model.len > 0)
		r = add_text(sql, a, "model_asked", q->model);
	if (r == 0 && q->since != 0)
		r = buf_printf(sql, " AND created >= %lld",
			       (long long)q->since);
	if (r == 0 && q->until != 0)
		r = buf_printf(sql, " AND created < %lld", (long long)q->until);
	for (size_t i = 0; i < q->metadata_count && r == 0; i++)
		r = add_filter(sql, a, &q->metadata[i]);
	return r;
}

static int write_query(const struct store_query *q, const struct edge *edge,
		       struct buf *sql, struct postgres_args *a)
{
	const char *way = goes_down(q) ? "DESC" : "ASC";
	int r = write_where(q, sql, a);

	if (r == 0 && q->walk) {
		return buf_printf(sql, " AND seq > %lld ORDER BY seq LIMIT %u",
				  (long long)q->after_seq, q->limit + 1);
	}
	if (r == 0 && edge->is_there) {
		r = buf_printf(sql, " AND (created, seq) %s (%lld, %lld)",
			       goes_down(q) ? "<" : ">",
			       (long long)edge->created, (long long)edge->seq);
	}
	if (r == 0) {
		r = buf_printf(sql, " ORDER BY created %s, seq %s LIMIT %u",
			       way, way, q->limit + 1);
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

static int list(struct postgres_conn *c, const struct store_query *q,
		struct arena *a, struct store_page *out)
{
	struct postgres_args args = { 0 };
	struct edge edge;
	struct buf sql;
	int r;

	buf_init(&sql, SQL_MAX);
	r = find_edge(c, q, &edge);
	if (r == 0)
		r = write_query(q, &edge, &sql, &args);
	if (r == 0)
		r = buf_add(&sql, (struct str){ "", 1 });
	if (r == 0)
		r = postgres_ask(c, sql.ptr, &args);
	if (r == 0)
		r = read_page(c, q->limit, a, out);
	if (r == 0 && q->before.len > 0)
		turn_round(out->rows, out->count);
	buf_fini(&sql);
	return r;
}

int postgres_list(struct database *db, const struct store_query *q,
		  struct arena *a, struct store_page *out)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	r = list(c, q, a, out);
	postgres_give(s, c);
	return r;
}

static int read_info(struct postgres_conn *c, struct store_info *out)
{
	int64_t n[10] = { 0 };
	int r = postgres_numbers(
		c,
		"SELECT (SELECT max(version) FROM quipu_schema),"
		" (SELECT min(created) FROM quipu_completions),"
		" (SELECT max(created) FROM quipu_completions),"
		" sum(bytes)::bigint,"
		" (sum(rows) FILTER (WHERE kind = 0))::bigint,"
		" (sum(rows) FILTER (WHERE kind = 1))::bigint,"
		" (sum(rows) FILTER (WHERE kind = 2))::bigint,"
		" (sum(rows) FILTER (WHERE kind = 3))::bigint,"
		" (SELECT sum(pg_total_relation_size(c))::bigint FROM unnest("
		"ARRAY['quipu_completions', 'quipu_blobs', 'quipu_objects']"
		"::regclass[]) AS c),"
		" (sum(rows) FILTER (WHERE kind = 4))::bigint"
		" FROM quipu_totals",
		NULL, n, countof(n));

	if (r != 0)
		return r < 0 ? r : -EIO;
	*out = (struct store_info){
		.schema = n[0],
		.oldest = n[1],
		.newest = n[2],
		.bytes = n[3],
		.by_status = { n[4], n[5], n[6] },
		.rows = n[4] + n[5] + n[6],
		.blobs = n[7],
		.disk_bytes = n[8],
		.objects = n[9],
	};
	return 0;
}

int postgres_info(struct database *db, struct store_info *out)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	r = read_info(c, out);
	postgres_give(s, c);
	return r;
}
