/*
 * fold - skip an array of numbers in one go.
 *
 * Private to json/: for json_parse() with fold_numbers.
 */
#ifndef JSON_FOLD_H
#define JSON_FOLD_H

#include "base/str.h"

/*
 * at is behind the '[' of an array.  Returns where it is behind the ']', with
 * *count elements; or NULL when it is empty, has anything else than numbers, is
 * not JSON, or has more than max elements.
 */
const uint8_t *fold_numbers(const uint8_t *at, const uint8_t *end, uint32_t max,
			    uint32_t *count);

#endif
