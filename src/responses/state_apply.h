/*
 * state_apply - store_apply() for tasks: on a thread, with copies.
 */
#ifndef RESPONSES_STATE_APPLY_H
#define RESPONSES_STATE_APPLY_H

#include "io/task.h"
#include "store/object.h"

/*
 * Returns as store_apply(), also -EAGAIN when too many wait for threads, or
 * -ECANCELED: then it may or may not have been done.
 */
must_check int state_apply(struct task *t, struct store *s,
			   const struct store_op *ops, size_t count);

#endif
