/*
 * utf8 - check and read UTF-8 (RFC 3629 section 4).
 *
 *	n = utf8_len(at, end);
 *	if (n > 0)
 *		c = utf8_char(at, n);
 *
 * Overlong forms, surrogates and all above U+10FFFF are no characters.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

static inline bool utf8_is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the character at at, which is before end; 0 when there is none. */
static inline size_t utf8_len(const uint8_t *at, const uint8_t *end)
{
	size_t left = (size_t)(end - at);
	uint8_t c = at[0];

	if (c < 0x80)
		return 1;
	if (c < 0xe0)
		return c >= 0xc2 && left >= 2 && utf8_is_tail(at[1]) ? 2 : 0;
	if (c < 0xf0) {
		if (left < 3 || !utf8_is_tail(at[1]) || !utf8_is_tail(at[2]))
			return 0;
		if ((c == 0xe0 && at[1] < 0xa0) || (c == 0xed && at[1] > 0x9f))
			return 0;
		return 3;
	}
	if (c > 0xf4 || left < 4 || !utf8_is_tail(at[1]) ||
	    !utf8_is_tail(at[2]) || !utf8_is_tail(at[3]))
		return 0;
	if ((c == 0xf0 && at[1] < 0x90) || (c == 0xf4 && at[1] > 0x8f))
		return 0;
	return 4;
}

/* The code point of a character of len bytes, as utf8_len() counted them. */
static inline uint32_t utf8_char(const uint8_t *at, size_t len)
{
	uint32_t c = len == 1 ? at[0] : at[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (at[i] & 0x3fu);
	return c;
}

/* Write the code point c as it stands in text; returns its length. */
static inline size_t utf8_put(char out[4], uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

#endif
