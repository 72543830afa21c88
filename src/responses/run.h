/*
 * run - a response being made: the loop of model calls, and its events.
 *
 *	struct run *run = run_new(arena, &setup);
 *
 *	run_go(t, run);
 *	if (run->now.status == RESPONSE_FAILED)
 *		refuse(&run->error);
 *	else
 *		r = object_write(&run->view, &run->now, &out);
 *	run_free(run);
 *
 * Each model call is a streamed chat completion (ogx-responses A.7), whatever the
 * client asked for.  Frames go to the sink as they come to be: what one read of
 * the upstream brought, in one call.  What is kept is handed to the store before
 * the frames that tell of it (state.h).
 *
 * A run belongs to one task.  All that it points to outlives it.
 */
#ifndef RESPONSES_RUN_H
#define RESPONSES_RUN_H

#include "core/exchange.h"
#include "responses/busy.h"
#include "responses/convert.h"
#include "responses/history.h"
#include "responses/object.h"
#include "responses/request.h"
#include "responses/run_body.h"
#include "responses/turn.h"

/* Where frames go.  != 0 from either: nobody listens any more. */
struct run_sink {
	int (*send)(struct task *t, struct run_sink *s, struct str frames);
	/* Nothing has been sent for so long; NULL: nothing to do. */
	int (*ping)(struct task *t, struct run_sink *s);
	int64_t ping_ns; /* 0: as configured */
};

struct run_setup {
	struct worker *worker;
	const struct config *config;
	struct str owner;
	const struct response_request *request;
	const struct model_target *target;
	const struct provider_data *data; /* or NULL */
	struct str bearer;                /* the client's Authorization */
	struct edge *edge;                /* or NULL */
	struct tracing *trace;            /* or NULL */
	struct io *watch;                 /* the client's connection, or NULL */
	struct run_sink *sink;            /* NULL: nobody wants events */
	struct history *history;
	struct busy
		*busy; /* of the conversation, released at the end; or NULL */
	struct str id; /* of a response that was queued; "": a new one */
	int64_t created_at; /* of the same */
	int64_t version;    /* of its row; 0: it is no background run */
};

struct run {
	struct run_setup setup;
	struct arena *arena;
	struct response_view view; /* its id is set from the start */
	struct response_now now;
	struct api_error error; /* of a failed one, with its HTTP status */
	struct str retry_after; /* the upstream's header with it, or "" */

	/* What the model is told, in this order: system, history, said. */
	struct messages system, history;
	struct messages said;   /* turn, or what truncation left of it */
	struct messages turn;   /* the input, and what the model said */
	size_t asked;           /* of the turn's messages: the input's */
	struct item_list input; /* the new items, as they are kept */
	struct buf output;      /* JSON of the items made, with commas */
	size_t output_count;
	/* The history and the input made short, if they were (run_compact.h). */
	struct messages compacted;
	struct item_list compacted_items;

	/* For log, metrics and the next turn. */
	struct exchange x; /* the last one */
	int64_t first_ns;  /* when the first chunk came; 0: none did */

	/* Private. */
	struct run_body body, ogx_body; /* of the model call under way */
	struct id id;
	struct id_source ids;
	struct events events;
	struct buf frames; /* not yet sent */
	struct buf kept;   /* frames for the store, not yet handed over */
	unsigned pieces;   /* of them, handed over */
	size_t shown;      /* items of this turn that the store has; or 1 */
	int64_t kept_ns;   /* when the last was */
	int64_t version;   /* of the response's row, if it was queued */
	struct str tier;   /* JSON that the last iteration reported */
	bool is_gone;      /* nobody listens any more */
};

/*
 * Make a run of a checked request: its input becomes messages and items.  Returns
 * 0 with *out, in a, for run_free(); or API_FAIL with *e.
 */
must_check int run_new(struct arena *a, const struct run_setup *setup,
		       struct run **out, struct api_error *e);
void run_free(struct run *run);

/*
 * Make the response; run->now says what became of it: completed, incomplete,
 * failed or cancelled.  Cancelled is one whose client has gone; a run whose task
 * was cancelled has failed, but a background run is still in progress.
 */
void run_go(struct task *t, struct run *run);

/* The same without asking the model: complete, and without output. */
void run_prepare(struct task *t, struct run *run);

#endif
