#include "responses/id.h"

#include <assert.h>

#include "base/rand.h"

/* FNV-1a: only fixed ids come from it, which need no secrecy. */
struct id_source id_fixed(struct str seed)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < seed.len; i++)
		hash = (hash ^ (unsigned char)seed.ptr[i]) * 0x100000001b3u;
	return (struct id_source){ .is_fixed = true, .seed = hash };
}

struct id_source id_of_response(const struct id *response)
{
	struct id_source ids = { .is_of_response = true };
	struct str text = id_str(response);

	assert(text.len >= ID_DIGITS);
	memcpy(ids.digits, text.ptr + text.len - ID_DIGITS, ID_DIGITS);
	return ids;
}

/* A step of SplitMix64. */
static uint64_t next(struct id_source *ids)
{
	uint64_t z = ids->seed += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static const char hex[] = "0123456789abcdef";

static void make_of_response(struct id_source *ids, struct str prefix,
			     struct id *out)
{
	size_t at = prefix.len + ID_DIGITS;
	unsigned number = ids->number++;

	memcpy(out->text, prefix.ptr, prefix.len);
	memcpy(out->text + prefix.len, ids->digits, ID_DIGITS);
	for (unsigned i = ID_NUMBER_DIGITS; i > 0; i--)
		out->text[at++] = hex[number >> (4 * (i - 1)) & 15];
	out->len = (uint8_t)at;
}

void id_make(struct id_source *ids, struct str prefix, struct id *out)
{
	uint64_t bits[ID_DIGITS / 16];
	char *at = out->text + prefix.len;

	assert(prefix.len <= ID_PREFIX_MAX);
	if (ids->is_of_response) {
		make_of_response(ids, prefix, out);
		return;
	}
	if (ids->is_fixed) {
		for (size_t i = 0; i < countof(bits); i++)
			bits[i] = next(ids);
	} else {
		rand_secret(bits, sizeof(bits));
	}
	memcpy(out->text, prefix.ptr, prefix.len);
	for (size_t i = 0; i < ID_DIGITS; i++)
		at[i] = hex[bits[i / 16] >> (i % 16 * 4) & 15];
	out->len = (uint8_t)(prefix.len + ID_DIGITS);
}

static bool are_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return true;
}

bool id_is(struct str text, struct str prefix)
{
	struct str digits = str_drop(text, prefix.len);

	return str_starts(text, prefix) && digits.len == ID_DIGITS &&
	       are_digits(digits);
}

bool id_response(struct str item, struct id *out)
{
	static const struct str prefix = STR_INIT("resp_");
	size_t len = ID_DIGITS + ID_NUMBER_DIGITS;
	struct str digits;

	if (item.len <= len || item.ptr[item.len - len - 1] != '_')
		return false;
	digits = str_drop(item, item.len - len);
	if (!are_digits(digits))
		return false;
	memcpy(out->text, prefix.ptr, prefix.len);
	memcpy(out->text + prefix.len, digits.ptr, ID_DIGITS);
	out->len = (uint8_t)(prefix.len + ID_DIGITS);
	return true;
}
