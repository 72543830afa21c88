#include "responses/id.h"

#include <assert.h>

#include "base/rand.h"

/* FNV-1a: only fixed ids come from it, which need no secrecy. */
struct id_source id_fixed(struct str seed)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < seed.len; i++)
		hash = (hash ^ (unsigned char)seed.ptr[i]) * 0x100000001b3u;
	return (struct id_source){ true, hash };
}

/* A step of SplitMix64. */
static uint64_t next(struct id_source *ids)
{
	uint64_t z = ids->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void id_make(struct id_source *ids, struct str prefix, struct id *out)
{
	uint64_t bits[ID_DIGITS / 16];
	char *at = out->text + prefix.len;

	assert(prefix.len <= ID_PREFIX_MAX);
	if (ids->is_fixed) {
		for (size_t i = 0; i < countof(bits); i++)
			bits[i] = next(ids);
	} else {
		rand_secret(bits, sizeof(bits));
	}
	memcpy(out->text, prefix.ptr, prefix.len);
	for (size_t i = 0; i < ID_DIGITS; i++)
		at[i] = "0123456789abcdef"[bits[i / 16] >> (i % 16 * 4) & 15];
	out->len = (uint8_t)(prefix.len + ID_DIGITS);
}

bool id_is(struct str text, struct str prefix)
{
	struct str digits = str_drop(text, prefix.len);

	if (!str_starts(text, prefix) || digits.len != ID_DIGITS)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.ptr[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}
