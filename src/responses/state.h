/*
 * state - what is kept of a response: handed to the store as it is made.
 *
 * A response's row is {body: the object, input: the new items, aux: the chat
 * messages that this turn added}, below the response before it.  After every
 * HISTORY_DEPTH turns one holds the whole history, and begins a chain anew.  The
 * frames of its events are rows below it; the items and messages of its
 * conversation are rows below that.
 */
#ifndef RESPONSES_STATE_H
#define RESPONSES_STATE_H

#include "responses/run.h"

enum {
	STATE_EVENTS_MAX = 64 * 1024, /* bytes of one row of frames */
};

/* How long frames of a background run may wait for more. */
#define STATE_EVENTS_NS (250 * CLOCK_MS)

/* Is anything of this run kept? */
bool state_is_kept(const struct run *run);

/* The response as it stands: when it begins, and after it has ended. */
void state_keep(struct task *t, struct run *run);

/*
 * What the next turn gets of this one, appended to out, in the run's arena: its
 * messages, and if whole those before it, or what they and the input were made
 * short to.
 */
void state_messages(const struct run *run, bool whole, struct messages *out);

/* Frames that were made; they are handed over when they are many, or all is. */
void state_keep_frames(struct task *t, struct run *run, struct str frames,
		       bool all);

/*
 * Keep a response that is queued, and below it the work that it is: request is
 * the JSON to make it from.  It is on the disk when this returns 0; else as
 * state_apply().
 */
must_check int state_queue(struct task *t, struct run *run, struct str request);

/*
 * Hand ops over, waiting for room for a few seconds.  What cannot be kept then is
 * lost, and the log says so.
 */
void state_post(struct task *t, struct worker *w, const struct store_op *ops,
		size_t count);

#endif
