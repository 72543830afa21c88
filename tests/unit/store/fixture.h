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

/* Hand over that row as producer p. */
void fixture_put(struct store *s, unsigned p, unsigned n);

static inline int64_t fixture_soon(void)
{
	return clock_monotonic() + 20 * CLOCK_S;
}

#endif
