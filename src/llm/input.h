/*
 * input - the text that a model completes or embeds.
 *
 * It comes in four forms: a string, a list of strings, a list of token numbers,
 * or a list of such lists.
 */
#ifndef LLM_INPUT_H
#define LLM_INPUT_H

#include "llm/field.h"

/*
 * Returns 0, or API_FAIL with the element's path: a list is neither empty nor
 * longer than max, its elements are all of one kind, and a token is an integer
 * from 0 on.
 */
must_check int input_check(const struct field_checker *c,
			   const struct field_path *path, uint32_t v,
			   uint32_t max);

#endif
