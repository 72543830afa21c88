/*
 * map - a hash map from byte strings to pointers.
 *
 *	struct map m = { 0 };
 *
 *	map_put(&m, STR("gpt-4o"), model);
 *	model = map_get(&m, STR("gpt-4o"));
 *	map_fini(&m);
 *
 * Open addressing, linear probing, keyed SipHash-like mixing so that a peer
 * cannot choose colliding keys.  The map owns neither keys nor values: a key's
 * bytes must live as long as its entry.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry {
	struct str key; /* ptr NULL: the slot is empty */
	void *value;
};

struct map {
	struct map_entry *slots; /* owned; NULL when empty */
	size_t slot_count;       /* a power of two */
	size_t len;
	uint64_t seed;
};

void map_fini(struct map *m);

/* The value, or NULL. */
void *map_get(const struct map *m, struct str key);

/* Set key to value, which is not NULL.  Returns the former value, or NULL. */
void *map_put(struct map *m, struct str key, void *value);

/* Take the entry out.  Returns its value, or NULL. */
void *map_drop(struct map *m, struct str key);

/* Walk: start with *at = 0; NULL ends.  No order is promised. */
const struct map_entry *map_next(const struct map *m, size_t *at);

/* The hash that the map uses, for others. */
uint64_t map_hash(uint64_t seed, struct str key);

#endif
