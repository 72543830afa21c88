/*
 * base64 - RFC 4648 section 4, with padding.
 *
 *	r = base64_write(&out, bytes);
 *	ok = base64_read(text, arena, &bytes);
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

/* Append the text of s.  Returns 0, or -EMSGSIZE and leaves out as it was. */
must_check int base64_write(struct buf *out, struct str s);

/*
 * The bytes of a text, in a.  Strict: false for other characters, a length that
 * is no multiple of four, padding in the middle, bits left over.
 */
bool base64_read(struct str text, struct arena *a, struct str *out);

#endif
