/*
 * conversation_build - what a conversation says, made anew from its items;
 * private to conversation.
 *
 * Items that came with one response are read as its turn was: the system's
 * messages among its input are not carried on (ogx-responses A.4).  A function's
 * output whose call is gone says nothing.
 */
#ifndef RESPONSES_CONVERSATION_BUILD_H
#define RESPONSES_CONVERSATION_BUILD_H

#include "responses/conversation.h"
#include "responses/convert.h"

/* What the row of such messages is called: "CONV/edit_...". */
#define CONVERSATION_BUILD_EDIT "edit_"

struct conversation_build {
	const struct conversation *conversation;
	struct str dropped;      /* a row's id that does not count, or "" */
	const struct str *names; /* of texts: they take those rows' place, */
	const struct item_list *texts; /* or come behind all others */
	/* What it makes. */
	struct messages messages;
	struct str label; /* a response whose items are there, or "" */
	struct store_object
		newest; /* row of messages, without them; or no id */
};

/* Blocks.  Returns 0, -EMSGSIZE when it is too much, or as the store. */
must_check int conversation_build(struct conversation_build *b);

/* Is this a row that it made? */
bool conversation_build_is_edit(const struct conversation *c,
				const struct store_object *row);

#endif
