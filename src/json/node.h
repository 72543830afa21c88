/*
 * node - one value on the tape; only the files of json/ look inside.
 *
 * A member's key is a string node of its own, directly before its value.  While
 * a container is open, its next is its parent and its end its newest child, so
 * that the parser needs no stack and a depth limit costs no memory.
 */
#ifndef JSON_NODE_H
#define JSON_NODE_H

#include <assert.h>

#include "json/json.h"

struct json_node {
	uint32_t start, end; /* of the text */
	uint32_t next;       /* sibling, or JSON_NONE */
	uint32_t info;       /* count, flags and type */
};

enum {
	NODE_TYPE = 7,
	NODE_MEMBER = 8,   /* a member's value: its key is the node before */
	NODE_ESCAPED = 16, /* a string with a backslash in it */
	NODE_FOLDED = 16,  /* an array whose elements are not on the tape */
	NODE_ONE = 32,     /* one child, in the upper bits */
	NODE_COUNT_MAX = (1 << 27) - 1
};

static inline enum json_type node_type(const struct json_node *n)
{
	return (enum json_type)(n->info & NODE_TYPE);
}

static inline uint32_t node_count(const struct json_node *n)
{
	return n->info / NODE_ONE;
}

static inline bool node_is(const struct json_node *n, unsigned flag)
{
	return (n->info & flag) != 0;
}

static inline const struct json_node *node_at(const struct json *doc,
					      uint32_t v)
{
	assert(v < doc->node_count);
	return &doc->nodes[v];
}

/* What stands between a string's quotes. */
static inline struct str node_body(const struct json *doc, uint32_t v)
{
	const struct json_node *n = node_at(doc, v);

	assert(node_type(n) == JSON_STRING);
	return (struct str){ doc->text.ptr + n->start + 1,
			     n->end - n->start - 2 };
}

/* json_is() of a key; most are told apart by length or first byte. */
static inline bool node_key_is(const struct json *doc, uint32_t v,
			       struct str text)
{
	const struct json_node *n = node_at(doc, v);
	const char *key;

	if (node_is(n, NODE_ESCAPED))
		return json_is(doc, v, text);
	if (n->end - n->start - 2 != text.len)
		return false;
	if (text.len == 0)
		return true;
	key = doc->text.ptr + n->start + 1;
	return key[0] == text.ptr[0] && memcmp(key, text.ptr, text.len) == 0;
}

#endif
