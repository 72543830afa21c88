/*
 * assemble_tree - values that grow as the deltas of a stream come; private to
 * assemble.
 *
 * What a chunk's members do to what is there already is said by tables, one for
 * each kind of object (shape).  Everything is in the arena; texts double when
 * they are full, so that many small deltas cost linear time, and leave at most
 * as much behind as they hold.
 */
#ifndef LLM_ASSEMBLE_TREE_H
#define LLM_ASSEMBLE_TREE_H

#include "llm/assemble.h"

struct assemble_text {
	char *ptr;
	size_t len, cap;
};

enum assemble_kind {
	ASSEMBLE_NULL,
	ASSEMBLE_TEXT,   /* a string, escapes undone: text */
	ASSEMBLE_LIST,   /* elements with commas: list, then text as a part */
	ASSEMBLE_RAW,    /* anything as it came: text */
	ASSEMBLE_OBJECT, /* merged member by member: object */
	ASSEMBLE_ENTRIES,
};

struct assemble_member {
	struct str key; /* escapes undone */
	enum assemble_kind kind;
	struct assemble_text text, list;
	struct assemble_object *object;
	struct assemble_entries *entries;
};

struct assemble_object {
	struct assemble_member *members; /* in the order of their coming */
	uint32_t count, cap;
};

struct assemble_entry {
	int64_t index;
	struct assemble_object object;
};

/* Choices, or a choice's tool calls. */
struct assemble_entries {
	struct assemble_entry **list; /* by index */
	uint32_t count, cap;
	struct assemble_entry *newest;
};

enum assemble_rule {
	ASSEMBLE_JOIN,   /* strings join, arrays too, else the last one wins */
	ASSEMBLE_SOURCE, /* the same, and what is no string is one: its JSON */
	ASSEMBLE_APPEND, /* arrays join, else the last that is not empty wins */
	ASSEMBLE_LAST,   /* the last that is not empty wins */
	ASSEMBLE_LAST_OBJECT,
	ASSEMBLE_FIRST, /* the first that is not empty */
	ASSEMBLE_MERGE, /* objects by shape */
	ASSEMBLE_EACH,  /* elements of an array by their index, by shape */
	ASSEMBLE_DROP,
};

struct assemble_row {
	struct str name;
	enum assemble_rule rule;
	const struct assemble_shape *shape; /* MERGE, EACH */
	struct str as;                      /* its name in the whole */
	struct str missing; /* JSON, written when it did not come ... */
	struct str unless;  /* ... and this member did not either */
};

struct assemble_shape {
	const struct assemble_row *rows;
	size_t count;
	enum assemble_rule other; /* of members that have no row */
	bool keeps_null;
	/* Of the elements of an EACH. */
	uint32_t entries_max;
	bool is_call;
};

extern const struct assemble_shape assemble_tree_root;

/* The row of that name, or NULL. */
const struct assemble_row *assemble_tree_row(const struct assemble_shape *shape,
					     struct str name);

/* Merge the object v into to.  Returns 0 or ASSEMBLE_FULL. */
must_check int assemble_tree_merge(struct arena *a, const struct json *doc,
				   uint32_t v, struct assemble_object *to);

/* The member, or NULL. */
struct assemble_member *assemble_tree_get(const struct assemble_object *o,
					  struct str key);

/* Its string; "" for another kind, or none. */
struct str assemble_tree_text(const struct assemble_object *o, struct str key);

/* Its object or entries, or NULL. */
struct assemble_object *assemble_tree_object(const struct assemble_object *o,
					     struct str key);
struct assemble_entries *assemble_tree_entries(const struct assemble_object *o,
					       struct str key);

#endif
