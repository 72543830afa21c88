/*
 * conversation - conversations and their items, in the store.
 *
 *	struct conversation c = { store, owner, id, arena, &error };
 *
 *	r = conversation_add(&c, &doc, items, now, &texts);
 *
 * Rows: STORE_CONVERSATION, whose body is the object; below it STORE_ITEM
 * "CONV/ITEM", one for each item, in their order; and STORE_MESSAGES "CONV/...",
 * the chat messages that a turn, or items that were added, brought.  The label of
 * both is the response that they came with, or ""; of a row that holds all messages it
 * is some word when there was a response.  What a model is told is in the
 * messages, from the newest row on that holds all of them (history.h).  When an
 * item goes, or takes another's place, they are made anew from the items.
 *
 * All of these block.  They return 0, STORE_UNKNOWN when there is no such
 * conversation, CONVERSATION_REFUSED with *error, or -errno as the store.  Who
 * changes a conversation has it (busy.h).
 */
#ifndef RESPONSES_CONVERSATION_H
#define RESPONSES_CONVERSATION_H

#include "responses/item.h"
#include "store/object.h"

enum {
	CONVERSATION_REFUSED = 64,
	CONVERSATION_ADD_MAX = 20,      /* items at once, as OpenAI has it */
	CONVERSATION_CREATE_MAX = 1000, /* items of a new one */
};

struct conversation {
	struct store *store;
	struct str owner, id;
	struct arena *arena; /* for all that is made */
	struct api_error *error;
};

/*
 * Check "items": an array of at most max items that can be kept.  Returns 0 or
 * API_FAIL.
 */
must_check int conversation_check_items(const struct field_checker *c,
					uint32_t items, size_t max);

/* The object, as it is kept; metadata: checked, or JSON_NONE. */
struct str conversation_object(const struct conversation *c, int64_t created_at,
			       const struct json *doc, uint32_t metadata);

/* Make one, with items that were checked, or JSON_NONE.  *out is its object. */
must_check int conversation_create(const struct conversation *c,
				   const struct json *doc, int64_t created_at,
				   struct str *out);

/* Its row. */
must_check int conversation_get(const struct conversation *c,
				struct store_object *out);

/* Put other metadata into its object.  *out: the object. */
must_check int conversation_set_metadata(const struct conversation *c,
					 const struct json *doc,
					 uint32_t metadata, struct str *out);

/* Add checked items: *out has their texts, with their ids. */
must_check int conversation_add(const struct conversation *c,
				const struct json *doc, uint32_t items,
				int64_t created_at, struct item_list *out);

/* One item's row. */
must_check int conversation_item(const struct conversation *c, struct str item,
				 struct store_object *out);

/* Take an item out of it.  *out: the object. */
must_check int conversation_remove(const struct conversation *c,
				   struct str item, struct str *out);

/*
 * Delete it, its items and its messages.  Many go in several steps: one that was
 * interrupted is there still, and can be deleted again.
 */
must_check int conversation_drop(const struct conversation *c);

/* The id that an item's text says, and the name of an item's row, by its id. */
struct str conversation_item_id(const struct conversation *c, struct str text);
struct str conversation_row(const struct conversation *c, struct str item);

#endif
