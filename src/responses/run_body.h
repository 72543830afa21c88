/*
 * run_body - the body of a model call, and what it says; private to run.
 */
#ifndef RESPONSES_RUN_BODY_H
#define RESPONSES_RUN_BODY_H

#include "base/buf.h"
#include "json/json.h"

struct run_body {
	struct buf text;
	struct json doc; /* of the text */
	bool is_read;
};

/* An empty one, whose text is to be written. */
void run_body_init(struct run_body *b);

/* Its text was written with result r: read it.  Returns 0, or -EMSGSIZE. */
must_check int run_body_read(struct run_body *b, int r);

/* Also of one that is all zeros, and twice. */
void run_body_fini(struct run_body *b);

#endif
