#include "tests/unit/store/fixture.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/rand.h"
#include "store/row.h"
#include "tests/unit/store/server.h"

char fixture_dir[64];
char fixture_uri[256];
char fixture_path[128];
bool fixture_is_postgres;

static pthread_t threads[FIXTURE_THREADS];
static unsigned thread_count;
static atomic_bool is_over;

void fixture_spawn(void *(*run)(void *arg), void *arg)
{
	assert_true(thread_count < FIXTURE_THREADS);
	atomic_store(&is_over, false);
	assert_int_equal(pthread_create(&threads[thread_count], NULL, run, arg),
			 0);
	thread_count++;
}

void fixture_join(void)
{
	while (thread_count > 0)
		(void)pthread_join(threads[--thread_count], NULL);
}

bool fixture_is_over(void)
{
	return atomic_load(&is_over);
}

void fixture_stop(void)
{
	atomic_store(&is_over, true);
	fixture_join();
}

int fixture_make(void **state)
{
	(void)state;
	if (fixture_is_postgres) {
		server_database(fixture_uri, sizeof(fixture_uri));
		return 0;
	}
	(void)snprintf(fixture_dir, sizeof(fixture_dir),
		       "/tmp/quipu-store-XXXXXX");
	if (mkdtemp(fixture_dir) == NULL)
		return -1;
	(void)snprintf(fixture_path, sizeof(fixture_path), "%s/quipu.db",
		       fixture_dir);
	(void)snprintf(fixture_uri, sizeof(fixture_uri), "sqlite:%s",
		       fixture_path);
	return 0;
}

int fixture_drop(void **state)
{
	DIR *d = fixture_is_postgres ? NULL : opendir(fixture_dir);
	struct dirent *e;
	char path[512];

	(void)state;
	fixture_stop();
	if (fixture_is_postgres)
		return 0;
	while (d != NULL && (e = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", fixture_dir,
			       e->d_name);
		(void)unlink(path);
	}
	if (d != NULL)
		(void)closedir(d);
	return rmdir(fixture_dir);
}

static void is_missing(void **state)
{
	(void)state;
	skip();
}

int fixture_run_postgres(const struct CMUnitTest *tests, size_t count)
{
	struct CMUnitTest *all = xcalloc(count, sizeof(*all));
	const char *why = NULL;
	bool is_there = server_start(&why);
	int failed;

	fixture_is_postgres = true;
	for (size_t i = 0; i < count; i++) {
		char *name = xmalloc(FIXTURE_TEXT);

		(void)snprintf(name, FIXTURE_TEXT, "postgres_%s",
			       tests[i].name);
		all[i] = tests[i];
		all[i].name = name;
		if (is_there)
			continue;
		printf("skip %s: %s\n", name, why);
		all[i].test_func = is_missing;
		all[i].setup_func = NULL;
		all[i].teardown_func = NULL;
	}
	failed = _cmocka_run_group_tests("postgres", all, count, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		free((char *)(uintptr_t)all[i].name);
	free(all);
	return failed;
}

int fixture_run(const struct CMUnitTest *tests, size_t count)
{
	int failed =
		_cmocka_run_group_tests("sqlite", tests, count, NULL, NULL);

	return failed + fixture_run_postgres(tests, count);
}

struct store_completion fixture_row(struct arena *a, unsigned n)
{
	static const enum store_status statuses[] = { STORE_COMPLETED,
						      STORE_CANCELLED,
						      STORE_FAILED };

	return (struct store_completion){
		.id = arena_printf(a, "chatcmpl-%u", n),
		.created = 1700000000 + n / 10,
		.model_asked = n % 3 == 0 ? STR("echo/echo") : STR("gpt-4o"),
		.model_served = STR("gpt-4o-2024-08-06"),
		.provider = STR("openai"),
		.status = statuses[n % 3],
		.request =
			arena_printf(a, "[{\"role\": \"user\", \"n\":%u}%*s]",
				     n, (int)(n % 700) + 1, ""),
		.params = arena_printf(a, "{\"temperature\": %u.0}", n),
		.stored_at = 1700001000 + n / 10,
		.choices = arena_printf(a, "[{\"index\":0,\"n\":%u}]", n),
		.usage = STR("{\"total_tokens\": 7}"),
		.extra = STR("{\"seed\":1.0}"),
		.metadata = arena_printf(
			a, "{\"k\":\"%u\",\"a\\\"b.c\":\"always\"}", n % 5),
		.user = STR("u\0\xc3\xa9"),
		.first_byte_us = n % 2 == 0 ? -1 : (int64_t)n,
		.total_us = (int64_t)n * 1000000,
	};
}

void fixture_check_row(const struct store_completion *got, unsigned n)
{
	struct store_completion g = *got, w;
	struct str *gt[ROW_TEXTS], *wt[ROW_TEXTS];
	struct arena a;

	arena_init(&a, FIXTURE_ARENA);
	w = fixture_row(&a, n);
	row_texts(&g, gt);
	row_texts(&w, wt);
	for (size_t i = 0; i < ROW_TEXTS; i++)
		check_str("a text of the row", *gt[i], *wt[i]);
	check_int("created", g.created, w.created);
	check_int("stored_at", g.stored_at, w.stored_at);
	check_int("status", g.status, w.status);
	check_int("first_byte_us", g.first_byte_us, w.first_byte_us);
	check_int("total_us", g.total_us, w.total_us);
	check_true("a sequence", g.seq > 0);
	arena_fini(&a);
}

struct store *fixture_open(void)
{
	struct store *s = NULL;

	check_int("open",
		  store_open(&(struct store_cfg){ .uri = str_of(fixture_uri),
						  .producers = 4 },
			     &s),
		  0);
	return s;
}

void fixture_close(struct store *s)
{
	check_int("lost", store_close(s, fixture_soon()), 0);
}

int fixture_try_put(struct store *s, unsigned p, unsigned n)
{
	struct store_completion c;
	struct arena a;
	int r;

	arena_init(&a, FIXTURE_ARENA);
	c = fixture_row(&a, n);
	r = store_put_wait(s, p, &c, fixture_soon());
	arena_fini(&a);
	return r;
}

void fixture_put(struct store *s, unsigned p, unsigned n)
{
	check_int("put", fixture_try_put(s, p, n), 0);
}

/* Connecting may take long on a busy machine. */
static void let_work(int fd, unsigned ms)
{
	const struct timespec some = { .tv_nsec =
					       (long)rand_below(ms) * 1000000 };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (rand_below(5) > 0)
		assert_int_equal(poll(&p, 1, FIXTURE_START_MS), 1);
	(void)nanosleep(&some, NULL);
}

unsigned fixture_kill(void (*work)(unsigned first, int fd), unsigned first,
		      unsigned ms)
{
	unsigned last = first - 1, n;
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		work(first, ends[1]);
		_exit(1);
	}
	(void)close(ends[1]);
	let_work(ends[0], ms);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while (read(ends[0], &n, sizeof(n)) == sizeof(n))
		last = n;
	(void)close(ends[0]);
	return last;
}
