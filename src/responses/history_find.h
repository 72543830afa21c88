/*
 * history_find - single things that a request names; private to history.
 *
 * Both block.  They return 0, STORE_UNKNOWN, or -errno.
 */
#ifndef RESPONSES_HISTORY_FIND_H
#define RESPONSES_HISTORY_FIND_H

#include "responses/history.h"

/* The row of a template, in the version asked for or its default. */
must_check int history_find_prompt(struct store *s,
				   const struct history_ask *ask,
				   struct arena *a, struct str *out);

/*
 * An item by its id: of the conversation, of the responses in h->chain, or of
 * the response whose digits the id begins with (responses/id.h).
 */
must_check int history_find_item(struct store *s, struct history *h,
				 const struct history_ask *ask, struct str id,
				 struct str *out);

#endif
