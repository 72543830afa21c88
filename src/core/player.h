/*
 * player - a recorded answer as a source of bytes.
 */
#ifndef CORE_PLAYER_H
#define CORE_PLAYER_H

#include "core/edge.h"
#include "core/source.h"

struct player_cfg {
	const struct recording *recording; /* lives until done() */
	int64_t occurrence;                /* of equal requests, from 1 */
	void (*done)(void *arg);
	/* Is a hold of this request released?  Asked now and then. */
	bool (*released)(void *arg);
	void *arg;
};

/*
 * Begin to play for the exchange, as edge->playback says.  Returns as
 * source_open(): a recorded failure to connect is one here, too.  done() is
 * called in any case, now or when the source is closed.
 */
must_check int player_open(struct task *t, struct exchange *x,
			   const struct player_cfg *cfg, struct source **out,
			   enum client_stage *stage);

#endif
