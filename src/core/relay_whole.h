/*
 * relay_whole - an answer that is no stream; private to relay.
 */
#ifndef CORE_RELAY_WHOLE_H
#define CORE_RELAY_WHOLE_H

#include "core/relay.h"

/*
 * data is what the first read brought.  Most answers come in one read and are
 * sent from where they were read to.  Returns 0 when the client has its answer,
 * EXCHANGE_FAILED with x->error when the answer is of no use and nothing of it
 * was sent, or another outcome of exchange_read().
 */
must_check int relay_whole(struct task *t, struct relay *r, struct str data);

#endif
