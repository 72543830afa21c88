/*
 * line - a completion as one line of JSON, for export and import.
 *
 *	r = line_write(&row, &out);
 *	...
 *	r = line_read(text, arena, &row, &problem);
 *
 * {"id":"chatcmpl-1","created":1700000000,...,"choices":[...],"request":[...]}
 *
 * JSON stands in the line as the bytes that it was kept as.  What cannot stand in
 * a line, or would not come back as it was (line ends between tokens, space around
 * the value), is a JSON string of these bytes.  What is empty is left out.  seq
 * is not in it: the store that reads it has its own.
 */
#ifndef STORE_LINE_H
#define STORE_LINE_H

#include "base/buf.h"
#include "store/completion.h"

enum {
	LINE_BAD = 1,
	LINE_MAX = 2 * STORE_ROW_BYTES_MAX + (1 << 20),
};

struct line_problem {
	char text[160];
};

/*
 * Append the line, with its LF.  0; LINE_BAD when the row's JSON is none, and
 * out is as it was; -EMSGSIZE.
 */
must_check int line_write(const struct store_completion *c, struct buf *out);

/*
 * Read one, without its LF.  The slices of out are in text and in a.  Members
 * that are not known are an error.  0, or LINE_BAD with *problem.
 */
must_check int line_read(struct str text, struct arena *a,
			 struct store_completion *out,
			 struct line_problem *problem);

/* "completed", "cancelled", "failed"; "" for another number. */
struct str line_status(enum store_status status);

#endif
