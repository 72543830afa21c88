/*
 * floats - arrays of numbers as single-precision floats, and back.
 *
 *	r = json_parse(text, &(struct json_limits){ .fold_numbers = true }, ...);
 *	floats_read(json_raw(&doc, v), out);
 *	r = floats_write(&buf, out, count);
 *
 * A float here is four bytes, the lowest first, wherever it is: the layout of
 * OpenAI's base64 embeddings.
 */
#ifndef JSON_FLOATS_H
#define JSON_FLOATS_H

#include "base/buf.h"

/*
 * array is the source text of a folded array; out has room for as many floats as
 * it has numbers.  Each is the float nearest to its number, infinity when that
 * is beyond all floats.
 */
void floats_read(struct str array, uint8_t *out);

/*
 * Append the array.  Each number is one of the shortest texts that read back as
 * its float; one that is not finite is null.  Returns 0, or -EMSGSIZE.
 */
must_check int floats_write(struct buf *out, const uint8_t *floats,
			    size_t count);

#endif
