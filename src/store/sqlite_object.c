#include "store/sqlite.h"

#include <errno.h>

#include "base/clock.h"
#include "base/err.h"

enum {
	OBJECT_FIND,
	OBJECT_INSERT,
	OBJECT_UPDATE,
	OBJECT_DELETE,
	OBJECT_DELETE_CHILDREN,
	OBJECT_CHILDREN,
	OBJECT_CLAIM,
	OBJECT_LEASE,
	OBJECT_OLDEST,
	OBJECT_ABOVE,
	OBJECT_STATEMENTS,
};

_Static_assert((int)OBJECT_STATEMENTS == (int)SQLITE_OBJECT_STATEMENTS,
	       "sqlite.h has room for these");

#define BY_KEY   " WHERE owner = ? AND kind = ? AND id = ?"
#define CHILDREN " WHERE parent = ? AND parent <> '' AND owner = ? AND kind = ?"

/* A response or conversation that nothing young stands on. */
#define CAN_GO                                                             \
	"SELECT seq, version, bytes, kind, owner, id, parent"              \
	" FROM objects AS o WHERE kind IN (1, 3) AND stored_at < ?1"       \
	" AND NOT EXISTS (SELECT 1 FROM objects AS c"                      \
	" WHERE c.owner = o.owner AND c.kind = o.kind AND c.parent = o.id" \
	" AND c.parent <> '' AND NOT c.is_root)"                           \
	" AND NOT EXISTS (SELECT 1 FROM objects AS c"                      \
	" WHERE c.owner = o.owner AND c.kind IN (4, 5)"                    \
	" AND c.parent = o.id AND c.parent <> '' AND c.stored_at >= ?1)"

/* Those that take an object have its numbers and texts in bind_object()'s order. */
static const struct str statements[OBJECT_STATEMENTS] = {
	[OBJECT_FIND] =
		STR_INIT("SELECT seq, version, bytes FROM objects" BY_KEY),
	[OBJECT_INSERT] = STR_INIT(
		"INSERT INTO objects (created, stored_at, bytes, due_ms,"
		" is_root, label, state, body, input, aux, owner, kind, id,"
		" parent, version, claims, holder)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, '')"),
	[OBJECT_UPDATE] = STR_INIT(
		"UPDATE objects SET created = ?, stored_at = ?, bytes = ?,"
		" due_ms = ?, is_root = ?, label = ?, state = ?, body = ?,"
		" input = ?, aux = ?, version = version + 1 WHERE seq = ?"),
	[OBJECT_DELETE] = STR_INIT("DELETE FROM objects WHERE seq = ?"),
	[OBJECT_DELETE_CHILDREN] =
		STR_INIT("DELETE FROM objects" CHILDREN " RETURNING bytes"),
	[OBJECT_CHILDREN] =
		STR_INIT("SELECT 1 FROM objects" CHILDREN " LIMIT 1"),
	[OBJECT_CLAIM] = STR_INIT(
		"UPDATE objects SET state = 'running', holder = ?, due_ms = ?,"
		" version = version + 1, claims = claims + 1 WHERE seq ="
		" (SELECT seq FROM objects WHERE kind = ? AND due_ms <= ?"
		" AND state IN ('queued', 'running')"
		" ORDER BY due_ms, seq LIMIT 1) RETURNING seq"),
	[OBJECT_LEASE] = STR_INIT(
		"UPDATE objects SET due_ms = ? WHERE state = 'running'"
		" AND holder = ? AND owner = ? AND kind = ? AND id = ?"),
	[OBJECT_OLDEST] = STR_INIT(CAN_GO " ORDER BY stored_at, seq LIMIT 1"),
	[OBJECT_ABOVE] =
		STR_INIT(CAN_GO " AND owner = ?2 AND kind = ?3 AND id = ?4"),
};

/* A row that is there. */
struct found {
	int64_t seq; /* 0: it is not */
	int64_t version;
	int64_t bytes;
};

static int get(struct sqlite *s, unsigned which, sqlite3_stmt **out)
{
	int r = sqlite_prepare(s, statements[which], &s->objects[which]);

	*out = s->objects[which];
	return r;
}

static void done_with(sqlite3_stmt *stmt)
{
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
}

/* Step one that gives no rows, or whose rows do not matter. */
static int run(struct sqlite *s, sqlite3_stmt *stmt)
{
	int got;

	while ((got = sqlite3_step(stmt)) == SQLITE_ROW)
		;
	return got == SQLITE_DONE ? 0 : sqlite_failed(s->writer, "writing");
}

static int bind_key(sqlite3_stmt *stmt, int *at, const struct store_object *o)
{
	int r = sqlite_bind(stmt, at, o->owner);

	(void)sqlite3_bind_int(stmt, (*at)++, (int)o->kind);
	return r == 0 ? sqlite_bind(stmt, at, o->id) : r;
}

static int find(struct sqlite *s, const struct store_object *o,
		struct found *out)
{
	sqlite3_stmt *stmt;
	int at = 1;
	int r = get(s, OBJECT_FIND, &stmt);

	if (r == 0)
		r = bind_key(stmt, &at, o);
	if (r < 0)
		return r;
	*out = (struct found){ 0 };
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		*out = (struct found){
			.seq = sqlite3_column_int64(stmt, 0),
			.version = sqlite3_column_int64(stmt, 1),
			.bytes = sqlite3_column_int64(stmt, 2),
		};
		break;
	case SQLITE_DONE:
		break;
	default:
		r = sqlite_failed(s->writer, "writing");
	}
	done_with(stmt);
	return r;
}

static int bind_children(sqlite3_stmt *stmt, const struct store_object *o,
			 struct str parent)
{
	int at = 1;
	int r = sqlite_bind(stmt, &at, parent);

	if (r == 0)
		r = sqlite_bind(stmt, &at, o->owner);
	(void)sqlite3_bind_int(stmt, at, (int)o->kind);
	return r;
}

static int has_children(struct sqlite *s, const struct store_object *o,
			bool *out)
{
	sqlite3_stmt *stmt;
	int r = get(s, OBJECT_CHILDREN, &stmt);
	int got;

	if (r == 0)
		r = bind_children(stmt, o, o->id);
	if (r < 0)
		return r;
	got = sqlite3_step(stmt);
	if (got != SQLITE_ROW && got != SQLITE_DONE)
		r = sqlite_failed(s->writer, "writing");
	*out = got == SQLITE_ROW;
	done_with(stmt);
	return r;
}

static int bind_object(sqlite3_stmt *stmt, int *at,
		       const struct store_object *o)
{
	const int64_t numbers[] = { o->created,
				    o->stored_at > 0 ? o->stored_at
						     : clock_wall() / CLOCK_S,
				    (int64_t)op_bytes(o), o->due_ms,
				    o->is_root };
	const struct str texts[] = { o->label, o->state, o->body, o->input,
				     o->aux };
	int r = 0;

	for (size_t i = 0; i < countof(numbers); i++)
		(void)sqlite3_bind_int64(stmt, (*at)++, numbers[i]);
	for (size_t i = 0; i < countof(texts) && r == 0; i++)
		r = sqlite_bind(stmt, at, texts[i]);
	return r;
}

/* In the place of old, if it is there. */
static int write(struct sqlite *s, const struct store_object *o,
		 const struct found *old)
{
	sqlite3_stmt *stmt;
	int at = 1;
	int r = get(s, old->seq > 0 ? OBJECT_UPDATE : OBJECT_INSERT, &stmt);

	if (r == 0)
		r = bind_object(stmt, &at, o);
	if (r == 0 && old->seq == 0) {
		r = bind_key(stmt, &at, o);
		if (r == 0)
			r = sqlite_bind(stmt, &at, o->parent);
	}
	if (r < 0)
		return r;
	if (old->seq > 0)
		(void)sqlite3_bind_int64(stmt, at, old->seq);
	r = run(s, stmt);
	done_with(stmt);
	sqlite_add(s, SQLITE_OBJECTS, old->seq > 0 ? 0 : 1,
		   (int64_t)op_bytes(o) - old->bytes);
	return r;
}

static int drop(struct sqlite *s, const struct found *old)
{
	sqlite3_stmt *stmt;
	int r = old->seq > 0 ? get(s, OBJECT_DELETE, &stmt) : STORE_UNKNOWN;

	if (r != 0)
		return r < 0 ? r : 0;
	(void)sqlite3_bind_int64(stmt, 1, old->seq);
	r = run(s, stmt);
	done_with(stmt);
	sqlite_add(s, SQLITE_OBJECTS, -1, -old->bytes);
	return r;
}

static int drop_children(struct sqlite *s, const struct store_object *o)
{
	sqlite3_stmt *stmt;
	int64_t rows = 0, bytes = 0;
	int r = get(s, OBJECT_DELETE_CHILDREN, &stmt);
	int got = SQLITE_DONE;

	if (r == 0)
		r = bind_children(stmt, o, o->parent);
	while (r == 0 && (got = sqlite3_step(stmt)) == SQLITE_ROW) {
		bytes += sqlite3_column_int64(stmt, 0);
		rows++;
	}
	if (r == 0 && got != SQLITE_DONE)
		r = sqlite_failed(s->writer, "writing");
	sqlite_add(s, SQLITE_OBJECTS, -rows, -bytes);
	if (stmt != NULL)
		done_with(stmt);
	return r;
}

/* Does an op's condition hold for what is there? */
static int check(struct sqlite *s, const struct store_op *op,
		 const struct found *old)
{
	bool has = false;
	int r = 0;

	if (op->what == STORE_PUT)
		return 0;
	if (op->what == STORE_INSERT)
		return old->seq > 0 ? STORE_EXISTS : 0;
	if (old->seq == 0)
		return STORE_UNKNOWN;
	if (op->version != 0 && op->version != old->version)
		return STORE_CONFLICT;
	if (op->childless)
		r = has_children(s, &op->object, &has);
	return has ? STORE_CONFLICT : r;
}

static int do_op(struct sqlite *s, const struct store_op *op, bool is_sure)
{
	struct found old;
	int r;

	if (op->what == STORE_DELETE_CHILDREN)
		return drop_children(s, &op->object);
	r = find(s, &op->object, &old);
	if (r == 0 && !is_sure)
		r = check(s, op, &old);
	if (r != 0 || op->what == STORE_EXPECT)
		return r;
	return op->what == STORE_DELETE ? drop(s, &old)
					: write(s, &op->object, &old);
}

int sqlite_object_write(struct sqlite *s, const struct store_op *ops,
			size_t count, bool is_sure)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = do_op(s, &ops[i], is_sure);
	return r;
}

int sqlite_object_apply(struct database *db, const struct store_op *ops,
			size_t count)
{
	struct sqlite *s = (struct sqlite *)db;
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	return sqlite_end(s, sqlite_object_write(s, ops, count, false));
}

static int claim(struct sqlite *s, const struct store_claimant *c, int64_t *out)
{
	sqlite3_stmt *stmt;
	int at = 1;
	int r = get(s, OBJECT_CLAIM, &stmt);

	if (r == 0)
		r = sqlite_bind(stmt, &at, c->holder);
	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, at++, c->until_ms);
	(void)sqlite3_bind_int(stmt, at++, (int)c->kind);
	(void)sqlite3_bind_int64(stmt, at++, c->now_ms);
	*out = 0;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	r = run(s, stmt);
	done_with(stmt);
	return r == 0 && *out == 0 ? STORE_UNKNOWN : r;
}

int sqlite_object_claim(struct database *db, const struct store_claimant *c,
			struct arena *a, struct store_object *out)
{
	struct sqlite *s = (struct sqlite *)db;
	int64_t seq;
	int r = sqlite_object_is_due(s, c->kind, c->now_ms);

	if (r != 0)
		return r;
	r = sqlite_begin(s);
	if (r < 0)
		return err_up(r);
	r = claim(s, c, &seq);
	if (r == 0)
		r = sqlite_object_read_seq(s->writer, seq, a, out);
	return sqlite_end(s, r);
}

static int lease(struct sqlite *s, const struct store_object *o,
		 struct str holder, int64_t until_ms)
{
	struct found old;
	sqlite3_stmt *stmt;
	int at = 1;
	int r = get(s, OBJECT_LEASE, &stmt);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, at++, until_ms);
	r = sqlite_bind(stmt, &at, holder);
	if (r == 0)
		r = bind_key(stmt, &at, o);
	if (r == 0)
		r = run(s, stmt);
	done_with(stmt);
	if (r < 0 || sqlite3_changes(s->writer) > 0)
		return r;
	r = find(s, o, &old);
	if (r < 0)
		return r;
	return old.seq > 0 ? STORE_CONFLICT : STORE_UNKNOWN;
}

int sqlite_object_lease(struct database *db, const struct store_key *key,
			struct str holder, int64_t until_ms)
{
	struct sqlite *s = (struct sqlite *)db;
	const struct store_object o = { .kind = key->kind,
					.owner = key->owner,
					.id = key->id };
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	return sqlite_end(s, lease(s, &o, holder, until_ms));
}

/* A row that is old. */
struct old {
	struct found found;
	struct store_object object; /* kind, owner, id, parent */
};

static int read_old(struct sqlite *s, sqlite3_stmt *stmt, struct arena *a,
		    struct old *out)
{
	struct store_object o = { 0 };
	int got = sqlite3_step(stmt);
	int r = STORE_UNKNOWN;

	if (got == SQLITE_ROW) {
		o.kind = (enum store_kind)sqlite3_column_int(stmt, 3);
		r = sqlite_read_text(stmt, 4, a, &o.owner);
		if (r == 0)
			r = sqlite_read_text(stmt, 5, a, &o.id);
		if (r == 0)
			r = sqlite_read_text(stmt, 6, a, &o.parent);
		out->found.seq = sqlite3_column_int64(stmt, 0);
		out->found.bytes = sqlite3_column_int64(stmt, 2);
		out->object = o;
	} else if (got != SQLITE_DONE) {
		r = sqlite_failed(s->writer, "reading");
	}
	done_with(stmt);
	return r;
}

static int next_old(struct sqlite *s, unsigned which, int64_t before,
		    struct arena *a, struct old *io)
{
	struct store_object above = io->object;
	sqlite3_stmt *stmt;
	int at = 2;
	int r = get(s, which, &stmt);

	if (r < 0)
		return r;
	(void)sqlite3_bind_int64(stmt, 1, before);
	above.id = above.parent;
	if (which == OBJECT_ABOVE)
		r = bind_key(stmt, &at, &above);
	return r == 0 ? read_old(s, stmt, a, io) : r;
}

static int drop_old(struct sqlite *s, const struct old *old)
{
	static const enum store_kind below[] = { STORE_EVENTS, STORE_ITEM,
						 STORE_MESSAGES, STORE_RUN };
	struct store_object child = { .owner = old->object.owner,
				      .parent = old->object.id };
	int r = drop(s, &old->found);

	for (size_t i = 0; i < countof(below) && r == 0; i++) {
		child.kind = below[i];
		r = drop_children(s, &child);
	}
	return r;
}

/* STORE_UNKNOWN: no more than is to be kept. */
static int is_enough(struct sqlite *s, const struct store_expiry *e)
{
	int64_t total = 0;
	int r = e->bytes_max > 0 ? sqlite_total(s, &total) : 0;

	if (r == 0 && e->bytes_max > 0 && total <= e->bytes_max)
		r = STORE_UNKNOWN;
	return r;
}

/* Up along a chain as far as it can go, and then the next one. */
int sqlite_object_expire(struct database *db, const struct store_expiry *e,
			 unsigned *out_count)
{
	struct sqlite *s = (struct sqlite *)db;
	struct old old = { 0 };
	struct arena a;
	unsigned n = 0;
	int r = sqlite_begin(s);

	if (r < 0)
		return err_up(r);
	arena_init(&a, (size_t)(e->max + 1) * 4 * STORE_TEXT_MAX);
	while (n < e->max && r == 0) {
		r = is_enough(s, e);
		if (r == STORE_UNKNOWN)
			break;
		if (r == 0)
			r = STORE_UNKNOWN;
		if (r == STORE_UNKNOWN && old.object.parent.len > 0)
			r = next_old(s, OBJECT_ABOVE, e->before, &a, &old);
		if (r == STORE_UNKNOWN)
			r = next_old(s, OBJECT_OLDEST, e->before, &a, &old);
		if (r == 0)
			r = drop_old(s, &old);
		n += r == 0;
	}
	arena_fini(&a);
	r = sqlite_end(s, r == STORE_UNKNOWN ? 0 : r);
	if (r == 0)
		*out_count = n;
	return r;
}
