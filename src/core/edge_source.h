/*
 * edge_source - one attempt by way of the recordings; private to core.
 */
#ifndef CORE_EDGE_SOURCE_H
#define CORE_EDGE_SOURCE_H

#include "core/recorder.h"

/*
 * Look the attempt up and play what is found.  Returns as source_open(); or
 * EDGE_GO_LIVE when the network is to be asked: edge_take() then has what is to
 * be kept of it.  Comes before pictures are fetched and keys exchanged, so that
 * what is looked up is what was kept, and playing needs neither.
 */
enum {
	EDGE_GO_LIVE = 32
};
must_check int edge_open(struct task *t, struct exchange *x,
			 struct source **out, enum client_stage *stage)
	__attribute__((noinline));

/* What is to be kept of this attempt, or NULL; the caller owns it. */
struct recorder_request *edge_take(struct exchange *x)
	__attribute__((noinline));

/* No request was made: forget what nobody took. */
void edge_forget(struct exchange *x);

#endif
