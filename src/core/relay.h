/*
 * relay - an upstream's answer to the client, as it comes.
 *
 *	relay_init(&r, req, &x, model_json);
 *	relay_run(t, &r);
 *
 * The bytes that go out are those that came in, but for the value of "model",
 * which is the id that the client sent.  Events of a stream leave when they are
 * complete, all that one read brought in one write; comments pass.  A stream
 * that ends without [DONE] gets it.
 */
#ifndef CORE_RELAY_H
#define CORE_RELAY_H

#include "core/exchange.h"
#include "http/sse.h"
#include "llm/answer.h"
#include "llm/usage.h"
#include "net/reply.h"

/* For answers that are no stream; see llm/answer.h. */
typedef int relay_rewrite(struct llm_answer *a);

enum {
	RELAY_PIECES_MAX = 24 /* about eight events */
};

struct keeper; /* core/keeper.h */

struct relay {
	struct request *req;
	struct exchange *x;
	struct str model; /* JSON text, as sent, or a fallback's */
	bool stream;      /* the client asked for one */
	/* May be set after relay_init(), with the request; NULL: the model. */
	relay_rewrite *rewrite;
	const struct llm_request *request;
	struct keeper *keeper; /* owned by the caller; NULL: it is not kept */
	bool no_done;          /* a stream's end has no [DONE] */
	bool hide_usage; /* a chunk with nothing else is not for the client */
	struct usage usage;
	int64_t first_ns; /* when the first event came; 0: none did */

	/* Private. */
	struct sse_parser sse;
	struct str pieces[RELAY_PIECES_MAX];
	struct buf burst; /* what did not fit in pieces */
	size_t piece_count;
	unsigned mold;    /* of the worker's, that the last event fitted */
	bool done;        /* [DONE] has passed */
	bool any;         /* an event has come */
	bool client_gone; /* but the upstream is to be drained */
	/* When the upstream was asked and answered; for Server-Timing only. */
	int64_t asked_ns, answered_ns;
	bool committed; /* the answer is this upstream's, to its end */
	void (*on_commit)(void *arg);
	void *commit_arg;
};

/* The events' limit and the ping come from the worker's configuration. */
void relay_init(struct relay *r, struct request *req, struct exchange *x,
		struct str model);

/*
 * Open the exchange and answer the request, whatever happens.  An answer that
 * breaks off before any of it was sent is asked of the next target.  on_commit
 * is called when the answer is to be this one: the request is not needed for
 * another attempt any more.
 */
void relay_run(struct task *t, struct relay *r, void (*on_commit)(void *arg),
	       void *arg);

#endif
