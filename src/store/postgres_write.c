#include "store/postgres.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/rand.h"

/* A group goes on as long as anything does. */
#define PATIENCE    (30 * CLOCK_S)
#define PAUSE_FIRST (100 * CLOCK_MS)
#define PAUSE_MOST  (5 * CLOCK_S)

enum {
	PUSH_BYTES = 64 << 10,
	RACES = 5,
	RELEASED_MAX = 64 << 20, /* 500 rows with ROW_BLOBS_MAX take 6 MB */
};

#define PUT "quipu_put"
#define DO  "quipu_do"

/*
 * Tells whether it replaced a row, and which.  The join makes it look, and lock,
 * first.  It tells nothing when the row is there already, from a commit whose
 * answer was lost.
 */
static const char put_sql[] =
	"WITH old AS MATERIALIZED (SELECT status, bytes, blobs"
	" FROM quipu_completions WHERE " POSTGRES_IS(
		"$8",
		"$9") " FOR UPDATE)"
		      " INSERT INTO quipu_completions AS c (created, status, first_byte_us,"
		      " total_us, stored_at, bytes, batch, owner, id, model_asked,"
		      " model_served, provider, \"user\", metadata, usage, extra, params,"
		      " choices, request, blobs) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9,"
		      " $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20"
		      " FROM (SELECT) AS one LEFT JOIN old ON true"
		      " ON CONFLICT (id, owner) DO UPDATE SET created = EXCLUDED.created,"
		      " status = EXCLUDED.status, first_byte_us = EXCLUDED.first_byte_us,"
		      " total_us = EXCLUDED.total_us, stored_at = EXCLUDED.stored_at,"
		      " bytes = EXCLUDED.bytes, batch = EXCLUDED.batch,"
		      " model_asked = EXCLUDED.model_asked,"
		      " model_served = EXCLUDED.model_served, provider = EXCLUDED.provider,"
		      " \"user\" = EXCLUDED.\"user\", metadata = EXCLUDED.metadata,"
		      " usage = EXCLUDED.usage, extra = EXCLUDED.extra,"
		      " params = EXCLUDED.params, choices = EXCLUDED.choices,"
		      " request = EXCLUDED.request, blobs = EXCLUDED.blobs"
		      " WHERE c.batch <> EXCLUDED.batch"
		      " RETURNING (xmax <> 0)::int::bigint,"
		      " (SELECT status FROM old), (SELECT bytes FROM old),"
		      " (SELECT blobs FROM old)";

struct kind {
	int64_t rows, bytes;
};

/* What a group comes to. */
struct group {
	struct postgres_conn *c;
	struct row *const *rows;
	size_t count;
	int64_t batch;
	bool *is_done; /* by row: by a commit whose answer was lost */
	size_t replaced;
	struct kind kinds[STORE_STATUSES];
	struct buf released; /* the blobs of rows that were replaced */
	bool *is_there;      /* by blob of the written rows */
	size_t blob_count;
	size_t unsent; /* bytes, about */
};

/* How a blob is asked for: the answer is 1 when it is there then. */
static const char use_sql[] = "SELECT quipu_use($1, $2)";

static int send_some(struct group *g, size_t bytes)
{
	g->unsent += bytes;
	if (bytes > g->c->carried)
		g->c->carried = bytes;
	if (g->unsent < PUSH_BYTES)
		return 0;
	g->unsent = 0;
	g->c->deadline_ns = clock_monotonic() + PATIENCE;
	return postgres_push(g->c);
}

static int queue(struct group *g, const char *sql,
		 const struct postgres_args *a)
{
	if (libpq.PQsendQueryParams(g->c->pg, sql, a->count, a->types,
				    a->values, a->lens, a->formats, 1) == 0)
		return postgres_failed(g->c, NULL);
	return 0;
}

static int queue_plain(struct group *g, const char *sql)
{
	return queue(g, sql, &(struct postgres_args){ 0 });
}

static int send_all(struct group *g)
{
	if (libpq.PQpipelineSync(g->c->pg) == 0)
		return postgres_failed(g->c, NULL);
	return send_some(g, PUSH_BYTES);
}

/* The next statement's result, which an empty one ends. */
static int collect(struct group *g, PGresult **out)
{
	PGresult *res = NULL, *end = NULL;
	int r;

	g->c->deadline_ns = clock_monotonic() + PATIENCE;
	r = postgres_next(g->c, &res);
	if (r < 0 || res == NULL)
		return r < 0 ? r : postgres_failed(g->c, NULL);
	if (libpq.PQresultStatus(res) != PGRES_PIPELINE_SYNC)
		r = postgres_next(g->c, &end);
	if (r == 0 && end == NULL) {
		*out = res;
		return 0;
	}
	libpq.PQclear(end);
	libpq.PQclear(res);
	return r < 0 ? r : postgres_failed(g->c, NULL);
}

static int skip(struct group *g, size_t count)
{
	PGresult *res = NULL;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		r = collect(g, &res);
		if (r == 0)
			libpq.PQclear(res);
	}
	return r;
}

/* The row's blobs, as its column has them. */
static struct str write_blobs(const struct row *row, char *out)
{
	for (size_t i = 0; i < row->blob_count; i++) {
		const struct row_blob *b = &row->blobs[i];
		const uint64_t n[] = { htobe64(b->at), htobe64(b->bytes.len) };
		char *to = out + i * POSTGRES_BLOB_LEN;

		memcpy(to, n, sizeof(n));
		memcpy(to + sizeof(n), b->hash, ROW_HASH_LEN);
	}
	return (struct str){ out, row->blob_count * POSTGRES_BLOB_LEN };
}

static void add_row(struct postgres_args *a, const struct row *row,
		    int64_t batch, struct str blobs)
{
	const struct store_completion *c = &row->c;
	const int64_t numbers[] = {
		c->created,  c->status,    c->first_byte_us,
		c->total_us, c->stored_at, (int64_t)row_kept_bytes(row),
		batch
	};
	const struct str texts[] = {
		c->owner,    c->id,     c->model_asked, c->model_served,
		c->provider, c->user,   c->metadata,    c->usage,
		c->extra,    c->params, c->choices,     row->rest,
		blobs
	};

	for (size_t i = 0; i < countof(numbers); i++)
		postgres_add_number(a, numbers[i]);
	for (size_t i = 0; i < countof(texts); i++)
		postgres_add_text(a, texts[i]);
}

/* Once for a connection: pipeline mode, and the statement. */
static int prepare(struct group *g)
{
	struct postgres_args a = { 0 };

	if (libpq.PQenterPipelineMode(g->c->pg) == 0)
		return postgres_failed(g->c, NULL);
	add_row(&a, g->rows[0], 0, STR(""));
	if (libpq.PQsendPrepare(g->c->pg, PUT, put_sql, a.count, a.types) == 0)
		return postgres_failed(g->c, NULL);
	a.count = 0;
	postgres_add_op(&a, &(struct store_op){ 0 }, true);
	if (libpq.PQsendPrepare(g->c->pg, DO, postgres_op_sql, a.count,
				a.types) == 0)
		return postgres_failed(g->c, NULL);
	return 0;
}

static int send_ops(struct group *g, const struct row *row)
{
	int r = 0;

	for (size_t i = 0; i < row->op_count && r == 0; i++) {
		struct postgres_args a = { 0 };

		postgres_add_op(&a, &row->ops[i], true);
		if (libpq.PQsendQueryPrepared(g->c->pg, DO, a.count, a.values,
					      a.lens, a.formats, 1) == 0)
			return postgres_failed(g->c, NULL);
		r = send_some(g, op_bytes(&row->ops[i].object));
	}
	return r;
}

static int send_row(struct group *g, size_t i)
{
	const struct row *row = g->rows[i];
	struct postgres_args a = { 0 };
	char *blobs = NULL;
	int sent;

	if (row->blob_count > 0)
		blobs = xmalloc(row->blob_count * POSTGRES_BLOB_LEN);
	add_row(&a, row, g->batch + (int64_t)i, write_blobs(row, blobs));
	sent = libpq.PQsendQueryPrepared(g->c->pg, PUT, a.count, a.values,
					 a.lens, a.formats, 1);
	free(blobs);
	return sent != 0 ? send_some(g, row_kept_bytes(row))
			 : postgres_failed(g->c, NULL);
}

/* A row that another quipu put at the same time: the next try sees it. */
static int lost_race(struct group *g)
{
	postgres_hang_up(g->c);
	return err_new(-EDEADLK, "store: another quipu writes the same id");
}

static int note_row(struct group *g, size_t i, const PGresult *res)
{
	const struct row *row = g->rows[i];
	struct kind *old;
	bool replaced;

	if (libpq.PQntuples(res) == 0) {
		g->is_done[i] = true;
		return 0;
	}
	g->kinds[row->c.status].rows++;
	g->kinds[row->c.status].bytes += (int64_t)row_kept_bytes(row);
	replaced = postgres_number(res, 0) != 0;
	if (replaced != (libpq.PQgetisnull(res, 0, 1) == 0))
		return lost_race(g);
	if (!replaced)
		return 0;
	g->replaced++;
	old = &g->kinds[(uint64_t)postgres_number(res, 1) % STORE_STATUSES];
	old->rows--;
	old->bytes -= postgres_number(res, 2);
	return buf_add(&g->released, postgres_text(res, 3));
}

static int take_answer(struct group *g, size_t i)
{
	PGresult *res = NULL;
	int r;

	if (g->rows[i]->op_count > 0)
		return skip(g, g->rows[i]->op_count);
	r = collect(g, &res);
	if (r < 0)
		return r;
	r = note_row(g, i, res);
	libpq.PQclear(res);
	return r;
}

static int put_rows(struct group *g)
{
	bool was_ready = g->c->is_ready;
	int r = was_ready ? 0 : prepare(g);

	g->c->is_ready = true;
	if (r == 0)
		r = queue_plain(g, "BEGIN");
	for (size_t i = 0; i < g->count && r == 0; i++)
		r = g->rows[i]->op_count == 0 ? send_row(g, i)
					      : send_ops(g, g->rows[i]);
	if (r == 0)
		r = send_all(g);
	if (r == 0)
		r = skip(g, was_ready ? 1 : 3);
	for (size_t i = 0; i < g->count && r == 0; i++) {
		r = take_answer(g, i);
	}
	return r == 0 ? skip(g, 1) : r;
}

static int send_use(struct group *g, const struct row_blob *b, bool with_bytes)
{
	struct str bytes = with_bytes ? b->bytes : STR("");
	struct postgres_args a = { 0 };
	int r;

	postgres_add_text(&a, (struct str){ (const char *)b->hash,
					    sizeof(b->hash) });
	postgres_add_text(&a, bytes);
	r = queue(g, use_sql, &a);
	return r < 0 ? r : send_some(g, bytes.len + 100);
}

/* The blobs of rows that are written, in their order; NULL ends. */
static const struct row_blob *next_blob(const struct group *g, size_t at[2])
{
	for (; at[0] < g->count; at[0]++, at[1] = 0) {
		const struct row *row = g->rows[at[0]];

		if (!g->is_done[at[0]] && at[1] < row->blob_count)
			return &row->blobs[at[1]++];
	}
	return NULL;
}

/* By their hashes: what is there need not be sent. */
static int find_blobs(struct group *g)
{
	size_t at[2] = { 0 };
	const struct row_blob *b;
	PGresult *res = NULL;
	int r = 0;

	while (r == 0 && (b = next_blob(g, at)) != NULL) {
		r = send_use(g, b, false);
		g->blob_count++;
	}
	if (r < 0 || g->blob_count == 0)
		return r;
	g->is_there = xcalloc(g->blob_count, sizeof(*g->is_there));
	r = send_all(g);
	for (size_t i = 0; i < g->blob_count && r == 0; i++) {
		r = collect(g, &res);
		if (r < 0)
			break;
		g->is_there[i] = postgres_number(res, 0) != 0;
		libpq.PQclear(res);
	}
	return r == 0 ? skip(g, 1) : r;
}

static int send_blobs(struct group *g, size_t *sent)
{
	size_t at[2] = { 0 }, i = 0;
	const struct row_blob *b;
	int r = 0;

	while (r == 0 && (b = next_blob(g, at)) != NULL) {
		if (g->is_there[i++])
			continue;
		r = send_use(g, b, true);
		++*sent;
	}
	return r;
}

static int send_counts(struct group *g, size_t *sent)
{
	int r = 0;

	for (int64_t i = 0; i < STORE_STATUSES && r == 0; i++) {
		const struct kind *k = &g->kinds[i];
		struct postgres_args a = { 0 };

		if (k->rows == 0 && k->bytes == 0)
			continue;
		postgres_add_number(&a, i);
		postgres_add_number(&a, k->rows);
		postgres_add_number(&a, k->bytes);
		r = queue(g, "SELECT quipu_count($1, $2, $3)", &a);
		++*sent;
	}
	return r;
}

/* New uses come before old ones go: what stays is not made again. */
static int finish(struct group *g)
{
	struct postgres_args a = { 0 };
	size_t sent = 0;
	int r = send_blobs(g, &sent);

	if (r == 0 && g->released.len > 0) {
		postgres_add_text(&a, buf_str(&g->released));
		r = queue(g, "SELECT quipu_release($1)", &a);
		sent++;
	}
	if (r == 0)
		r = send_counts(g, &sent);
	if (r == 0)
		r = queue_plain(g, "COMMIT");
	if (r == 0)
		r = send_all(g);
	return r == 0 ? skip(g, sent + 2) : r;
}

static int put_group(struct group *g)
{
	int r = put_rows(g);

	if (r == 0)
		r = find_blobs(g);
	if (r == 0)
		r = finish(g);
	if (r < 0)
		postgres_hang_up(g->c);
	return r;
}

/* Each failure doubles the pause, of which half is by chance. */
static int try_again_later(struct postgres *s, int error)
{
	struct str text = err_text();
	int64_t pause = s->pause_ns > 0 ? s->pause_ns : PAUSE_FIRST;

	memcpy(s->error_text, text.ptr, text.len);
	s->error_text[text.len] = 0;
	s->error = error;
	s->next_try_ns = clock_monotonic() + pause / 2 +
			 (int64_t)rand_below((uint64_t)pause / 2);
	s->pause_ns = pause * 2 < PAUSE_MOST ? pause * 2 : PAUSE_MOST;
	return error;
}

static int connect_writer(struct postgres *s)
{
	int r;

	if (s->writer.pg == NULL && clock_monotonic() < s->next_try_ns)
		return err_new(s->error, "%s", s->error_text);
	s->writer.deadline_ns = clock_monotonic() + PATIENCE;
	r = postgres_connect(&s->writer);
	if (r < 0)
		return try_again_later(s, r);
	s->pause_ns = 0;
	return 0;
}

static int put_once(struct postgres *s, struct row *const *rows, size_t count,
		    size_t *out_replaced)
{
	struct group g = {
		.c = &s->writer, .rows = rows, .count = count, .batch = s->batch
	};
	int r;

	g.is_done = xcalloc(count, sizeof(*g.is_done));
	buf_init(&g.released, RELEASED_MAX);
	r = connect_writer(s);
	if (r == 0)
		r = put_group(&g);
	if (r == 0)
		*out_replaced = g.replaced;
	buf_fini(&g.released);
	free(g.is_there);
	free(g.is_done);
	return r;
}

int postgres_put(struct database *db, struct row *const *rows, size_t count,
		 size_t *out_replaced)
{
	struct postgres *s = (struct postgres *)db;
	int r = -EDEADLK;

	pthread_mutex_lock(&s->write_lock);
	/* Two who write the same ids: one of them is to begin again. */
	for (unsigned i = 0; i < RACES && r == -EDEADLK; i++)
		r = put_once(s, rows, count, out_replaced);
	/* Until then the rows are the same ones. */
	if (r == 0)
		s->batch = (int64_t)rand_u64();
	pthread_mutex_unlock(&s->write_lock);
	return r == -EDEADLK ? -EBUSY : r;
}
