/*
 * relay_head - the head of a relayed answer; private to relay, but for
 * relay_head_tell().
 *
 * Of the upstream's fields those pass that are the client's business.
 */
#ifndef CORE_RELAY_HEAD_H
#define CORE_RELAY_HEAD_H

#include "core/relay.h"

/*
 * Note when the upstream was asked, and when its answer, or more of it, was
 * there.
 */
void relay_head_asked(struct relay *r);
void relay_head_answered(struct relay *r);

/* Also tells who has answered at which attempt, once that is certain. */
void relay_head_begin(struct relay *r, int status, struct str type);

/*
 * The part of it that tells who has answered, if that is certain, and what
 * recordings had to do with it: for any head that was begun.
 */
void relay_head_tell(struct request *req, const struct exchange *x,
		     bool is_certain);

/* A 200 with events. */
void relay_head_stream(struct relay *r);

/* The request is not needed for another attempt any more. */
void relay_release(struct relay *r);

/* From here on no other target can answer. */
void relay_commit(struct relay *r);

#endif
