/*
 * fixture - a database of either kind, for the tests of the store.
 *
 * What a row says follows from its number, so that a torn one is seen.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store/store.h"

#include "tests/unit/table.h"

#include "base/clock.h"

enum {
	FIXTURE_TEXT = 256,
	FIXTURE_ARENA = 64 << 20,
	FIXTURE_THREADS = 4,
	FIXTURE_START_MS = 60000,
};

extern char fixture_dir[64];
extern char fixture_uri[256];  /* "sqlite:DIR/quipu.db", "postgres://..." */
extern char fixture_path[128]; /* of that file */
extern bool fixture_is_postgres;

int fixture_make(void **state);
int fixture_drop(void **state); /* the folder and all in it */

/*
 * Run the tests on SQLite, and again on a PostgreSQL, as "postgres_NAME"; those
 * are skipped, by name, where there is none.  Returns what failed.
 */
int fixture_run(const struct CMUnitTest *tests, size_t count);

/* The same on PostgreSQL alone. */
int fixture_run_postgres(const struct CMUnitTest *tests, size_t count);

/* The row of a number; its texts lie in a. */
struct store_completion fixture_row(struct arena *a, unsigned n);

/* Is it that row, in all of its members? */
void fixture_check_row(const struct store_completion *got, unsigned n);

struct store *fixture_open(void);

/* Nothing may be lost. */
void fixture_close(struct store *s);

/* Hand over that row as producer p; the same without a check: 0 or -errno. */
void fixture_put(struct store *s, unsigned p, unsigned n);
must_check int fixture_try_put(struct store *s, unsigned p, unsigned n);

/*
 * A thread beside the test: up to FIXTURE_THREADS.  It makes no checks, which
 * are the test's own thread's, and ends early when fixture_is_over().  A test
 * that fails leaves it behind; then its teardown ends it, before anything that
 * it uses goes.  So arg is not on the test's stack.
 */
void fixture_spawn(void *(*run)(void *arg), void *arg);
bool fixture_is_over(void);
void fixture_join(void);
void fixture_stop(void); /* say that it is over, and join; in fixture_drop() */

/*
 * Run work(first, fd) in a child, and kill it with SIGKILL up to ms after it has
 * written a number to fd; now and then without waiting for that.  Returns the
 * last number that it wrote, first - 1 without one.
 */
unsigned fixture_kill(void (*work)(unsigned first, int fd), unsigned first,
		      unsigned ms);

static inline int64_t fixture_soon(void)
{
	return clock_monotonic() + 20 * CLOCK_S;
}

#endif
