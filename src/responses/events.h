/*
 * events - the events of a response's stream, one SSE frame for each.
 *
 *	struct events e = { .out = &out, .response_id = id };
 *
 *	events_response(&e, STR("response.created"), &view, &now);
 *	if ((w = events_begin(&e, STR("response.mcp_call.failed"))) != NULL) {
 *		json_member_str(w, STR("item_id"), item);
 *		events_end(&e);
 *	}
 *	if (e.error < 0)
 *		...
 *
 * A frame is "event: TYPE", "data: {...}" in one line, and a blank line; its last
 * members are sequence_number, which counts from 0 without gaps, and type.  Frames
 * are appended whole or not at all: when out is full, error is -EMSGSIZE from then
 * on and nothing more is written.  Clearing out between two calls is the caller's
 * right.  With out NULL nothing is made or counted: a whole answer needs none.
 */
#ifndef RESPONSES_EVENTS_H
#define RESPONSES_EVENTS_H

#include "responses/object.h"

struct events {
	struct buf *out;        /* or NULL */
	struct str response_id; /* plain */
	int64_t sequence;       /* of the next event */
	int error;              /* 0 or -EMSGSIZE */
	/* Of the frame being written. */
	struct str type;
	size_t start;
	struct json_writer writer;
};

/*
 * Begin a frame: the caller writes members with the writer returned, then calls
 * events_end().  NULL: there is nothing to write, and no end to call.  type is a
 * literal of the API's words.
 */
struct json_writer *events_begin(struct events *e, struct str type);
void events_end(struct events *e);

/* response.queued, .created, .in_progress, .completed, .incomplete, .failed. */
void events_response(struct events *e, struct str type,
		     const struct response_view *view,
		     const struct response_now *now);

/* The terminal event of a status; "" for one that has none. */
struct str events_terminal(enum response_status status);

/* One frame of bytes that are frames of this module, as they are kept. */
struct event_frame {
	struct str raw;   /* with its blank line */
	struct str data;  /* the JSON: what a WebSocket sends */
	int64_t sequence; /* -1: it has none */
};

/* Take the first frame off *rest.  false: there is no whole one. */
bool events_take(struct str *rest, struct event_frame *out);

#endif
