/*
 * stored_messages - the messages of a completion that was kept, as a list.
 *
 * Pure.  The client's messages come first, then one of each choice; their ids are
 * "ID-0", "ID-1" and so on.  Members are those of OpenAI's chat completion
 * message list and of OGX, null where there is nothing, then any others, all
 * with the bytes that were kept.  A content that is a list of parts is
 * content_parts, and content is null.
 */
#ifndef API_STORED_MESSAGES_H
#define API_STORED_MESSAGES_H

#include "store/store.h"
#include "json/writer.h"

enum {
	STORED_MESSAGES_DAMAGED = 1, /* what was kept is no JSON */
	STORED_MESSAGES_BAD_CURSOR = 2,
};

/*
 * Write a page: q's limit, order and cursors count.  Returns 0 or one of the
 * above; w may have been written to then.
 */
must_check int stored_messages_write(struct json_writer *w,
				     const struct store_completion *c,
				     const struct store_query *q);

#endif
