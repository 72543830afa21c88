/*
 * exact_form - the events of the exact format and their wire bytes; private to
 * the reader and the writer of it.
 *
 *	n = exact_pieces(&layout, &event, first, pieces);
 *
 * An event stands in the file as what carries meaning; the rest of its bytes
 * follows from its kind:
 *
 *	{...}			data: HEAD{...}		EXACT_OBJECT
 *	["full",VALUE]		data: VALUE		EXACT_FULL
 *	["ev","NAME",VALUE]	event: NAME, data: VALUE	EXACT_NAMED
 *	["c","TEXT"]		:TEXT			EXACT_COMMENT
 *	["text","TEXT"]		data: TEXT		EXACT_TEXT
 *	["raw","TEXT"]		TEXT, no more		EXACT_RAW
 *	["b64","..."]		any bytes		EXACT_B64
 *
 * in Server-Sent Events, each line ended by eol and each event by another.  A
 * line of NDJSON is the value and eol; an element of an array has '[' before it
 * when it is the first, and eol (all that is between two) otherwise.
 */
#ifndef RECORDING_EXACT_FORM_H
#define RECORDING_EXACT_FORM_H

#include "recording/recording.h"

enum {
	EXACT_PIECES_MAX = 8,
	EXACT_SPAN_DEPTH = 100, /* the file around it needs a few more */
	EXACT_FILE_DEPTH = 120,
	EXACT_EOL_MAX = 16,
};

enum exact_kind {
	EXACT_OBJECT,
	EXACT_FULL,
	EXACT_NAMED,
	EXACT_COMMENT,
	EXACT_TEXT,
	EXACT_RAW,
	EXACT_B64,
};

struct exact_layout {
	enum recording_framing framing;
	struct str eol;
	struct str head; /* of each EXACT_OBJECT, up to a comma; or "" */
};

struct exact_event {
	enum exact_kind kind;
	struct str name; /* EXACT_NAMED */
	struct str text; /* the value's source, the text or the bytes */
	uint64_t end;    /* writer: of its bytes in the body */
};

/* The wire bytes of an event in the file's form: text as it stands there. */
size_t exact_pieces(const struct exact_layout *l, const struct exact_event *e,
		    bool first, struct str out[EXACT_PIECES_MAX]);

/* How many bytes of rest, which is not empty, are the next event. */
size_t exact_split(enum recording_framing framing, struct str rest);

/* What ends a line, or stands between two elements, in this body. */
struct str exact_eol(enum recording_framing framing, struct str body);

/*
 * The form of an event that gives back exactly these bytes.  The head is not
 * looked at: text is the whole value.
 */
struct exact_event exact_classify(const struct exact_layout *l, struct str raw,
				  bool first);

/*
 * Can s stand in the file as it is: one JSON value, no space around it, no line
 * ends in it but LF where many_lines says so?
 */
bool exact_is_span(struct str s, bool many_lines);

bool exact_is_utf8(struct str s);

/*
 * The members that most objects begin with, as text up to and with a comma; ""
 * when they share none.
 */
struct str exact_head(const struct exact_event *events, size_t count);

#endif
