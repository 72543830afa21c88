/*
 * stored - a completion that was kept, as its client sees it.
 *
 * Pure.  What was kept as JSON is spliced in, byte for byte: numbers, escapes and
 * members that nobody knows come back as they were.  The shapes are those of
 * OpenAI's API reference (chat completion object, chat completion message list),
 * with OGX's input_messages; what is quipu's own is inside "quipu".
 */
#ifndef API_STORED_H
#define API_STORED_H

#include "store/store.h"
#include "json/writer.h"

enum {
	STORED_DAMAGED = 1 /* what was kept is no JSON */
};

/*
 * Write the object.  Of c->params there is what OpenAI shows of a request; of
 * c->extra what the row does not say itself.
 */
must_check int stored_write(struct json_writer *w,
			    const struct store_completion *c);

/* The same for a page of them, as a list. */
must_check int stored_write_list(struct json_writer *w,
				 const struct store_page *page);

/* What a client may know of a call of the store that returned -errno. */
const char *stored_trouble(int r);

#endif
