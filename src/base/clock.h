/*
 * clock - monotonic and wall time, in nanoseconds.
 *
 * Deadlines are absolute and monotonic.  A task asks its loop (task_now()),
 * which reads the clock once per round and is fake in the simulator; these two
 * are for the threads that have no loop.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/str.h"

#define CLOCK_US    INT64_C(1000)
#define CLOCK_MS    INT64_C(1000000)
#define CLOCK_S     INT64_C(1000000000)
#define CLOCK_NEVER INT64_MAX

int64_t clock_monotonic(void);
int64_t clock_wall(void); /* since 1970-01-01 UTC */

enum {
	CLOCK_TEXT_LEN = 24
};

/* "2026-11-21T03:31:00.123Z", NUL-terminated; returns its slice. */
struct str clock_text(int64_t wall_ns, char out[CLOCK_TEXT_LEN + 1]);

/*
 * A time in UTC such as "2026-11-21T03:31:00Z" (RFC 3339), in seconds; parts of
 * a second are left out.  false: it is none, or not of the years 1970 to 2200.
 */
bool clock_read(struct str text, int64_t *out_s);

#endif
