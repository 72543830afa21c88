/*
 * timeline - when an answer's events came, as a bar of text.
 *
 *	timeline_draw(res->marks, res->mark_count, 40, &out);
 *		-> "........█▅▅▃   ▂"
 *
 * The bar is as long as the exchange; each column says how many events came in
 * its share of that time.  Until the first one came it is dotted.
 */
#ifndef RECORDING_TIMELINE_H
#define RECORDING_TIMELINE_H

#include "base/buf.h"
#include "recording/recording.h"

enum {
	TIMELINE_WIDTH_MAX = 200
};

/* Milliseconds from the request to the last event. */
uint64_t timeline_ms(const struct recording_mark *marks, size_t count);

/*
 * Append the bar, width columns of UTF-8; nothing when no time has passed.
 * Returns 0, or -EMSGSIZE.
 */
must_check int timeline_draw(const struct recording_mark *marks, size_t count,
			     size_t width, struct buf *out);

#endif
