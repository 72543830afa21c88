/*
 * run_once - a model call of a run that is no iteration of it: one question, one
 * whole answer; private to run.
 */
#ifndef RESPONSES_RUN_ONCE_H
#define RESPONSES_RUN_ONCE_H

#include "responses/chat_body.h"
#include "responses/run.h"

struct run_said {
	struct str text; /* in the run's arena; never "" */
	struct usage usage;
};

/*
 * Ask the run's model; model and dialect of *q are set here.  Returns 0 with
 * *out, EXCHANGE_FAILED with run->error (also for an answer without text),
 * EXCHANGE_HUNG_UP, or -ECANCELED.
 */
must_check int run_once(struct task *t, struct run *run,
			const struct chat_question *q, struct run_said *out);

#endif
