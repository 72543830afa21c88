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
	" SELECT sum(bytes) - bytes_max INTO over FROM quipu_totals; END IF;"
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
