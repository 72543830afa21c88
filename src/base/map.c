#include "base/map.h"

#include "base/buf.h"
#include "base/rand.h"

#include <assert.h>
#include <stdlib.h>

enum {
	SLOTS_MIN = 8
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t p = (__uint128_t)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

uint64_t map_hash(uint64_t seed, struct str key)
{
	uint64_t h = seed ^ 0x9e3779b97f4a7c15u;
	uint64_t word;

	while (key.len >= 8) {
		memcpy(&word, key.ptr, 8);
		h = mix(h ^ word, 0xd6e8feb86659fd93u ^ seed);
		key = str_drop(key, 8);
	}
	word = key.len;
	for (size_t i = 0; i < key.len; i++)
		word = word << 8 | (uint8_t)key.ptr[i];
	return mix(h ^ word, 0xa0761d6478bd642fu ^ seed);
}

static struct map_entry *find(const struct map *m, struct str key)
{
	size_t mask = m->slot_count - 1;
	size_t i = (size_t)map_hash(m->seed, key) & mask;

	while (m->slots[i].key.ptr != NULL && !str_eq(m->slots[i].key, key))
		i = (i + 1) & mask;
	return &m->slots[i];
}

static void grow(struct map *m)
{
	struct map old = *m;

	m->slot_count = old.slot_count > 0 ? 2 * old.slot_count : SLOTS_MIN;
	m->slots = xcalloc(m->slot_count, sizeof(*m->slots));
	if (old.slot_count == 0)
		m->seed = rand_u64();
	for (size_t i = 0; i < old.slot_count; i++) {
		if (old.slots[i].key.ptr != NULL)
			*find(m, old.slots[i].key) = old.slots[i];
	}
	free(old.slots);
}

void map_fini(struct map *m)
{
	free(m->slots);
	*m = (struct map){ 0 };
}

void *map_get(const struct map *m, struct str key)
{
	return m->slot_count > 0 ? find(m, key)->value : NULL;
}

void *map_put(struct map *m, struct str key, void *value)
{
	struct map_entry *e;
	void *was;

	assert(value != NULL && key.ptr != NULL);
	if (4 * (m->len + 1) > 3 * m->slot_count)
		grow(m);
	e = find(m, key);
	was = e->value;
	if (was == NULL)
		m->len++;
	*e = (struct map_entry){ key, value };
	return was;
}

void *map_drop(struct map *m, struct str key)
{
	size_t mask = m->slot_count - 1;
	struct map_entry *hole;
	void *was;

	if (m->slot_count == 0)
		return NULL;
	hole = find(m, key);
	was = hole->value;
	if (was == NULL)
		return NULL;
	m->len--;
	*hole = (struct map_entry){ 0 };
	/* Those after the hole may have been pushed past it: put them anew. */
	for (size_t i = (size_t)(hole - m->slots + 1) & mask;
	     m->slots[i].key.ptr != NULL; i = (i + 1) & mask) {
		struct map_entry e = m->slots[i];

		m->slots[i] = (struct map_entry){ 0 };
		*find(m, e.key) = e;
	}
	return was;
}

const struct map_entry *map_next(const struct map *m, size_t *at)
{
	while (*at < m->slot_count) {
		const struct map_entry *e = &m->slots[(*at)++];

		if (e->key.ptr != NULL)
			return e;
	}
	return NULL;
}
