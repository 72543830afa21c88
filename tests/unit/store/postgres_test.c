#include "tests/unit/store/fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/postgres.h"
#include "tests/unit/store/server.h"

enum {
	AWAY_MS = 1500, /* QUIPU_AWAY_MS: for longer */
	BUSY_MS = 300,
};

static struct arena arena;

static int begin(void **state)
{
	arena_init(&arena, FIXTURE_ARENA);
	return fixture_make(state);
}

static int end(void **state)
{
	arena_fini(&arena);
	return fixture_drop(state);
}

static struct str id_of(unsigned n)
{
	return arena_printf(&arena, "chatcmpl-%u", n);
}

static void has_error_text(const char *name, const char *part)
{
	struct str text = err_text();

	if (str_find(text, str_of(part)) == text.len)
		fail_msg("%s: '" STR_FMT "' has no '%s'", name, STR_ARG(text),
			 part);
}

static struct store *open_store(void)
{
	struct store *s = NULL;

	check_int("open",
		  store_open(&(struct store_cfg){ .uri = str_of(fixture_uri),
						  .producers = 4,
						  .busy_ms = BUSY_MS },
			     &s),
		  0);
	return s;
}

static void complain(void *arg, struct str what)
{
	(void)arg;
	fail_msg("check: " STR_FMT, STR_ARG(what));
}

static void count_finding(void *arg, struct str what)
{
	(void)what;
	++*(unsigned *)arg;
}

static struct database *open_database(void)
{
	const struct store_cfg cfg = { .uri = str_of(fixture_uri),
				       .busy_ms = BUSY_MS,
				       .read_ms = 10000 };
	struct database *db = NULL;

	check_int("open",
		  store_postgres.open(&cfg,
				      str_drop(cfg.uri, strlen("postgres://")),
				      &db),
		  0);
	return db;
}

/* All rows are there, once, and what is counted is right. */
static void check_all(struct store *s, unsigned count)
{
	const struct store_finding f = { .found = complain };
	struct database *db = open_database();
	struct store_completion got;
	struct store_info info;

	check_int("flush", store_flush(s, fixture_soon()), 0);
	for (unsigned n = 0; n < count; n++) {
		check_int("get", store_get(s, STR(""), id_of(n), &arena, &got),
			  0);
		fixture_check_row(&got, n);
	}
	check_int("info", store_info(s, &info), 0);
	check_int("rows", info.rows, count);
	check_int("check", store_postgres.check(db, &f), 0);
	store_postgres.close(db);
}

/* A session of somebody else. */
static struct postgres_conn *connect_other(struct database *db)
{
	static struct postgres_conn c;

	c = (struct postgres_conn){ .db = (struct postgres *)db,
				    .deadline_ns = fixture_soon() };
	check_int("connect", postgres_connect(&c), 0);
	return &c;
}

static const struct refusal_row {
	const char *name;
	const char *uri; /* NULL: of the server, as follows */
	const char *database, *password;
	int want;
	const char *text;
} refusals[] = {
	{ "a wrong password", NULL, "postgres", "wrong-pa55word", -EACCES,
	  "user or password are wrong" },
	{ "no such database", NULL, "nothing", NULL, -ENOENT, "createdb" },
	{ "nobody there", "postgres://quipu:wrong-pa55word@127.0.0.1:1/x", NULL,
	  NULL, -ENOTCONN, "is it running" },
	{ "no such socket", "postgresql:///x?host=%2Fnonexistent", NULL, NULL,
	  -ENOTCONN, "with that socket" },
	{ "an @ in the password", "postgres://quipu:wrong-@pa55word@h/x", NULL,
	  NULL, -EINVAL, "%40" },
	{ "a / in the password", "postgres://quipu:wrong-/pa55word@h/x", NULL,
	  NULL, -EINVAL, "%2F" },
	{ "a bad sign in the password", "postgres://quipu:wrong-%zzpa55word@h",
	  NULL, NULL, -EINVAL, "not a URI" },
	{ "no such parameter", "postgres://h/x?nonsense=1", NULL, NULL, -EINVAL,
	  "not a URI" },
	{ "no such scheme", "postgers://quipu:wrong-pa55word@h/x", NULL, NULL,
	  -EINVAL, "begins with" },
};

static void refusals_say_what_to_do(void **state)
{
	char uri[256];

	(void)state;
	for (size_t i = 0; i < countof(refusals); i++) {
		const struct refusal_row *p = &refusals[i];
		struct store_cfg cfg = { .uri = str_of(p->uri) };
		struct store *s;
		struct str text;

		if (p->uri == NULL) {
			server_uri(uri, sizeof(uri), p->database, p->password);
			cfg.uri = str_of(uri);
		}
		check_int(p->name, store_open(&cfg, &s), p->want);
		has_error_text(p->name, p->text);
		text = err_text();
		check_int(p->name, str_find(text, STR("pa55")), text.len);
		check_int(p->name, str_find(text, STR("s3cret")), text.len);
	}
}

static void a_newer_schema_is_refused(void **state)
{
	struct store *s;

	(void)state;
	fixture_close(fixture_open());
	(void)server_sql("UPDATE quipu_schema SET version = 1000");
	check_int("open",
		  store_open(&(struct store_cfg){ .uri = str_of(fixture_uri) },
			     &s),
		  -ENOTSUP);
	has_error_text("open", "version 1000, newer than");
	check_str("left alone",
		  str_of(server_sql("SELECT version FROM quipu_schema")),
		  STR("1000"));
}

static void an_older_schema_migrates(void **state)
{
	static const char *const old[] = { "CREATE TABLE a (x int)",
					   "INSERT INTO a VALUES (7)", NULL };
	static const char *const new[] = {
		"CREATE TABLE a (x int)", "INSERT INTO a VALUES (7)",
		"ALTER TABLE a ADD y int DEFAULT 8",
		"CREATE TABLE b AS SELECT x + y AS z FROM a", NULL
	};
	static const char *const broken[] = {
		"", "", "", "", "DELETE FROM b", "NONSENSE", NULL
	};
	struct database *db = open_database();
	struct postgres_conn *c = connect_other(db);
	int64_t z = 0;

	(void)state;
	(void)server_sql("DROP TABLE quipu_schema");
	check_int("old", postgres_migrate(c, old), 0);
	check_int("again", postgres_migrate(c, old), 0);
	check_int("new", postgres_migrate(c, new), 0);
	check_int("now it is newer", postgres_migrate(c, old), -ENOTSUP);
	check_int("broken", postgres_migrate(c, broken), -EIO);
	c = connect_other(db);
	check_int("all or nothing",
		  postgres_numbers(c, "SELECT z::bigint FROM b", NULL, &z, 1),
		  0);
	check_int("what was kept", z, 15);
	postgres_hang_up(c);
	store_postgres.close(db);
}

static void a_locked_table_is_waited_for(void **state)
{
	struct store *s = open_store();
	struct database *db = open_database();
	struct postgres_conn *other = connect_other(db);
	struct store_completion got;
	struct store_counts counts;

	(void)state;
	check_int("lock",
		  postgres_run(other, "BEGIN; LOCK TABLE quipu_completions"),
		  0);
	fixture_put(s, 0, 1);
	check_int("flush", store_flush(s, fixture_soon()), -EBUSY);
	has_error_text("flush", "lock timeout");
	check_int("get", store_get(s, STR(""), id_of(1), &arena, &got), -EBUSY);
	check_int("change",
		  store_postgres.set_metadata(db, STR(""), id_of(2), STR("")),
		  -EBUSY);
	check_int("unlock", postgres_run(other, "ROLLBACK"), 0);
	check_int("kept, and written",
		  store_get(s, STR(""), id_of(1), &arena, &got), 0);
	store_counts(s, &counts);
	check_true("failures were counted", counts.failures > 0);
	postgres_hang_up(other);
	store_postgres.close(db);
	fixture_close(s);
}

static int64_t away_ns(void)
{
	int64_t ms = AWAY_MS;

	(void)str_to_i64(str_of(getenv("QUIPU_AWAY_MS")), 0, 600000, &ms);
	return ms * CLOCK_MS;
}

static void a_server_may_go_and_come_back(void **state)
{
	struct store *s = open_store();
	struct store_completion got;
	int64_t until;
	unsigned n = 0;

	(void)state;
	for (; n < 20; n++)
		fixture_put(s, n % 4, n);
	check_int("get", store_get(s, STR(""), id_of(0), &arena, &got), 0);
	server_order("stop immediate");
	until = clock_monotonic() + away_ns();
	while (clock_monotonic() < until) {
		const struct timespec some = { .tv_nsec = 50000000 };

		fixture_put(s, n % 4, n);
		n++;
		check_int("get", store_get(s, STR(""), id_of(0), &arena, &got),
			  -ENOTCONN);
		(void)nanosleep(&some, NULL);
	}
	check_int("drop", store_drop(s, STR(""), id_of(0)), -ENOTCONN);
	server_order("start");
	while (store_flush(s, fixture_soon()) == -ENOTCONN)
		;
	check_all(s, n);
	fixture_close(s);
}

struct job {
	struct store *s;
	unsigned count;
	int r; /* what went wrong */
};

static void *put_on(void *arg)
{
	struct job *job = arg;

	while (!fixture_is_over() && job->r == 0) {
		job->r = fixture_try_put(job->s, 1, job->count++);
		/* It may be away. */
		if (job->count % 200 == 0)
			(void)!store_flush(job->s, fixture_soon());
	}
	return NULL;
}

static void a_server_may_crash_amid_groups(void **state)
{
	static struct job job;

	(void)state;
	job = (struct job){ .s = open_store() };
	fixture_spawn(put_on, &job);
	for (unsigned i = 0; i < 3; i++) {
		const struct timespec some = { .tv_nsec = 200000000 };

		(void)nanosleep(&some, NULL);
		server_order("restart immediate");
	}
	fixture_stop();
	check_int("put", job.r, 0);
	while (store_flush(job.s, fixture_soon()) == -ENOTCONN)
		;
	check_true("rows were written", job.count > 0);
	check_all(job.s, job.count);
	fixture_close(job.s);
}

/* Two of one database, the same ids: none waits for ever, all are counted. */
static void *put_same(void *arg)
{
	struct job *job = arg;

	for (unsigned i = 0; i < 2000 && job->r == 0; i++)
		job->r = fixture_try_put(job->s, 0, (i * job->count) % 101);
	while (store_flush(job->s, fixture_soon()) == -EBUSY &&
	       !fixture_is_over())
		;
	return NULL;
}

static void two_may_write_the_same_ids(void **state)
{
	static struct job a, b;

	(void)state;
	a = (struct job){ .s = open_store(), .count = 7 };
	b = (struct job){ .s = open_store(), .count = 94 };
	fixture_spawn(put_same, &a);
	fixture_spawn(put_same, &b);
	fixture_join();
	check_int("put", a.r, 0);
	check_int("put", b.r, 0);
	check_all(a.s, 101);
	check_all(b.s, 101);
	fixture_close(a.s);
	fixture_close(b.s);
}

static struct row *make_row(unsigned n)
{
	struct store_completion c = fixture_row(&arena, n);
	char *image = arena_alloc(&arena, 10000);
	struct row *row;

	memset(image, 'A' + (int)(n % 2), 10000);
	c.request = arena_printf(&arena,
				 "[{\"url\":\"data:image/png;base64,%.*s\"},"
				 "{\"url\":\"data:image/png;base64,%.*s\"}]",
				 10000, image, 8000, image);
	row = row_new(&c);
	row_take_blobs(row);
	return row;
}

/* As when the answer to COMMIT never came: the same rows are put again. */
static void a_commit_whose_answer_was_lost(void **state)
{
	const struct store_finding f = { .found = complain };
	struct row *rows[] = { make_row(1), make_row(2), make_row(3) };
	struct database *db = open_database();
	int64_t batch = ((struct postgres *)db)->batch;
	struct store_completion got;
	struct store_info info;
	size_t replaced = 9;

	(void)state;
	check_int("put", store_postgres.put(db, rows, 3, &replaced), 0);
	check_int("replaced", replaced, 0);
	check_int("change",
		  store_postgres.set_metadata(db, STR(""), id_of(2),
					      STR("{\"new\":\"1\"}")),
		  0);
	((struct postgres *)db)->batch = batch;
	check_int("put", store_postgres.put(db, rows, 3, &replaced), 0);
	check_int("replaced", replaced, 0);
	check_int("get",
		  store_postgres.get(db, STR(""), id_of(2), &arena, &got), 0);
	check_str("what came between stays", got.metadata,
		  STR("{\"new\":\"1\"}"));
	check_str("with its blobs", got.request, rows[1]->c.request);
	check_int("info", store_postgres.info(db, &info), 0);
	check_int("rows", info.rows, 3);
	check_int("blobs", info.blobs, 4);
	check_int("check", store_postgres.check(db, &f), 0);
	/* Another group is another matter. */
	check_int("put", store_postgres.put(db, rows, 3, &replaced), 0);
	check_int("replaced", replaced, 3);
	check_int("drop", store_postgres.drop(db, STR(""), id_of(2)), 0);
	check_int("check", store_postgres.check(db, &f), 0);
	check_int("info", store_postgres.info(db, &info), 0);
	check_int("those of one picture are gone", info.blobs, 2);
	for (size_t i = 0; i < 3; i++)
		row_free(rows[i]);
	store_postgres.close(db);
}

static void damage_is_found(void **state)
{
	static const char *const damages[] = {
		"UPDATE quipu_totals SET rows = rows + 1 WHERE slot = 3",
		"UPDATE quipu_blobs SET uses = uses + 1",
		"UPDATE quipu_blobs SET bytes = 'x'",
		"DELETE FROM quipu_blobs",
	};
	struct row *row = make_row(1);
	struct database *db = open_database();
	struct store_completion got;
	size_t replaced;

	(void)state;
	check_int("put", store_postgres.put(db, &row, 1, &replaced), 0);
	row_free(row);
	for (size_t i = 0; i < countof(damages); i++) {
		unsigned found = 0;
		const struct store_finding f = { .found = count_finding,
						 .arg = &found };

		(void)server_sql(damages[i]);
		check_int(damages[i], store_postgres.check(db, &f), 0);
		check_true(damages[i], found > 0);
	}
	check_int("get",
		  store_postgres.get(db, STR(""), id_of(1), &arena, &got),
		  -EUCLEAN);
	store_postgres.close(db);
}

/* The database's sessions of quipu. */
static void signal_sessions(const char *sig)
{
	char pids[200];
	struct str rest, pid;
	int64_t n;

	(void)snprintf(pids, sizeof(pids), "%s",
		       server_sql("SELECT string_agg(pid::text, ',') FROM"
				  " pg_stat_activity WHERE application_name ="
				  " 'quipu' AND datname = current_database()"));
	for (rest = str_of(pids); rest.len > 0;) {
		(void)str_cut(rest, ',', &pid, &rest);
		check_true("a pid", str_to_i64(pid, 1, INT32_MAX, &n));
		assert_int_equal(kill((pid_t)n, str_eq(str_of(sig), STR("STOP"))
							? SIGSTOP
							: SIGCONT),
				 0);
	}
}

static void a_server_that_hangs_holds_up_no_stop(void **state)
{
	struct store *s = open_store();
	struct store_completion got;
	int64_t from;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_put(s, 0, 1);
	check_int("get", store_get(s, STR(""), id_of(1), &arena, &got), 0);
	signal_sessions("STOP");
	for (unsigned n = 2; n < 12; n++)
		fixture_put(s, 0, n);
	from = clock_monotonic();
	check_int("lost", store_close(s, from + CLOCK_S), 10);
	check_true("in time", clock_monotonic() < from + 10 * CLOCK_S);
	signal_sessions("CONT");
}

/* Plans are made while the table is empty, and kept. */
static void nothing_is_looked_through(unsigned rows)
{
	int64_t until = fixture_soon(), fetched = 0, n = 0;

	while (n < rows) {
		struct str line, head;

		check_true("what was done is known", clock_monotonic() < until);
		line = str_of(server_sql("SELECT n_tup_ins || ' ' ||"
					 " idx_tup_fetch + seq_tup_read"
					 " FROM pg_stat_user_tables WHERE"
					 " relname = 'quipu_completions'"));
		(void)str_cut(line, ' ', &head, &line);
		(void)str_to_i64(head, 0, INT64_MAX, &n);
		(void)str_to_i64(line, 0, INT64_MAX, &fetched);
	}
	check_true("few rows were looked at", fetched < 10 * (int64_t)rows);
}

static void many_rows_go_in_few_commits(void **state)
{
	struct store *s = open_store();
	struct store_counts counts;

	(void)state;
	for (unsigned n = 0; n < 3000; n++)
		fixture_put(s, n % 4, n);
	check_int("flush", store_flush(s, fixture_soon()), 0);
	store_counts(s, &counts);
	check_int("written", counts.written, 3000);
	check_true("groups", counts.groups < 300);
	check_int("failures", counts.failures, 0);
	fixture_close(s);
	nothing_is_looked_through(3000);
}

/* Bytes that are no UTF-8, and zeros, come back as they were. */
static void any_bytes_come_back(void **state)
{
	struct store *s = open_store();
	struct store_completion c = fixture_row(&arena, 1), got;
	struct store_query q = { .limit = 10,
				 .metadata = { { STR("k"), STR("v") } },
				 .metadata_count = 1 };
	struct store_page page;

	(void)state;
	c.id = STR("\0\xff id");
	c.model_asked = STR("\xc3");
	c.metadata = STR("{\"k\":\"v\",\"\\u0000\":\"\\ud800\"}");
	c.choices = STR("\xff\0[");
	check_int("put", store_put(s, 0, &c), 0);
	fixture_put(s, 0, 2);
	check_int("get", store_get(s, STR(""), c.id, &arena, &got), 0);
	check_str("model", got.model_asked, c.model_asked);
	check_str("choices", got.choices, c.choices);
	check_str("metadata", got.metadata, c.metadata);
	check_int("list", store_list(s, &q, &arena, &page), 0);
	check_int("metadata that it cannot read matches nothing", page.count,
		  0);
	q.metadata[0] = (struct store_filter){ STR("a\0"), STR("\xff") };
	check_int("list", store_list(s, &q, &arena, &page), 0);
	check_int("a filter that it cannot read, too", page.count, 0);
	fixture_close(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refusals_say_what_to_do),
		TEST(a_newer_schema_is_refused),
		TEST(an_older_schema_migrates),
		TEST(a_locked_table_is_waited_for),
		TEST(a_server_may_go_and_come_back),
		TEST(a_server_may_crash_amid_groups),
		TEST(two_may_write_the_same_ids),
		TEST(a_commit_whose_answer_was_lost),
		TEST(damage_is_found),
		TEST(a_server_that_hangs_holds_up_no_stop),
		TEST(many_rows_go_in_few_commits),
		TEST(any_bytes_come_back),
	};

	return fixture_run_postgres(tests, countof(tests));
}
