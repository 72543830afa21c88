/*
 * run_compact - a run's history, made short by its own model (compact.h).
 */
#ifndef RESPONSES_RUN_COMPACT_H
#define RESPONSES_RUN_COMPACT_H

#include "responses/run.h"

/*
 * As context_management of the request asks, before the first iteration: when the
 * previous response counted more tokens than the threshold (or what was said is
 * estimated to be more), all of it and the input become their compaction, which
 * is kept as a response of its own.  Messages of the system and of the developer
 * stay.  Returns 0, also when there is nothing to do; EXCHANGE_FAILED with
 * run->error, EXCHANGE_HUNG_UP, or -ECANCELED.
 */
must_check int run_compact(struct task *t, struct run *run);

/*
 * A run of responses_read_compact() is this alone.  Returns as run_compact();
 * after 0 run->input are the items, and the run is kept as a response that one
 * can go on from.
 */
must_check int run_compact_only(struct task *t, struct run *run);

#endif
