#include "recording/timeline.h"

#include "base/err.h"

#include <assert.h>

/* By height. */
static const char *const blocks[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

uint64_t timeline_ms(const struct recording_mark *marks, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += marks[i].ms;
	return total;
}

static const char *column(size_t n, size_t most, bool begun)
{
	if (n == 0)
		return begun ? " " : ".";
	assert(most > 0);
	return blocks[(n * countof(blocks) - 1) / most];
}

int timeline_draw(const struct recording_mark *marks, size_t count,
		  size_t width, struct buf *out)
{
	size_t counts[TIMELINE_WIDTH_MAX] = { 0 }, most = 0;
	uint64_t total = timeline_ms(marks, count), at = 0;
	bool begun = false;
	int r = 0;

	if (total == 0 || width == 0 || width > TIMELINE_WIDTH_MAX)
		return 0;
	for (size_t i = 0; i < count; i++) {
		size_t place;

		at += marks[i].ms;
		place = (size_t)(at * width / (total + 1));
		counts[place]++;
		if (counts[place] > most)
			most = counts[place];
	}
	for (size_t i = 0; i < width && r == 0; i++) {
		begun = begun || counts[i] > 0;
		r = buf_add(out, str_of(column(counts[i], most, begun)));
	}
	return r < 0 ? err_up(r) : 0;
}
