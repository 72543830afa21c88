/*
 * tree - a YAML text as a tree of nodes that know where they stand.
 *
 *	r = tree_parse(&(struct tree_source){ .text = text, .file = file,
 *		.arena = a, .problems = p }, &root);
 *	for (n = root->first; n != NULL; n = n->next)
 *		use(n->key, n);
 *
 * Every scalar is text; what it means is the schema's business, so YAML's
 * guesses (no, 0123, 1e5) never happen.  Anchors and aliases are refused: a
 * short file must not become a long one.  Depth, nodes, keys of a mapping and
 * bytes of a scalar are limited.
 */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "base/arena.h"
#include "config/problem.h"

enum {
	TREE_DEPTH_MAX = 32,
	TREE_NODES_MAX = 50000,
	TREE_KEYS_MAX = 1000, /* of one mapping */
	TREE_TEXT_MAX = 64 * 1024,
	TREE_BAD = 1, /* the problems say why */
};

enum tree_kind {
	TREE_SCALAR,
	TREE_LIST,
	TREE_MAP
};

struct tree_node {
	enum tree_kind kind;
	bool quoted; /* or a block scalar: never null */
	struct place at;
	struct str key; /* a mapping's entry */
	struct place key_at;
	struct str text; /* TREE_SCALAR */
	struct tree_node *first, *last, *next;
	size_t count;
};

struct tree_source {
	struct str text;
	struct str file; /* for messages */
	struct arena *arena;
	struct problems *problems;
};

/*
 * Returns 0, or TREE_BAD.  *out is NULL for a text without a document; with
 * TREE_BAD it may still be what could be read, so that more can be checked.
 */
must_check int tree_parse(const struct tree_source *source,
			  struct tree_node **out);

/* The entry of a mapping, or NULL. */
const struct tree_node *tree_find(const struct tree_node *map, struct str key);

/* Make n the last entry of parent, a list or a mapping. */
void tree_link(struct tree_node *parent, struct tree_node *n);

/* A plain "", "~" or "null"; also a list or mapping without entries. */
bool tree_is_null(const struct tree_node *n);
bool tree_is_empty(const struct tree_node *n);

#endif
