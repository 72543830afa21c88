#include "store/postgres.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "store/migration.h"

/* A migration may take long; who comes meanwhile waits for it. */
#define MIGRATION_LIMIT (600 * CLOCK_S)

/*
 * The order of lists is (created, seq).  What is kept is counted in rows of
 * quipu_totals by status, blobs being kind 3; which of them a session adds to
 * does not matter, so that no two wait for each other as a rule.  The blobs of a
 * row are 48 bytes each: place, length, hash.  batch is a number of the writer's
 * for each row: a commit whose answer was lost is found by it.
 */
const char *const postgres_steps[] = {
	"CREATE TABLE quipu_completions ("
	" seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	" created bigint NOT NULL,"
	" status bigint NOT NULL,"
	" first_byte_us bigint NOT NULL,"
	" total_us bigint NOT NULL,"
	" stored_at bigint NOT NULL,"
	" bytes bigint NOT NULL,"
	" batch bigint NOT NULL,"
	" owner bytea NOT NULL,"
	" id bytea NOT NULL,"
	" model_asked bytea NOT NULL,"
	" model_served bytea NOT NULL,"
	" provider bytea NOT NULL,"
	" \"user\" bytea NOT NULL,"
	" metadata bytea NOT NULL,"
	" usage bytea NOT NULL,"
	" extra bytea NOT NULL,"
	" params bytea NOT NULL,"
	" choices bytea NOT NULL,"
	" request bytea NOT NULL,"
	" blobs bytea NOT NULL,"
	" UNIQUE (id, owner));"
	"CREATE INDEX quipu_completions_order"
	" ON quipu_completions (owner, created, seq);"
	"CREATE INDEX quipu_completions_model"
	" ON quipu_completions (owner, model_asked, created, seq);"
	"CREATE INDEX quipu_completions_age"
	" ON quipu_completions (stored_at, seq);"

	"CREATE TABLE quipu_blobs ("
	" hash bytea PRIMARY KEY,"
	" uses bigint NOT NULL,"
	" bytes bytea NOT NULL);"

	"CREATE TABLE quipu_totals ("
	" kind bigint, slot bigint,"
	" rows bigint NOT NULL, bytes bigint NOT NULL,"
	" PRIMARY KEY (kind, slot)) WITH (fillfactor = 50);"
	"INSERT INTO quipu_totals SELECT kind, slot, 0, 0"
	" FROM generate_series(0, 3) kind, generate_series(0, 15) slot;"

	"CREATE FUNCTION quipu_count(k bigint, r bigint, b bigint)"
	" RETURNS void LANGUAGE sql AS $$"
	" UPDATE quipu_totals SET rows = rows + r, bytes = bytes + b"
	" WHERE kind = k AND slot = pg_backend_pid() % 16 $$;"

	/* One more use of a blob, which is made when its bytes are given. */
	"CREATE FUNCTION quipu_use(h bytea, b bytea)"
	" RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE n bigint; BEGIN"
	" UPDATE quipu_blobs SET uses = uses + 1 WHERE hash = h;"
	" IF FOUND THEN RETURN 1; END IF;"
	" IF length(b) = 0 THEN RETURN 0; END IF;"
	" INSERT INTO quipu_blobs AS q VALUES (h, 1, b)"
	" ON CONFLICT (hash) DO UPDATE SET uses = q.uses + 1"
	" RETURNING uses INTO n;"
	" IF n = 1 THEN PERFORM quipu_count(3, 1, length(b)); END IF;"
	" RETURN 1; END $$;"

	/* A row's blobs are used once less, and go with their last use. */
	"CREATE FUNCTION quipu_release(list bytea)"
	" RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE n bigint; freed bigint := 0; BEGIN"
	" FOR i IN 0 .. length(list) / 48 - 1 LOOP"
	" UPDATE quipu_blobs SET uses = uses - 1"
	" WHERE hash = substring(list FROM i * 48 + 17 FOR 32);"
	" DELETE FROM quipu_blobs"
	" WHERE hash = substring(list FROM i * 48 + 17 FOR 32) AND uses < 1"
	" RETURNING length(bytes) INTO n;"
	" IF FOUND THEN PERFORM quipu_count(3, -1, -n); freed := freed + n;"
	" END IF; END LOOP; RETURN freed; END $$;"

	/* What it frees; NULL: it is not there. */
	"CREATE FUNCTION quipu_forget(which bigint)"
	" RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE r record; BEGIN"
	" DELETE FROM quipu_completions WHERE seq = which"
	" RETURNING status, bytes, blobs INTO r;"
	" IF NOT FOUND THEN RETURN NULL; END IF;"
	" PERFORM quipu_count(r.status, -1, -r.bytes);"
	" RETURN r.bytes + quipu_release(r.blobs); END $$;"

	/* Rows that another session is about to delete are left to it. */
	"CREATE FUNCTION quipu_expire(before bigint, bytes_max bigint,"
	" most bigint) RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE r record; n bigint := 0; over bigint := 0; BEGIN"
	" IF bytes_max > 0 THEN"
	" SELECT sum(bytes) - bytes_max INTO over FROM quipu_totals"
	" WHERE kind < 4; END IF;"
	" FOR r IN SELECT seq, stored_at FROM quipu_completions"
	" ORDER BY stored_at, seq LIMIT most FOR UPDATE SKIP LOCKED LOOP"
	" EXIT WHEN r.stored_at >= before AND over <= 0;"
	" over := over - quipu_forget(r.seq); n := n + 1;"
	" END LOOP; RETURN n; END $$;"

	/* Metadata that PostgreSQL cannot read (a \u0000) matches nothing. */
	"CREATE FUNCTION quipu_has(metadata bytea, k bytea, v bytea)"
	" RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN"
	" RETURN convert_from(metadata, 'UTF8')::json"
	" ->> convert_from(k, 'UTF8') = convert_from(v, 'UTF8');"
	" EXCEPTION WHEN OTHERS THEN RETURN false; END $$;",

	/*
	 * Kinds and states as in object.h and claim.h: 1 and 3 can expire.  The
	 * index of lists is of expressions, so that no look for an id takes it:
	 * without statistics, which a new table has not, it would be as good.
	 */
	"CREATE TABLE quipu_objects ("
	" seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
	" kind bigint NOT NULL,"
	" created bigint NOT NULL,"
	" stored_at bigint NOT NULL,"
	" bytes bigint NOT NULL,"
	" version bigint NOT NULL,"
	" claims bigint NOT NULL,"
	" due_ms bigint NOT NULL,"
	" is_root bigint NOT NULL,"
	" owner bytea NOT NULL,"
	" id bytea NOT NULL,"
	" parent bytea NOT NULL,"
	" label bytea NOT NULL,"
	" state bytea NOT NULL,"
	" holder bytea NOT NULL,"
	" body bytea NOT NULL,"
	" input bytea NOT NULL,"
	" aux bytea NOT NULL,"
	" UNIQUE (owner, kind, id));"
	"CREATE INDEX quipu_objects_order"
	" ON quipu_objects ((owner || ''), (kind + 0), seq);"
	"CREATE INDEX quipu_objects_parent"
	" ON quipu_objects (owner, kind, parent, seq) WHERE parent <> '';"
	"CREATE INDEX quipu_objects_label"
	" ON quipu_objects (owner, kind, label, seq) WHERE label <> '';"
	"CREATE INDEX quipu_objects_due ON quipu_objects (kind, due_ms, seq)"
	" WHERE state IN ('queued', 'running');"
	"CREATE INDEX quipu_objects_age ON quipu_objects (stored_at, seq)"
	" WHERE kind IN (1, 3);"
	"INSERT INTO quipu_totals SELECT 4, slot, 0, 0"
	" FROM generate_series(0, 15) slot;"

	/*
	 * One op: 0, or the outcome of a condition that does not hold, as in
	 * store.h and object.h.  What another session inserts meanwhile is seen
	 * at the next round.
	 */
	"CREATE FUNCTION quipu_object(a_what bigint, a_sure bigint,"
	" a_childless bigint, a_version bigint, a_kind bigint,"
	" a_created bigint, a_stored_at bigint, a_bytes bigint, a_due bigint,"
	" a_root bigint, a_owner bytea, a_id bytea, a_parent bytea,"
	" a_label bytea, a_state bytea, a_body bytea, a_input bytea,"
	" a_aux bytea) RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE old record; n bigint; size bigint; BEGIN"
	" IF a_what = 5 THEN"
	" WITH gone AS (DELETE FROM quipu_objects WHERE owner = a_owner"
	" AND kind = a_kind AND parent = a_parent AND parent <> ''"
	" RETURNING bytes)"
	" SELECT count(*), coalesce(sum(bytes), 0) INTO n, size FROM gone;"
	" IF n > 0 THEN PERFORM quipu_count(4, -n, -size); END IF;"
	" RETURN 0; END IF;"
	" LOOP SELECT seq, version, bytes INTO old FROM quipu_objects"
	" WHERE owner = a_owner AND kind = a_kind AND id = a_id FOR UPDATE;"
	" IF a_sure = 0 AND a_what = 1 AND FOUND THEN RETURN 16; END IF;"
	" IF a_sure = 0 AND a_what > 1 THEN"
	" IF NOT FOUND THEN RETURN 1; END IF;"
	" IF a_version <> 0 AND a_version <> old.version OR a_childless <> 0"
	" AND EXISTS (SELECT 1 FROM quipu_objects WHERE owner = a_owner"
	" AND kind = a_kind AND parent = a_id AND parent <> '')"
	" THEN RETURN 17; END IF; END IF;"
	" IF a_what = 3 THEN RETURN 0; END IF;"
	" IF a_what = 4 THEN IF old.seq IS NOT NULL THEN"
	" DELETE FROM quipu_objects WHERE seq = old.seq;"
	" PERFORM quipu_count(4, -1, -old.bytes); END IF; RETURN 0; END IF;"
	" IF old.seq IS NOT NULL THEN"
	" UPDATE quipu_objects SET created = a_created,"
	" stored_at = a_stored_at, bytes = a_bytes, version = version + 1,"
	" due_ms = a_due, is_root = a_root, label = a_label,"
	" state = a_state, body = a_body, input = a_input, aux = a_aux"
	" WHERE seq = old.seq;"
	" IF a_bytes <> old.bytes THEN"
	" PERFORM quipu_count(4, 0, a_bytes - old.bytes); END IF;"
	" RETURN 0; END IF;"
	" INSERT INTO quipu_objects (kind, created, stored_at, bytes, version,"
	" claims, due_ms, is_root, owner, id, parent, label, state, holder,"
	" body, input, aux) VALUES (a_kind, a_created, a_stored_at, a_bytes,"
	" 1, 0, a_due, a_root, a_owner, a_id, a_parent, a_label, a_state, '',"
	" a_body, a_input, a_aux) ON CONFLICT DO NOTHING;"
	" IF FOUND THEN PERFORM quipu_count(4, 1, a_bytes); RETURN 0;"
	" END IF; END LOOP; END $$;"

	/* As sqlite_object_expire(). */
	"CREATE FUNCTION quipu_object_expire(a_before bigint, a_most bigint)"
	" RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE o record; n bigint := 0; many bigint; size bigint; BEGIN"
	" LOOP EXIT WHEN n >= a_most;"
	" SELECT seq, kind, owner, id, bytes INTO o FROM quipu_objects AS x"
	" WHERE kind IN (1, 3) AND stored_at < a_before"
	" AND NOT EXISTS (SELECT 1 FROM quipu_objects AS c"
	" WHERE c.owner = x.owner AND c.kind = x.kind AND c.parent = x.id"
	" AND c.parent <> '' AND c.is_root = 0)"
	" AND NOT EXISTS (SELECT 1 FROM quipu_objects AS c"
	" WHERE c.owner = x.owner AND c.kind IN (4, 5) AND c.parent = x.id"
	" AND c.parent <> '' AND c.stored_at >= a_before)"
	" ORDER BY stored_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED;"
	" EXIT WHEN NOT FOUND;"
	" DELETE FROM quipu_objects WHERE seq = o.seq;"
	" WITH gone AS (DELETE FROM quipu_objects AS c"
	" WHERE c.owner = o.owner AND c.kind IN (2, 4, 5, 8)"
	" AND c.parent = o.id AND c.parent <> '' RETURNING c.bytes)"
	" SELECT count(*) + 1, coalesce(sum(bytes), 0) + o.bytes"
	" INTO many, size FROM gone;"
	" PERFORM quipu_count(4, -many, -size); n := n + 1;"
	" END LOOP; RETURN n; END $$;"

	"CREATE FUNCTION quipu_lease(a_owner bytea, a_kind bigint, a_id bytea,"
	" a_holder bytea, a_until bigint)"
	" RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN"
	" UPDATE quipu_objects SET due_ms = a_until WHERE owner = a_owner"
	" AND kind = a_kind AND id = a_id AND state = 'running'"
	" AND holder = a_holder;"
	" IF FOUND THEN RETURN 0; END IF;"
	" PERFORM 1 FROM quipu_objects WHERE owner = a_owner"
	" AND kind = a_kind AND id = a_id;"
	" IF FOUND THEN RETURN 17; END IF; RETURN 1; END $$;",

	/* The object that was written first and can go: its bytes, or NULL. */
	"CREATE FUNCTION quipu_object_forget(a_before bigint)"
	" RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE o record; many bigint; size bigint; BEGIN"
	" SELECT seq, kind, owner, id, bytes INTO o FROM quipu_objects AS x"
	" WHERE kind IN (1, 3) AND stored_at < a_before"
	" AND NOT EXISTS (SELECT 1 FROM quipu_objects AS c"
	" WHERE c.owner = x.owner AND c.kind = x.kind AND c.parent = x.id"
	" AND c.parent <> '' AND c.is_root = 0)"
	" AND NOT EXISTS (SELECT 1 FROM quipu_objects AS c"
	" WHERE c.owner = x.owner AND c.kind IN (4, 5) AND c.parent = x.id"
	" AND c.parent <> '' AND c.stored_at >= a_before)"
	" ORDER BY stored_at, seq LIMIT 1 FOR UPDATE SKIP LOCKED;"
	" IF NOT FOUND THEN RETURN NULL; END IF;"
	" DELETE FROM quipu_objects WHERE seq = o.seq;"
	" WITH gone AS (DELETE FROM quipu_objects AS c"
	" WHERE c.owner = o.owner AND c.kind IN (2, 4, 5, 8)"
	" AND c.parent = o.id AND c.parent <> '' RETURNING c.bytes)"
	" SELECT count(*) + 1, coalesce(sum(bytes), 0) + o.bytes"
	" INTO many, size FROM gone;"
	" PERFORM quipu_count(4, -many, -size); RETURN size; END $$;"

	/* As shrink() of sqlite_drop.c: while more is kept, the oldest go. */
	"CREATE FUNCTION quipu_shrink(a_max bigint, a_most bigint)"
	" RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE r record; n bigint := 0; over bigint; freed bigint;"
	" first bigint; edge bigint;"
	" today bigint := extract(epoch FROM now())::bigint; BEGIN"
	" SELECT sum(bytes) - a_max INTO over FROM quipu_totals;"
	" IF over <= 0 THEN RETURN 0; END IF;"
	" SELECT least(today, (SELECT min(stored_at) FROM quipu_completions),"
	" (SELECT min(stored_at) FROM quipu_objects WHERE kind IN (1, 3)))"
	" INTO first;"
	" FOR part IN 1 .. 8 LOOP"
	" edge := CASE WHEN part < 8 THEN first + (today - first) * part / 8"
	" ELSE 9223372036854775807 END;"
	" FOR r IN SELECT seq FROM quipu_completions WHERE stored_at < edge"
	" ORDER BY stored_at, seq LIMIT a_most - n FOR UPDATE SKIP LOCKED LOOP"
	" EXIT WHEN over <= 0;"
	" over := over - quipu_forget(r.seq); n := n + 1; END LOOP;"
	" LOOP EXIT WHEN over <= 0 OR n >= a_most;"
	" freed := quipu_object_forget(edge); EXIT WHEN freed IS NULL;"
	" over := over - freed; n := n + 1; END LOOP;"
	" EXIT WHEN over <= 0 OR n >= a_most; END LOOP; RETURN n; END $$;"

	"CREATE OR REPLACE FUNCTION quipu_object_expire(a_before bigint,"
	" a_most bigint) RETURNS bigint LANGUAGE plpgsql AS $$"
	" DECLARE n bigint := 0; BEGIN"
	" LOOP EXIT WHEN n >= a_most OR quipu_object_forget(a_before) IS NULL;"
	" n := n + 1; END LOOP; RETURN n; END $$;",
	NULL,
};

/* 0 when there is no schema yet. */
static int read_version(struct postgres_conn *c, int64_t *out)
{
	int64_t n = 0;
	int r = postgres_numbers(c,
				 "SELECT count(*) FROM pg_class WHERE oid ="
				 " to_regclass('quipu_schema')",
				 NULL, &n, 1);

	if (r == 0 && n > 0) {
		r = postgres_numbers(c, "SELECT max(version) FROM quipu_schema",
				     NULL, &n, 1);
	}
	if (r == 0)
		*out = n;
	return r;
}

static int refuse_newer(int64_t version, int64_t count)
{
	return err_new(-ENOTSUP,
		       "store: the schema is version %lld, newer than %lld, "
		       "which this quipu knows; use a newer one",
		       (long long)version, (long long)count);
}

static int run_steps(struct postgres_conn *c, const char *const *steps,
		     int64_t count)
{
	int64_t version = 0;
	char text[96];
	int r = read_version(c, &version);

	if (r == 0 && version > count)
		r = refuse_newer(version, count);
	if (r == 0 && version == 0) {
		r = postgres_run(c, "CREATE TABLE IF NOT EXISTS quipu_schema"
				    " (version bigint NOT NULL)");
	}
	for (int64_t i = version; i < count && r == 0; i++)
		r = postgres_run(c, steps[i]);
	(void)snprintf(text, sizeof(text),
		       "DELETE FROM quipu_schema;"
		       " INSERT INTO quipu_schema VALUES (%lld)",
		       (long long)count);
	return r == 0 ? postgres_run(c, text) : r;
}

/* The lock is of this database, and goes with the transaction. */
static int run_locked(struct postgres_conn *c, const char *const *steps,
		      int64_t count)
{
	char text[200];
	int r;

	(void)snprintf(text, sizeof(text),
		       "BEGIN; SET LOCAL lock_timeout = 0;"
		       " SET LOCAL statement_timeout = 0;"
		       " SET LOCAL idle_in_transaction_session_timeout = 0;"
		       " SELECT pg_advisory_xact_lock(%d)",
		       MIGRATION_APPLICATION_ID);
	r = postgres_run(c, text);
	if (r == 0)
		r = run_steps(c, steps, count);
	if (r == 0)
		r = postgres_run(c, "COMMIT");
	if (r < 0)
		postgres_hang_up(c);
	return r;
}

int postgres_migrate(struct postgres_conn *c, const char *const *steps)
{
	int64_t version = 0, count = 0;
	int r = read_version(c, &version);

	while (steps[count] != NULL)
		count++;
	if (r < 0 || version == count)
		return r;
	if (version > count)
		return refuse_newer(version, count);
	c->deadline_ns = clock_monotonic() + MIGRATION_LIMIT;
	return run_locked(c, steps, count);
}
