#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall(void)
{
	return read_clock(CLOCK_REALTIME);
}

struct str clock_text(int64_t wall_ns, char out[CLOCK_TEXT_LEN + 1])
{
	time_t s = (time_t)(wall_ns / CLOCK_S);
	int ms = (int)(wall_ns % CLOCK_S / CLOCK_MS);
	struct tm tm;
	size_t n;

	(void)gmtime_r(&s, &tm);
	n = strftime(out, CLOCK_TEXT_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(out + n, CLOCK_TEXT_LEN + 1 - n, ".%03dZ",
			      ms % 1000);
	return (struct str){ out, n };
}
