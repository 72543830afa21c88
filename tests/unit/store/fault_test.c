#include "tests/unit/store/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "store/migration.h"

enum {
	KILL_ROUNDS = 50,
	KILL_MS = 60,
	NOBODY = 65534,
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

static void has_error_text(const char *part)
{
	struct str text = err_text();

	if (str_find(text, str_of(part)) == text.len)
		fail_msg("'" STR_FMT "' has no '%s'", STR_ARG(text), part);
}

static int open_store(struct store **out)
{
	return store_open(&(struct store_cfg){ .uri = str_of(fixture_uri),
					       .busy_ms = 100 },
			  out);
}

static struct str id_of(unsigned n)
{
	return arena_printf(&arena, "chatcmpl-%u", n);
}

/* In the child: rows from first on, the last one that is safe to the pipe. */
static void write_until_killed(unsigned first, int fd)
{
	struct store *s = fixture_open();

	for (unsigned n = first;; n++) {
		fixture_put(s, n % 4, n);
		if (n % 7 != 0)
			continue;
		if (store_flush(s, fixture_soon()) != 0 ||
		    write(fd, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

/* All up to last are there; what came after it is whole. */
static unsigned check_rows(unsigned first, unsigned last)
{
	struct store *s = fixture_open();
	struct store_completion got;
	unsigned n, missing = 0;

	for (n = first; missing < 64; n++) {
		int r = store_get(s, STR(""), id_of(n), &arena, &got);

		if (r == 0)
			fixture_check_row(&got, n);
		else
			check_int("get", r, STORE_UNKNOWN);
		if (r != 0 && n <= last)
			fail_msg("row %u of %u was safe, and is gone", n, last);
		missing = r == 0 ? 0 : missing + 1;
	}
	fixture_close(s);
	arena_reset(&arena);
	return n;
}

static void what_was_safe_survives_kill_9(void **state)
{
	unsigned next = 1, safe = 0;

	(void)state;
	for (unsigned i = 0; i < KILL_ROUNDS; i++) {
		unsigned last = fixture_kill(write_until_killed, next, KILL_MS);

		safe += last + 1 - next;
		next = check_rows(next, last);
	}
	printf("%u rows were called safe in %u rounds\n", safe, KILL_ROUNDS);
	check_true("the test has seen rows", safe > KILL_ROUNDS);
}

static void damaged_files_are_refused(void **state)
{
	static const char noise[8192] = "This is not a database.";
	struct store *s;
	int fd = open(fixture_path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_int_equal(write(fd, noise, sizeof(noise)), sizeof(noise));
	(void)close(fd);
	check_int("open", open_store(&s), -EUCLEAN);
	has_error_text("not a database");
}

static void damaged_pages_are_told(void **state)
{
	struct store *s = fixture_open();
	struct store_query q = { .limit = 100 };
	struct store_page page;
	static char noise[64 << 10];
	int fd, r;

	(void)state;
	for (unsigned n = 0; n < 600; n++)
		fixture_put(s, 0, n);
	fixture_close(s);
	memset(noise, 0xa5, sizeof(noise));
	fd = open(fixture_path, O_WRONLY);
	assert_int_equal(pwrite(fd, noise, sizeof(noise), 8192), sizeof(noise));
	(void)close(fd);
	r = open_store(&s);
	if (r == 0) {
		r = store_list(s, &q, &arena, &page);
		(void)store_close(s, clock_monotonic());
	}
	check_int("somewhere on the way", r, -EUCLEAN);
}

/* What sql makes of a fresh file. */
static void make_database(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(fixture_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void anothers_database_is_left_alone(void **state)
{
	struct store *s;
	struct stat before, after;

	(void)state;
	make_database("CREATE TABLE theirs (a)");
	assert_int_equal(stat(fixture_path, &before), 0);
	check_int("open", open_store(&s), -EUCLEAN);
	has_error_text("another program's");
	assert_int_equal(stat(fixture_path, &after), 0);
	check_int("mtime", before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void a_newer_schema_is_refused(void **state)
{
	struct store *s;

	(void)state;
	fixture_close(fixture_open());
	make_database("PRAGMA user_version = 1000");
	check_int("open", open_store(&s), -ENOTSUP);
	has_error_text("version 1000, newer than");
}

static void an_older_schema_migrates(void **state)
{
	static const char *const old[] = { "CREATE TABLE a (x)",
					   "INSERT INTO a VALUES (7)", NULL };
	static const char *const new[] = {
		"CREATE TABLE a (x)", "INSERT INTO a VALUES (7)",
		"ALTER TABLE a ADD y DEFAULT 8",
		"CREATE TABLE b AS SELECT x + y AS z FROM a", NULL
	};
	static const char *const broken[] = {
		"", "", "", "", "DELETE FROM b", "NONSENSE", NULL
	};
	sqlite3_stmt *stmt;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(fixture_path, &db), SQLITE_OK);
	check_int("old", migration_run(db, old), 0);
	check_int("again", migration_run(db, old), 0);
	check_int("new", migration_run(db, new), 0);
	check_int("now it is newer", migration_run(db, old), -ENOTSUP);
	check_int("all or nothing", migration_run(db, broken), -EIO);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT z FROM b", -1, &stmt,
					    NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	check_int("what was kept", sqlite3_column_int(stmt, 0), 15);
	(void)sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* What the first version made, with three rows, of which the last was dropped. */
static const char version_1[] =
	"CREATE TABLE completions ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL,"
	" id TEXT NOT NULL, created INTEGER NOT NULL, bytes INTEGER NOT NULL,"
	" status INTEGER NOT NULL, first_byte_us INTEGER NOT NULL,"
	" total_us INTEGER NOT NULL, model_asked TEXT NOT NULL,"
	" model_served TEXT NOT NULL, provider TEXT NOT NULL,"
	" user TEXT NOT NULL, metadata TEXT NOT NULL, usage TEXT NOT NULL,"
	" extra TEXT NOT NULL, choices TEXT NOT NULL, request TEXT NOT NULL);"
	"CREATE UNIQUE INDEX completions_id ON completions (owner, id);"
	"CREATE INDEX completions_order ON completions (owner, created);"
	"CREATE INDEX completions_model"
	" ON completions (owner, model_asked, created);"
	"CREATE INDEX completions_age ON completions (created, bytes);"
	"INSERT INTO completions VALUES"
	" (7, '', 'chatcmpl-a', 1700000000, 56, 1, -1, 2000, 'm', 'm-1', 'p',"
	" 'u', '{\"k\":\"v\"}', '{}', '', '[{\"index\":0}]',"
	" '[{\"role\":\"user\"}]'),"
	" (8, 'bob', 'chatcmpl-a', 1700000001, 20, 0, 1, 2, 'm', '', '', '',"
	" '', '', '', '', '[]'),"
	" (9, '', 'chatcmpl-c', 1700000002, 20, 0, 1, 2, 'm', '', '', '',"
	" '', '', '', '', '[]');"
	"DELETE FROM completions WHERE seq = 9;"
	"PRAGMA application_id = 1903521909; PRAGMA user_version = 1;";

static void the_first_version_migrates(void **state)
{
	struct store_completion got, c = fixture_row(&arena, 1);
	struct store_info info;
	struct store *s;

	(void)state;
	make_database(version_1);
	s = fixture_open();
	check_int("info", store_info(s, &info), 0);
	check_int("schema", info.schema, 3);
	check_int("rows", info.rows, 2);
	check_int("completed", info.by_status[STORE_COMPLETED], 1);
	check_int("bytes", info.bytes, 76);
	check_int("get", store_get(s, STR(""), STR("chatcmpl-a"), &arena, &got),
		  0);
	check_int("seq", got.seq, 7);
	check_int("created", got.created, 1700000000);
	check_int("status", got.status, STORE_CANCELLED);
	check_int("total_us", got.total_us, 2000);
	check_true("written now",
		   got.stored_at > clock_wall() / CLOCK_S - 1000);
	check_str("model", got.model_served, STR("m-1"));
	check_str("metadata", got.metadata, STR("{\"k\":\"v\"}"));
	check_str("choices", got.choices, STR("[{\"index\":0}]"));
	check_str("request", got.request, STR("[{\"role\":\"user\"}]"));
	check_str("params", got.params, STR(""));
	check_int("put", store_put(s, 0, &c), 0);
	check_int("get", store_get(s, STR(""), c.id, &arena, &got), 0);
	check_int("no sequence comes again", got.seq, 10);
	fixture_close(s);
}

static void a_locked_database_is_waited_for(void **state)
{
	struct store *s, *other;
	struct store_completion got;
	struct store_counts counts;
	sqlite3 *db;

	(void)state;
	check_int("open", open_store(&s), 0);
	assert_int_equal(sqlite3_open(fixture_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	check_int("another quipu", open_store(&other), -EBUSY);
	fixture_put(s, 0, 1);
	check_int("flush", store_flush(s, fixture_soon()), -EBUSY);
	has_error_text("locked");
	check_int("not yet there",
		  store_get(s, STR(""), id_of(1), &arena, &got), -EBUSY);
	check_int("another row",
		  store_set_metadata(s, STR(""), id_of(2), STR("")), -EBUSY);
	assert_int_equal(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	check_int("kept, and written",
		  store_get(s, STR(""), id_of(1), &arena, &got), 0);
	store_counts(s, &counts);
	check_true("failures were counted", counts.failures > 0);
	fixture_close(s);
}

static void two_may_share_a_database(void **state)
{
	struct store *a = fixture_open(), *b;
	struct store_completion got;

	(void)state;
	check_int("alone", store_is_shared(a), fixture_is_postgres);
	b = fixture_open();
	check_int("shared", store_is_shared(a), true);
	check_int("shared", store_is_shared(b), true);
	for (unsigned n = 0; n < 50; n++)
		fixture_put(n % 2 == 0 ? a : b, 0, n);
	check_int("flush", store_flush(a, fixture_soon()), 0);
	check_int("flush", store_flush(b, fixture_soon()), 0);
	for (unsigned n = 0; n < 50; n++) {
		check_int("get",
			  store_get(n % 2 == 0 ? b : a, STR(""), id_of(n),
				    &arena, &got),
			  0);
	}
	fixture_close(a);
	check_int("alone again", store_is_shared(b), fixture_is_postgres);
	fixture_close(b);
}

static void all_may_come_at_once(void **state)
{
	pid_t pids[4];
	int status;

	(void)state;
	for (unsigned i = 0; i < countof(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			struct store *s = fixture_open();

			fixture_put(s, 0, i);
			_exit((int)store_close(s, fixture_soon()));
		}
	}
	for (unsigned i = 0; i < countof(pids); i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		check_int("exit", status, 0);
	}
}

static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_waited_for(void **state)
{
	struct store_completion got;
	struct store *s;
	unsigned n = 0;
	int r = 0;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	check_int("open", open_store(&s), 0);
	set_file_limit(256 << 10);
	while (r == 0 && n < 5000) {
		fixture_put(s, 0, n++);
		if (n % 100 == 0)
			r = store_flush(s, fixture_soon());
	}
	/* A limit is told as an error of I/O; a disk as what it is. */
	check_true("full", r == -ENOSPC || r == -EIO);
	check_int("read on", store_get(s, STR(""), id_of(50), &arena, &got), 0);
	fixture_check_row(&got, 50);
	set_file_limit(RLIM_INFINITY);
	check_int("room again", store_flush(s, fixture_soon()), 0);
	for (unsigned i = 0; i < n; i++) {
		check_int("get", store_get(s, STR(""), id_of(i), &arena, &got),
			  0);
		fixture_check_row(&got, i);
	}
	fixture_close(s);
}

/* What is lost when the disk stays full is said. */
static void losses_are_counted(void **state)
{
	struct store *s;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	check_int("open", open_store(&s), 0);
	set_file_limit(16 << 10);
	for (unsigned n = 0; n < 300; n++)
		fixture_put(s, 0, n);
	check_int("lost", store_close(s, clock_monotonic() + 300 * CLOCK_MS),
		  300);
	set_file_limit(RLIM_INFINITY);
}

static void try_as_nobody(const char *uri, int want)
{
	struct store *s;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int r;

		if (geteuid() == 0 && setuid(NOBODY) != 0)
			_exit(2);
		r = store_open(&(struct store_cfg){ .uri = str_of(uri) }, &s);
		_exit(r == want ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	check_int(uri, WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

static void folders_that_cannot_be_written(void **state)
{
	struct store *s;

	(void)state;
	assert_int_equal(chmod(fixture_dir, 0555), 0);
	try_as_nobody(fixture_uri, -EACCES);
	assert_int_equal(chmod(fixture_dir, 0755), 0);
	fixture_close(fixture_open());
	assert_int_equal(chmod(fixture_path, 0444), 0);
	assert_int_equal(chmod(fixture_dir, 0555), 0);
	try_as_nobody(fixture_uri, -EACCES);
	assert_int_equal(chmod(fixture_dir, 0755), 0);
	check_int("no folder",
		  store_open(
			  &(struct store_cfg){
				  .uri = STR("sqlite:/nonexistent/x") },
			  &s),
		  -ENOENT);
	has_error_text("/nonexistent/x: cannot be opened: No such file");
	check_int("no path",
		  store_open(&(struct store_cfg){ .uri = STR("sqlite:") }, &s),
		  -EINVAL);
	check_int("no database",
		  store_open(&(struct store_cfg){ .uri = STR("mysql:x") }, &s),
		  -EINVAL);
}

static void put_without_room(enum store_policy policy, int want)
{
	struct store_cfg cfg = { .uri = str_of(fixture_uri),
				 .policy = policy,
				 .queue_rows = 8,
				 .busy_ms = 50 };
	struct store_completion c = fixture_row(&arena, 1);
	struct store_counts counts;
	struct store *s;
	sqlite3 *db;
	int r = 0;

	check_int("open", store_open(&cfg, &s), 0);
	assert_int_equal(sqlite3_open(fixture_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	/* The writer may hold one full group beside the ring. */
	for (unsigned i = 0; i < 600 && r == 0; i++)
		r = store_put(s, 0, &c);
	check_int("no room", r, want);
	for (unsigned i = 0; i < 600 && r >= 0 && policy == STORE_BLOCK; i++) {
		r = store_put_wait(s, 0, &c,
				   clock_monotonic() + 300 * CLOCK_MS);
	}
	check_int("waited", r, policy == STORE_BLOCK ? -ETIMEDOUT : want);
	store_counts(s, &counts);
	check_int("dropped", counts.dropped > 0, policy == STORE_DROP);
	check_int("full", counts.full > 0, policy == STORE_BLOCK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	check_int("lost", store_close(s, fixture_soon()), 0);
}

static void full_queues_block_or_drop(void **state)
{
	(void)state;
	put_without_room(STORE_BLOCK, STORE_FULL);
	put_without_room(STORE_DROP, STORE_DROPPED);
}

/* Bytes count, not only rows. */
static void large_rows_fill_a_queue(void **state)
{
	static const char large[100 << 10];
	struct store_cfg cfg = { .uri = str_of(fixture_uri),
				 .queue_bytes = 150 << 10,
				 .group_ns = 10 * CLOCK_S };
	struct store_completion c = fixture_row(&arena, 1);
	struct store *s;

	(void)state;
	c.request = (struct str){ large, sizeof(large) };
	check_int("open", store_open(&cfg, &s), 0);
	check_int("first", store_put(s, 0, &c), 0);
	check_int("second", store_put(s, 0, &c), STORE_FULL);
	check_int("flush", store_flush(s, fixture_soon()), 0);
	check_int("third", store_put(s, 0, &c), 0);
	check_int("lost", store_close(s, fixture_soon()), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest of_both[] = {
		TEST(what_was_safe_survives_kill_9),
		TEST(two_may_share_a_database),
		TEST(all_may_come_at_once),
		TEST(large_rows_fill_a_queue),
	};
	const struct CMUnitTest of_sqlite[] = {
		TEST(damaged_files_are_refused),
		TEST(damaged_pages_are_told),
		TEST(anothers_database_is_left_alone),
		TEST(a_newer_schema_is_refused),
		TEST(an_older_schema_migrates),
		TEST(the_first_version_migrates),
		TEST(a_locked_database_is_waited_for),
		TEST(a_full_disk_is_waited_for),
		TEST(losses_are_counted),
		TEST(folders_that_cannot_be_written),
		TEST(full_queues_block_or_drop),
	};
	int failed = cmocka_run_group_tests(of_sqlite, NULL, NULL);

	return failed + fixture_run(of_both, countof(of_both));
}
