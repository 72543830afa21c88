/*
 * run_ask - one model call of a run; private to run.
 */
#ifndef RESPONSES_RUN_ASK_H
#define RESPONSES_RUN_ASK_H

#include "responses/run.h"

enum {
	RUN_OUTPUT_MAX = 64 << 20, /* bytes of all items */
	RUN_BODY_MAX = 256 << 20,  /* of a chat completion's request */
};

/*
 * Ask for the next iteration and give its chunks to the turn.  With "truncation":
 * "auto" it is asked again with less of the history when the upstream says that
 * it is too much.  Returns 0 at the answer's end, EXCHANGE_FAILED with
 * run->error, EXCHANGE_HUNG_UP, or -ECANCELED.
 */
must_check int run_ask(struct task *t, struct run *run, struct turn *turn,
		       int64_t number);

/* Make run->x ready for a streamed chat completion, whose body doc is. */
void run_aim(struct run *run, const struct json *doc);

/* run->x has failed, and is not closed yet: the run's error is its. */
void run_failed(struct run *run);

/* Send the frames that were made to those who listen, and to the store. */
void run_flush(struct task *t, struct run *run, bool all);

/* run->error: it does not fit in one request or answer.  EXCHANGE_FAILED. */
int run_too_large(struct run *run);

#endif
