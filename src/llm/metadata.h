/*
 * metadata - the words that a client keeps with an object.
 *
 * As OpenAI has them: an object of up to 16 strings, whose keys have at most 64
 * characters and whose values at most 512.  The same holds wherever an object
 * can have metadata.
 */
#ifndef LLM_METADATA_H
#define LLM_METADATA_H

#include "llm/field.h"

enum {
	METADATA_PAIRS_MAX = 16,
	METADATA_KEY_MAX = 64,
	METADATA_VALUE_MAX = 512, /* both in characters */
};

/*
 * Check a member `metadata`.  v is not JSON_NONE.  Returns 0, or API_FAIL with
 * "metadata" or "metadata.KEY" as param.  A key that is there twice and a NUL
 * are refused too: databases differ on what they mean.
 */
must_check int metadata_check(const struct field_checker *c, uint32_t v);

/* Characters of a UTF-8 text. */
size_t metadata_chars(struct str s);

#endif
