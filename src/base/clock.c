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

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What may stand behind the seconds: a fraction, and that it is UTC. */
static bool is_utc(struct str rest)
{
	if (str_starts(rest, STR("."))) {
		rest = str_drop(rest, 1);
		if (rest.len == 0 || !is_digit(rest.ptr[0]))
			return false;
		while (rest.len > 0 && is_digit(rest.ptr[0]))
			rest = str_drop(rest, 1);
	}
	return str_eq(rest, STR("Z")) || str_eq(rest, STR("+00:00"));
}

bool clock_read(struct str text, int64_t *out_s)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	static const int min[] = { 1970, 1, 1, 0, 0, 0 };
	static const int max[] = { 2200, 12, 31, 23, 59, 60 };
	int n[6] = { 0 };
	size_t field = 0;
	struct tm tm;

	if (!is_utc(str_drop(text, sizeof(form) - 1)))
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		char c = i < text.len ? text.ptr[i] : '\0';

		if (form[i] == 'd' ? !is_digit(c) : c != form[i])
			return false;
		if (form[i] == 'd')
			n[field] = n[field] * 10 + (c - '0');
		else
			field++;
	}
	for (size_t i = 0; i < countof(n); i++) {
		if (n[i] < min[i] || n[i] > max[i])
			return false;
	}
	tm = (struct tm){ .tm_year = n[0] - 1900,
			  .tm_mon = n[1] - 1,
			  .tm_mday = n[2],
			  .tm_hour = n[3],
			  .tm_min = n[4],
			  .tm_sec = n[5] };
	*out_s = (int64_t)timegm(&tm);
	return true;
}
