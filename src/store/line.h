/*
 * line - a completion or an object as one line of JSON, for export and import.
 *
 *	r = line_write(&row, &out);
 *	...
 *	r = line_read(text, arena, &row, &problem);
 *
 * {"status":"completed","id":"chatcmpl-1","created":1700000000,...,"request":[...]}
 * {"kind":"response","id":"resp_1","created":1700000000,...,"body":{...}}
 *
 * JSON stands in the line as the bytes that it was kept as.  What cannot stand in
 * a line, or would not come back as it was (line ends between tokens, space around
 * the value), is a JSON string of these bytes.  What is empty is left out.  seq,
 * and an object's version, are not in it: the store that reads it has its own.
 * Runs have no line: work is not done a second time.
 */
#ifndef STORE_LINE_H
#define STORE_LINE_H

#include "base/buf.h"
#include "store/object.h"

enum {
	LINE_BAD = 1,
	LINE_MAX = 2 * STORE_ROW_BYTES_MAX + (1 << 20),
};

struct line_problem {
	char text[160];
};

/* What a line is of; the other one is empty. */
struct line_row {
	bool is_object;
	struct store_completion completion;
	struct store_object object;
};

/*
 * Append the line, with its LF.  0; LINE_BAD when the row's JSON is none, and
 * out is as it was; -EMSGSIZE.
 */
must_check int line_write(const struct store_completion *c, struct buf *out);
must_check int line_write_object(const struct store_object *o, struct buf *out);

/*
 * Read one, without its LF.  The slices of out are in text and in a.  Members
 * that are not known are an error.  0, or LINE_BAD with *problem.
 */
must_check int line_read(struct str text, struct arena *a, struct line_row *out,
			 struct line_problem *problem);

/* "completed", "cancelled", "failed"; "" for another number. */
struct str line_status(enum store_status status);

#endif
