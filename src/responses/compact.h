/*
 * compact - a history made short: what users said, and a summary of the rest.
 *
 *	r = compact_of_items(&cv, items, &source);
 *	... the model sums up source.messages and compact_prompt() ...
 *	compact_items(&source, summary, &ids, arena, &items);
 *
 * The rules are ogx-responses A.24.  A compaction item's encrypted_content is
 * plain text: who keeps it can read it, and any model can go on from it.
 */
#ifndef RESPONSES_COMPACT_H
#define RESPONSES_COMPACT_H

#include "responses/convert.h"
#include "responses/id.h"
#include "responses/item.h"

struct compact_source {
	struct messages messages; /* all that is to be summed up */
	struct messages said; /* JSON: the contents of the users' messages */
};

/*
 * Of items, the text of a JSON array that lives as long as the arena.  Returns as
 * convert_input().
 */
must_check int compact_of_items(const struct convert *cv, struct str items,
				struct compact_source *out);

/* Of chat messages, where their items are not known. */
void compact_of_messages(const struct messages *m, struct arena *a,
			 struct compact_source *out);

/*
 * The message of a user that asks for the summary: the configured text or, when
 * that is "", the usual one; below the request's instructions, if it has some.
 */
struct str compact_prompt(struct str configured, struct str instructions,
			  struct arena *a);

/*
 * What is left: each user's message as it was said, then one compaction item with
 * the prefix (configured, or the usual one for "") and the summary.  Items have
 * new ids.
 */
struct compact_text {
	struct str prefix, summary;
};
void compact_items(const struct compact_source *s,
		   const struct compact_text *text, struct id_source *ids,
		   struct arena *a, struct item_list *out);

/* A JSON array of texts. */
struct str compact_array(const struct item_list *items, struct arena *a);

/*
 * How many tokens messages may be: a quarter of the bytes of their texts, calls'
 * arguments and results, rounded up.  Pictures and files do not count.
 */
int64_t compact_estimate(const struct messages *m);

#endif
