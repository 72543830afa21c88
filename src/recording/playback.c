#include "recording/playback.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

enum {
	NUMBER_TEXT_MAX = 32,
	SEGMENT_BYTES_MAX = 1 << 20,
};

#define SPEED_MAX 1e6

void playback_init(struct playback *pb)
{
	*pb = (struct playback){ .ttft_ns = -1, .max_gap_ns = -1 };
}

static bool read_number(struct str text, double max, double *out)
{
	char cz[NUMBER_TEXT_MAX + 1], *end;
	double d;

	if (text.len == 0 || text.len > NUMBER_TEXT_MAX)
		return false;
	memcpy(cz, text.ptr, text.len);
	cz[text.len] = '\0';
	d = strtod(cz, &end);
	if (*end != '\0' || !isfinite(d) || d < 0 || d > max)
		return false;
	*out = d;
	return true;
}

static bool read_count(struct str text, uint64_t *out)
{
	int64_t n;

	if (!str_to_i64(text, 0, INT64_MAX, &n))
		return false;
	*out = (uint64_t)n;
	return true;
}

static bool read_segment(struct str text, struct playback *pb)
{
	int64_t n;

	if (str_eq(text, STR("coalesce")))
		pb->segment = SEGMENT_COALESCE;
	else if (str_eq(text, STR("event")))
		pb->segment = SEGMENT_EVENT;
	else if (str_eq(text, STR("split-utf8")))
		pb->segment = SEGMENT_SPLIT_UTF8;
	else if (str_to_i64(text, 1, SEGMENT_BYTES_MAX, &n)) {
		pb->segment = SEGMENT_BYTES;
		pb->segment_bytes = (size_t)n;
	} else {
		return false;
	}
	return true;
}

static bool read_option(struct playback *pb, enum playback_option option,
			struct str text)
{
	uint64_t n;

	switch (option) {
	case PLAYBACK_SPEED:
		return read_number(text, SPEED_MAX, &pb->speed);
	case PLAYBACK_TTFT:
		return fault_duration(text, &pb->ttft_ns);
	case PLAYBACK_MAX_GAP:
		return fault_duration(text, &pb->max_gap_ns);
	case PLAYBACK_TPS:
		return read_number(text, SPEED_MAX, &pb->tps);
	case PLAYBACK_JITTER:
		return read_number(text, 1, &pb->jitter);
	case PLAYBACK_SEGMENT:
		return read_segment(text, pb);
	case PLAYBACK_SEED:
		return read_count(text, &pb->seed);
	case PLAYBACK_HOLD:
		return read_count(text, &pb->hold);
	case PLAYBACK_OCCURRENCE:
		if (!read_count(text, &n) || n == 0)
			return false;
		pb->occurrence = (int64_t)n;
		return true;
	case PLAYBACK_FAULT:
		break;
	}
	return false;
}

int playback_set(struct playback *pb, enum playback_option option,
		 struct str text, struct recording_problem *problem)
{
	static const char *const wants[] = {
		[PLAYBACK_SPEED] = "a factor: 0 is at once, 1 as recorded",
		[PLAYBACK_TTFT] = "a duration like 250ms",
		[PLAYBACK_MAX_GAP] = "a duration like 250ms",
		[PLAYBACK_TPS] = "a number of events a second",
		[PLAYBACK_JITTER] = "a number from 0 to 1",
		[PLAYBACK_SEGMENT] = "coalesce, event, split-utf8 or bytes",
		[PLAYBACK_SEED] = "a whole number",
		[PLAYBACK_HOLD] = "the number of an event",
		[PLAYBACK_OCCURRENCE] = "a whole number from 1",
	};

	text = str_trim(text);
	if (option == PLAYBACK_FAULT)
		return fault_parse(text, &pb->faults, problem);
	if (read_option(pb, option, text))
		return 0;
	return recording_bad(problem, "\"" STR_FMT "\" is not %s",
			     STR_ARG(str_take(text, 40)), wants[option]);
}
