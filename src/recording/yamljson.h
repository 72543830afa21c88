/*
 * yamljson - a YAML text as JSON, for files of other recorders.
 *
 *	r = yamljson_write(text, &json, &problem);
 *
 * Plain scalars are null, true, false or integers where they look like it;
 * all others are strings, and !!binary is {"base64_string": "..."}.  An alias is
 * a copy; out's limit bounds what that may come to.  One document, at most
 * YAMLJSON_DEPTH deep.
 */
#ifndef RECORDING_YAMLJSON_H
#define RECORDING_YAMLJSON_H

#include "base/buf.h"
#include "recording/recording.h"

enum {
	YAMLJSON_DEPTH = 64,
	YAMLJSON_ANCHORS_MAX = 1000,
};

/* Append the JSON.  0, or RECORDING_BAD with *problem. */
must_check int yamljson_write(struct str text, struct buf *out,
			      struct recording_problem *problem);

#endif
