/*
 * run_summary - "reasoning": {"summary": ...}: what the model thought, in short;
 * private to run.
 */
#ifndef RESPONSES_RUN_SUMMARY_H
#define RESPONSES_RUN_SUMMARY_H

#include "responses/run.h"

/* Does the request ask for one? */
bool run_wants_summary(const struct run *run);

/*
 * After the turn's last chunk and before its end: if the provider told what the
 * model thought, ask the model to sum it up, and add the summary to the turn and
 * its tokens to the run's (ogx-responses A.13).  Without a summary the response is
 * still good: a failure is logged.  Returns 0, EXCHANGE_FAILED with run->error
 * (the turn is too large), EXCHANGE_HUNG_UP, or -ECANCELED.
 */
must_check int run_summary(struct task *t, struct run *run, struct turn *turn);

#endif
