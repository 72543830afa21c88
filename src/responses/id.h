/*
 * id - names of what quipu makes: resp_, msg_, fc_, rs_, conv_, ...
 *
 *	struct id_source ids = ID_RANDOM;
 *	struct id id;
 *
 *	id_make(&ids, STR("resp_"), &id);
 *	use(id_str(&id));
 *
 * A prefix and 48 lower-case hexadecimal digits.  Nobody can guess one: they
 * are the kernel's random bytes.  Where recordings are replayed they follow from
 * a seed and the order of the calls alone, so that two runs are the same; those
 * can be guessed.  A source belongs to one response (or to whoever makes one id);
 * it holds no memory.
 *
 * What a response's items are called begins with the response's own digits and
 * ends with a number, so that an item can be found by its name alone.
 */
#ifndef RESPONSES_ID_H
#define RESPONSES_ID_H

#include "base/str.h"

enum {
	ID_DIGITS = 48,
	ID_NUMBER_DIGITS = 4, /* of an item, behind those of its response */
	ID_PREFIX_MAX = 12,   /* "mcp_list_", "approval_" */
};

struct id {
	char text[ID_PREFIX_MAX + ID_DIGITS + ID_NUMBER_DIGITS];
	uint8_t len;
};

struct id_source {
	bool is_fixed;
	uint64_t seed; /* of a fixed one; changes with each id */
	bool is_of_response;
	unsigned number; /* of the next item, modulo 65,536 */
	char digits[ID_DIGITS];
};

#define ID_RANDOM ((struct id_source){ .is_fixed = false })

/* A source whose ids follow from the seed's bytes. */
struct id_source id_fixed(struct str seed);

/* A source for the items of a response, whose id that is. */
struct id_source id_of_response(const struct id *response);

/* The response whose item that is, by its id; false when it is none's. */
bool id_response(struct str item, struct id *out);

/* prefix: at most ID_PREFIX_MAX bytes, letters and underscores. */
void id_make(struct id_source *ids, struct str prefix, struct id *out);

static inline struct str id_str(const struct id *id)
{
	return (struct str){ id->text, id->len };
}

/* Is it prefix and 48 lower-case hexadecimal digits? */
bool id_is(struct str text, struct str prefix);

#endif
