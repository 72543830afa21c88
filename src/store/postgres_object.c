#include "store/postgres.h"

#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"

enum {
	SQL_MAX = 4096,
	NUMBERS = 8, /* the columns before the texts */
	TEXTS = 9,
	RACES = 5, /* as often an apply that met another begins again */
};

/* Which JSON is wanted follows. */
#define COLUMNS                                                       \
	"o.seq, o.kind, o.created, o.stored_at, o.version, o.claims," \
	" o.due_ms, o.is_root, o.owner, o.id, o.parent, o.label,"     \
	" o.state, o.holder"

#define JSON ", o.body, o.input, o.aux"

#define BY_KEY " WHERE o.owner = $1 AND o.kind = $2 AND o.id = $3"

const char postgres_op_sql[] =
	"SELECT quipu_object($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
	" $12, $13, $14, $15, $16, $17, $18)";

void postgres_add_op(struct postgres_args *a, const struct store_op *op,
		     bool is_sure)
{
	const struct store_object *o = &op->object;
	const int64_t numbers[] = { op->what,
				    is_sure,
				    op->childless,
				    op->version,
				    o->kind,
				    o->created,
				    o->stored_at > 0 ? o->stored_at
						     : clock_wall() / CLOCK_S,
				    (int64_t)op_bytes(o),
				    o->due_ms,
				    o->is_root };
	const struct str texts[] = { o->owner, o->id,   o->parent, o->label,
				     o->state, o->body, o->input,  o->aux };

	for (size_t i = 0; i < countof(numbers); i++)
		postgres_add_number(a, numbers[i]);
	for (size_t i = 0; i < countof(texts); i++)
		postgres_add_text(a, texts[i]);
}

static int copy_text(const PGresult *res, int column, struct arena *a,
		     struct str *out)
{
	struct str from = postgres_text(res, column);
	char *to = NULL;

	if (from.len > 0) {
		to = arena_try(a, from.len);
		if (to == NULL) {
			return err_new(-EMSGSIZE,
				       "store: too much for one answer; ask "
				       "for fewer rows");
		}
		memcpy(to, from.ptr, from.len);
	}
	*out = (struct str){ to, from.len };
	return 0;
}

static int read_object(const PGresult *res, struct arena *a,
		       struct store_object *out)
{
	struct store_object o = {
		.seq = postgres_number(res, 0),
		.kind = (enum store_kind)postgres_number(res, 1),
		.created = postgres_number(res, 2),
		.stored_at = postgres_number(res, 3),
		.version = postgres_number(res, 4),
		.claims = postgres_number(res, 5),
		.due_ms = postgres_number(res, 6),
		.is_root = postgres_number(res, 7) != 0,
	};
	struct str *texts[TEXTS] = { &o.owner, &o.id,    &o.parent,
				     &o.label, &o.state, &o.holder,
				     &o.body,  &o.input, &o.aux };
	int r = 0;

	for (size_t i = 0; i < TEXTS && r == 0; i++)
		r = copy_text(res, NUMBERS + (int)i, a, texts[i]);
	if (r == 0)
		*out = o;
	return r;
}

static size_t size_of(const PGresult *res)
{
	size_t n = 0;

	for (size_t i = 0; i < TEXTS; i++)
		n += postgres_text(res, NUMBERS + (int)i).len;
	return n;
}

/* Up to max rows; one more says that there are more. */
static int read_all(struct postgres_conn *c, unsigned max, struct arena *a,
		    struct store_objects *out)
{
	struct store_objects page = { 0 };
	PGresult *res = NULL;
	int r = 0;

	page.rows = arena_try(a, max * sizeof(*page.rows));
	if (page.rows == NULL)
		r = err_new(-EMSGSIZE, "store: too much for one answer");
	while (r == 0 && (r = postgres_next(c, &res)) == 0 && res != NULL) {
		if (size_of(res) > c->carried)
			c->carried = size_of(res);
		if (libpq.PQntuples(res) > 0 && page.count == max)
			page.has_more = true;
		else if (libpq.PQntuples(res) > 0)
			r = read_object(res, a, &page.rows[page.count++]);
		libpq.PQclear(res);
	}
	/* What is still to come is of no use, and may be much. */
	if (r < 0)
		postgres_hang_up(c);
	else
		*out = page;
	return r;
}

static void add_key(struct postgres_args *args, const struct store_key *key)
{
	postgres_add_text(args, key->owner);
	postgres_add_number(args, key->kind);
	postgres_add_text(args, key->id);
}

/* The row that a statement gives. */
static int read_one(struct postgres_conn *c, const char *sql,
		    const struct postgres_args *args, struct arena *a,
		    struct store_object *out)
{
	struct store_objects got = { 0 };
	int r = postgres_ask(c, sql, args);

	if (r == 0)
		r = read_all(c, 1, a, &got);
	if (r < 0)
		return r;
	if (got.count == 0)
		return STORE_UNKNOWN;
	*out = got.rows[0];
	return 0;
}

static int get(struct database *db, const struct store_key *key,
	       struct arena *a, struct store_object *out)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_args args = { 0 };
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	add_key(&args, key);
	r = read_one(c, "SELECT " COLUMNS JSON " FROM quipu_objects o" BY_KEY,
		     &args, a, out);
	postgres_give(s, c);
	return r;
}

/* One number, of a statement of its own transaction; 1: no row. */
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

static int has_children(struct database *db, const struct store_key *key,
			bool *out)
{
	struct postgres_args args = { 0 };
	int64_t n = 0;
	int r;

	add_key(&args, key);
	r = ask_number(db,
		       "SELECT 1::bigint FROM quipu_objects WHERE owner = $1"
		       " AND kind = $2 AND parent = $3 AND parent <> ''"
		       " LIMIT 1",
		       &args, &n);
	if (r < 0)
		return r;
	*out = n > 0;
	return 0;
}

/* Behind which sequence the page begins; 0: from the edge of all. */
static int find_edge(struct postgres_conn *c,
		     const struct store_objects_query *q, int64_t *out)
{
	struct store_key key = { q->kind, q->owner,
				 q->after.len > 0 ? q->after : q->before };
	struct postgres_args args = { 0 };
	int r;

	*out = 0;
	if (key.id.len == 0)
		return 0;
	add_key(&args, &key);
	r = postgres_numbers(c, "SELECT o.seq FROM quipu_objects o" BY_KEY,
			     &args, out, 1);
	return r > 0 ? STORE_BAD_CURSOR : r;
}

/* Ahead of a row means: behind it, when walking the other way. */
static bool goes_down(const struct store_objects_query *q)
{
	return q->newest_first != (q->before.len > 0);
}

static int write_select(struct buf *sql, const char *what, unsigned without)
{
	return buf_printf(sql, "%sSELECT " COLUMNS ", %s, %s, %s", what,
			  (without & STORE_BODY) != 0 ? "''::bytea" : "o.body",
			  (without & STORE_INPUT) != 0 ? "''::bytea"
						       : "o.input",
			  (without & STORE_AUX) != 0 ? "''::bytea" : "o.aux");
}

/* A condition, unless it is none. */
static int add_text(struct buf *sql, struct postgres_args *a, const char *what,
		    struct str text)
{
	if (text.len == 0)
		return 0;
	postgres_add_text(a, text);
	return buf_printf(sql, " AND %s $%d", what, a->count);
}

/* All kinds that an export has. */
static int write_walk(const struct store_objects_query *all, struct buf *sql,
		      struct postgres_args *a)
{
	const struct store_query *q = all->walk;
	int r = write_select(sql, "", all->without);

	if (r == 0) {
		r = buf_printf(sql,
			       " FROM quipu_objects o WHERE o.seq > %lld"
			       " AND o.kind <> %d",
			       (long long)q->after_seq, STORE_RUN);
	}
	if (q->one_owner)
		postgres_add_text(a, q->owner);
	if (r == 0 && q->one_owner)
		r = buf_add(sql, STR(" AND o.owner || '' = $1"));
	if (r == 0 && q->since != 0)
		r = buf_printf(sql, " AND o.created >= %lld",
			       (long long)q->since);
	if (r == 0 && q->until != 0)
		r = buf_printf(sql, " AND o.created < %lld",
			       (long long)q->until);
	return r == 0 ? buf_printf(sql, " ORDER BY o.seq LIMIT %u%c",
				   all->limit + 1, 0)
		      : r;
}

/*
 * The parent is the third argument, when there is one.  For all of an
 * owner's see
 * postgres_schema.c.
 */
static int write_query(const struct store_objects_query *q, int64_t edge,
		       struct buf *sql, struct postgres_args *a)
{
	bool is_narrow = q->parent.len > 0 || q->label.len > 0;
	int r = write_select(sql, "", q->without);

	postgres_add_text(a, q->owner);
	postgres_add_number(a, q->kind);
	if (r == 0) {
		r = buf_printf(sql, " FROM quipu_objects o WHERE %s",
			       is_narrow ? "o.owner = $1 AND o.kind = $2"
					 : "o.owner || '' = $1"
					   " AND o.kind + 0 = $2");
	}
	if (r == 0)
		r = add_text(sql, a,
			     "o.parent <> '' AND o.parent =", q->parent);
	if (r == 0)
		r = add_text(sql, a, "o.label <> '' AND o.label =", q->label);
	if (r == 0)
		r = add_text(sql, a, "o.state =", q->state);
	if (r == 0)
		r = add_text(sql, a, "o.state <>", q->not_state);
	if (r == 0 && edge > 0) {
		r = buf_printf(sql, " AND o.seq %s %lld",
			       goes_down(q) ? "<" : ">", (long long)edge);
	}
	if (r == 0 && q->from_root) {
		r = buf_add(sql, STR(" AND o.seq >= coalesce((SELECT seq"
				     " FROM quipu_objects WHERE owner = $1"
				     " AND kind = $2 AND parent = $3"
				     " AND parent <> '' AND is_root <> 0"
				     " ORDER BY seq DESC LIMIT 1), 0)"));
	}
	if (r == 0) {
		r = buf_printf(sql, " ORDER BY o.seq %s LIMIT %u%c",
			       goes_down(q) ? "DESC" : "ASC", q->limit + 1, 0);
	}
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

static int list_with(struct postgres_conn *c,
		     const struct store_objects_query *q, struct arena *a,
		     struct store_objects *out)
{
	struct postgres_args args = { 0 };
	struct buf sql;
	int64_t edge;
	int r;

	buf_init(&sql, SQL_MAX);
	r = find_edge(c, q, &edge);
	if (r == 0)
		r = q->walk ? write_walk(q, &sql, &args)
			    : write_query(q, edge, &sql, &args);
	if (r == 0)
		r = postgres_ask(c, sql.ptr, &args);
	if (r == 0)
		r = read_all(c, q->limit, a, out);
	if (r == 0 && q->before.len > 0)
		turn_round(out->rows, out->count);
	buf_fini(&sql);
	return r;
}

static int list(struct database *db, const struct store_objects_query *q,
		struct arena *a, struct store_objects *out)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	r = list_with(c, q, a, out);
	postgres_give(s, c);
	return r;
}

static int write_chain(const struct store_chain_query *q, struct buf *sql,
		       struct postgres_args *a)
{
	int r = write_select(
		sql,
		"WITH RECURSIVE up (n, at, above) AS (SELECT 1::bigint, o.seq,"
		" CASE WHEN o.is_root <> 0 THEN '' ELSE o.parent END"
		" FROM quipu_objects o" BY_KEY " UNION ALL SELECT n + 1, o.seq,"
		" CASE WHEN o.is_root <> 0 THEN '' ELSE o.parent END"
		" FROM up CROSS JOIN LATERAL (SELECT * FROM quipu_objects"
		" WHERE owner = $1 AND kind = $2 AND id = up.above LIMIT 1) o"
		" WHERE up.above <> '' AND n < $4) ",
		q->without);

	add_key(a, &q->from);
	postgres_add_number(a, q->max);
	return r < 0 ? r
		     : buf_printf(sql,
				  " FROM up CROSS JOIN LATERAL (SELECT *"
				  " FROM quipu_objects WHERE seq = up.at"
				  " LIMIT 1) o ORDER BY n DESC%c",
				  0);
}

static int chain_with(struct postgres_conn *c,
		      const struct store_chain_query *q, struct arena *a,
		      struct store_chain *out)
{
	struct store_objects got = { 0 };
	struct postgres_args args = { 0 };
	struct buf sql;
	int r;

	buf_init(&sql, SQL_MAX);
	r = write_chain(q, &sql, &args);
	if (r == 0)
		r = postgres_ask(c, sql.ptr, &args);
	if (r == 0)
		r = read_all(c, q->max, a, &got);
	buf_fini(&sql);
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
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	r = chain_with(c, q, a, out);
	postgres_give(s, c);
	return r;
}

/* Ends a transaction: all of it when r is 0, nothing of it otherwise. */
static int end(struct postgres_conn *c, int r)
{
	int ended;

	if (r < 0) {
		postgres_hang_up(c);
		return r;
	}
	ended = postgres_run(c, r == 0 ? "COMMIT" : "ROLLBACK");
	return ended < 0 ? ended : r;
}

static int apply_once(struct postgres_conn *c, const struct store_op *ops,
		      size_t count)
{
	int r = postgres_run(c, "BEGIN");

	for (size_t i = 0; i < count && r == 0; i++) {
		struct postgres_args args = { 0 };
		int64_t outcome = 0;

		postgres_add_op(&args, &ops[i], false);
		r = postgres_numbers(c, postgres_op_sql, &args, &outcome, 1);
		if (r == 0)
			r = (int)outcome;
	}
	return end(c, r);
}

static int apply(struct database *db, const struct store_op *ops, size_t count)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = -EDEADLK;

	for (unsigned i = 0; i < RACES && r == -EDEADLK; i++) {
		r = postgres_take(s, &c);
		if (r < 0)
			return err_up(r);
		r = apply_once(c, ops, count);
		postgres_give(s, c);
	}
	return r == -EDEADLK ? -EBUSY : r;
}

/* Rows that another session is about to take are left to it. */
static int claim_with(struct postgres_conn *c, const struct store_claimant *w,
		      struct arena *a, struct store_object *out)
{
	struct postgres_args args = { 0 };
	int r = postgres_run(c, "BEGIN");

	postgres_add_text(&args, w->holder);
	postgres_add_number(&args, w->until_ms);
	postgres_add_number(&args, w->kind);
	postgres_add_number(&args, w->now_ms);
	if (r == 0) {
		r = read_one(c,
			     "WITH due AS MATERIALIZED (SELECT seq"
			     " FROM quipu_objects WHERE kind = $3"
			     " AND due_ms <= $4"
			     " AND state IN ('queued', 'running')"
			     " ORDER BY due_ms, seq LIMIT 1"
			     " FOR UPDATE SKIP LOCKED)"
			     " UPDATE quipu_objects o SET state = 'running',"
			     " holder = $1, due_ms = $2,"
			     " version = version + 1, claims = claims + 1"
			     " FROM due WHERE o.seq = due.seq"
			     " RETURNING " COLUMNS JSON,
			     &args, a, out);
	}
	return end(c, r);
}

static int claim(struct database *db, const struct store_claimant *w,
		 struct arena *a, struct store_object *out)
{
	struct postgres *s = (struct postgres *)db;
	struct postgres_conn *c;
	int r = postgres_take(s, &c);

	if (r < 0)
		return err_up(r);
	r = claim_with(c, w, a, out);
	postgres_give(s, c);
	return r;
}

static int lease(struct database *db, const struct store_key *key,
		 struct str holder, int64_t until_ms)
{
	struct postgres_args args = { 0 };
	int64_t outcome = 0;
	int r;

	add_key(&args, key);
	postgres_add_text(&args, holder);
	postgres_add_number(&args, until_ms);
	r = ask_number(db, "SELECT quipu_lease($1, $2, $3, $4, $5)", &args,
		       &outcome);
	return r < 0 ? r : (int)outcome;
}

static int count(struct database *db, enum store_kind kind, struct str state,
		 unsigned max, unsigned *out)
{
	struct postgres_args args = { 0 };
	int64_t n = 0;
	int r;

	postgres_add_number(&args, kind);
	postgres_add_text(&args, state);
	postgres_add_number(&args, max);
	r = ask_number(db,
		       "SELECT count(*) FROM (SELECT 1 FROM quipu_objects"
		       " WHERE kind = $1 AND state = $2"
		       " AND state IN ('queued', 'running') LIMIT $3) AS x",
		       &args, &n);
	if (r < 0)
		return r;
	*out = (unsigned)n;
	return 0;
}

const struct database_objects postgres_objects = {
	.apply = apply,
	.get = get,
	.list = list,
	.chain = chain,
	.has_children = has_children,
	.claim = claim,
	.lease = lease,
	.count = count,
};
