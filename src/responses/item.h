/*
 * item - one item of a response's input.
 *
 *	r = item_check_input(&checker, path, input);
 *	r = item_store(&doc, input, &ids, arena, &items);
 *
 * Types (ogx-responses A.3): message (also without a type), function_call,
 * function_call_output, reasoning, compaction, item_reference, and those of tools
 * that OpenAI or OGX run, which are kept and not sent to a model.
 */
#ifndef RESPONSES_ITEM_H
#define RESPONSES_ITEM_H

#include "llm/field.h"
#include "responses/messages.h"

struct id_source; /* responses/id.h */

enum {
	ITEM_ID_MAX = 512, /* bytes of an id that a client gives */
};

enum item_kind {
	ITEM_UNKNOWN,
	ITEM_MESSAGE,
	ITEM_FUNCTION_CALL,
	ITEM_FUNCTION_OUTPUT,
	ITEM_REASONING,
	ITEM_COMPACTION,
	ITEM_MCP_CALL,
	ITEM_REFERENCE, /* also {"id": ...} and nothing else */
	ITEM_SILENT,    /* web_search_call, mcp_list_tools, ...: no message */
};

enum item_kind item_kind(const struct json *doc, uint32_t item);

/* "msg_", "fc_", ...: what the id of such an item begins with. */
const char *item_prefix(enum item_kind kind);

/*
 * Check an input: a string, or an array of items, each with its parts.  Returns
 * 0, or API_FAIL with the path of the first fault.
 */
must_check int item_check_input(const struct field_checker *c,
				const struct field_path *path, uint32_t input);

/* One part of a content; a refusal is an assistant's alone. */
must_check int item_check_part(const struct field_checker *c,
			       const struct field_path *path, uint32_t part,
			       bool is_assistant);

/*
 * The items of a checked input as JSON texts, in a, as they are to be stored:
 * each with its type, an id and, where there is one, a status; a text alone is a
 * list of one part, and a string a user's message with one.
 * References are left out: see item_resolve().
 */
struct item_list {
	struct str *texts;
	size_t count;
};
void item_store(const struct json *doc, uint32_t input, struct id_source *ids,
		struct arena *a, struct item_list *out);

/*
 * The ids that item_references of an input name, in a, in their order; as many
 * as there are.
 */
void item_references(const struct json *doc, uint32_t input, struct arena *a,
		     struct item_list *out);

/*
 * The input with found[i] in the place of its reference i: the text of a JSON
 * array, in a.
 */
struct str item_resolve(const struct json *doc, uint32_t input,
			const struct item_list *found, struct arena *a);

#endif
