/*
 * messages - chat messages as JSON texts, in an arena.
 *
 *	struct messages m = { 0 };
 *
 *	messages_add(&m, arena, STR("{\"role\":\"user\",\"content\":\"hi\"}"));
 *
 * The form that is stored, and that every body is made of:
 *
 * - one object each, {"role", "content", ...}, without spaces around it;
 * - an assistant's "tool_calls" are [{"id", "type": "function", "function":
 *   {"name", "arguments"}}], without "index";
 * - what a model thought is "reasoning_content" beside its "content".
 */
#ifndef RESPONSES_MESSAGES_H
#define RESPONSES_MESSAGES_H

#include "base/arena.h"
#include "json/json.h"

struct messages {
	struct str *texts; /* in the arena */
	size_t count, cap;
};

/* The text lives as long as the list. */
void messages_add(struct messages *m, struct arena *a, struct str text);

/*
 * Append all as a JSON array, in which each is a line: so they are told apart
 * again without a look at what they say.  0, or -EMSGSIZE.
 */
must_check int messages_write(const struct messages *m, struct buf *out);

/*
 * Add all of an array that messages_write() wrote, or that is JSON without such
 * lines; the text lives as long as the list.  False, and nothing, when it is none.
 */
bool messages_read(struct messages *m, struct arena *a, struct str text);

/* All that are in a JSON array, as they stand in doc's text. */
void messages_add_array(struct messages *m, struct arena *a,
			const struct json *doc, uint32_t array);

/* Has it this role? */
bool messages_has_role(struct str text, struct str role);

/*
 * What the next turn gets of this one: all but what has the role "system"
 * (ogx-responses A.4).  Appended to out.
 */
void messages_carry(const struct messages *m, struct arena *a,
		    struct messages *out);

/*
 * Where the history begins once its oldest turns are left out ("truncation":
 * "auto"): the first message of a user from which on all the texts have at most
 * max_bytes, or else the last of a user.  0: nothing can be left out.
 */
size_t messages_truncate(const struct messages *m, size_t max_bytes);

#endif
