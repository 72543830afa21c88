/*
 * exact - the format of quipu's own recordings, version 1.
 *
 *	r = exact_write(&recording, &options, &out, &use_sidecar);
 *	r = exact_read(text, arena, &recording, &problem);
 *
 * One exchange is one JSON file that a person can read and diff: the request
 * pretty, each event of the answer on a line of its own as it was sent, what
 * changes with every recording (request ids, times, sums) on the lines of the
 * headers, the head and the end.  Payloads stand verbatim, never re-serialised:
 * what came is what is read again, byte for byte, and exact_write() has proved
 * it by reading its own text before it returns.
 *
 * Both are pure.  docs/recordings.md describes the format.
 */
#ifndef RECORDING_EXACT_H
#define RECORDING_EXACT_H

#include "base/buf.h"
#include "recording/recording.h"

enum {
	EXACT_VERSION = 1,
	EXACT_SIDECAR_BYTES = 256 * 1024
};

struct exact_options {
	/*
	 * The file beside this one that takes a body which is no text and over
	 * EXACT_SIDECAR_BYTES; "" keeps all in one file.
	 */
	struct str sidecar;
};

/*
 * Append the file's text.  When *use_sidecar is set, the caller must write
 * r->response.body to options->sidecar before the text.  Returns 0, or
 * -EMSGSIZE when out or the body is over its limit.
 */
must_check int exact_write(const struct recording *r,
			   const struct exact_options *options, struct buf *out,
			   bool *use_sidecar);

/*
 * Read a file's text.  Slices of out point into text and into a; out->key is
 * what the file claims, out->edited whether the body is still what it was.
 * With a sidecar, out->response.sidecar is its name and the body empty: the
 * caller reads it and asks exact_check().  Returns 0, or RECORDING_BAD with
 * *problem for all that is not this format.
 */
must_check int exact_read(struct str text, struct arena *a,
			  struct recording *out,
			  struct recording_problem *problem);

/* Does the text look like this format (rather than OGX's)? */
bool exact_is(struct str text);

/* Is the body the one whose length and sum the file gives? */
bool exact_check(struct str text, struct str body);

#endif
