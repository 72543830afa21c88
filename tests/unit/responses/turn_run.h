/*
 * turn_run - chunks in, what became of them out, in few words.
 *
 * A chunk is written as its delta ({"content":"a"}), as JSON that is a whole
 * chunk ({"choices":...), or as a finish_reason (=length); ~ and a text is a
 * summary.
 */
#ifndef TESTS_TURN_RUN_H
#define TESTS_TURN_RUN_H

#include "responses/turn.h"

struct turn_run {
	struct id_source ids;
	struct events e;
	struct turn turn;
	struct buf frames;
	struct buf shown;  /* a line for each event */
	struct buf output; /* a line for each item */
	struct buf message;
	int r;           /* of the first call that did not return 0 */
	bool parses_all; /* as if no chunk were like the last one */
};

/* bytes_max 0: 1 MB. */
void turn_run_init(struct turn_run *run, const struct turn_setup *setup);
void turn_run_chunk(struct turn_run *run, struct str chunk);

/* chunks: lines. */
void turn_run_chunks(struct turn_run *run, struct str chunks);
void turn_run_end(struct turn_run *run);
void turn_run_fini(struct turn_run *run);

/* Fill shown, output and message; ids lose their digits. */
void turn_run_show(struct turn_run *run);

#endif
