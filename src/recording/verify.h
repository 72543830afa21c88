/*
 * verify - is an answer still what it was when it was recorded?
 *
 *	verify_compare(&recorded, &live, arena, &report);
 *	if (report.count > 0)
 *		say(report.text);
 *
 * A model's words differ each time; what a program relies on should not.  Looked
 * at are the status, the kind of body, the shapes of its JSON or events (which
 * members there are and of which type, null being none; the values of "type",
 * "object" and the names of events; not how many there are, nor their order), the
 * names of the tools that are called, the finish reasons, and the usage: a tenth
 * more or less input, half to twice the output, and a few tokens.
 */
#ifndef RECORDING_VERIFY_H
#define RECORDING_VERIFY_H

#include "base/arena.h"
#include "recording/recording.h"

enum {
	VERIFY_LIST_MAX =
		256, /* of shapes, tools, reasons; more are left out */
	VERIFY_TEXT_MAX = 2000
};

struct verify {
	size_t count;    /* of differences */
	struct str text; /* them, at most VERIFY_TEXT_MAX bytes */
};

/* Texts of out are in a. */
void verify_compare(const struct recording *was, const struct recording *now,
		    struct arena *a, struct verify *out);

#endif
