/*
 * scan - find what is special in string bodies, many bytes at a time.
 *
 *	at = scan_plain(at, end);
 *	if (at < end && *at >= 0x80)
 *		at = scan_utf8(at, end);
 *
 * Private to json/.  Nothing at or after end is read.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include <endian.h>

#include "base/utf8.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool scan_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
 * Eight bytes at once.  A byte's high bit is set in "special" when it is below
 * 0x20, is the quote or the backslash, or is not ASCII; a borrow may mark a byte
 * above the first special one as well, but none where there is no such.
 */
static inline bool scan_word_is_plain(uint64_t word)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t special = (word - ones * 0x20) | word;

	special |= (word ^ (ones * '"')) - ones;
	special |= (word ^ (ones * '\\')) - ones;
	return (special & ones << 7) == 0;
}

static inline const uint8_t *scan_plain_portable(const uint8_t *at,
						 const uint8_t *end)
{
	uint64_t word;

	while (end - at >= 8) {
		memcpy(&word, at, sizeof(word));
		if (!scan_word_is_plain(word))
			break;
		at += 8;
	}
	while (at < end && scan_is_plain(*at))
		at++;
	return at;
}

/*
 * Is all of it plain?  Words overlap at the end, so that a short text, as most
 * names are, takes one or two looks.
 */
static inline bool scan_all_plain(const char *at, size_t len)
{
	uint64_t word;
	uint32_t half;

	if (len < 4) {
		for (size_t i = 0; i < len; i++) {
			if (!scan_is_plain((uint8_t)at[i]))
				return false;
		}
		return true;
	}
	if (len < 8) {
		memcpy(&half, at, sizeof(half));
		word = half;
		memcpy(&half, at + len - 4, sizeof(half));
		return scan_word_is_plain(word | (uint64_t)half << 32);
	}
	for (size_t i = 0; i + 8 < len; i += 8) {
		memcpy(&word, at + i, sizeof(word));
		if (!scan_word_is_plain(word))
			return false;
	}
	memcpy(&word, at + len - 8, sizeof(word));
	return scan_word_is_plain(word);
}

/* The first byte from at on that is a quote, a backslash, a control or not
 * ASCII; or end. */
#ifdef __SSE2__
static inline const uint8_t *scan_plain(const uint8_t *at, const uint8_t *end)
{
	const __m128i quote = _mm_set1_epi8('"');
	const __m128i escape = _mm_set1_epi8('\\');
	const __m128i space = _mm_set1_epi8(0x20);

	while (end - at >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i_u *)at);
		__m128i bad = _mm_or_si128(_mm_cmpeq_epi8(v, quote),
					   _mm_cmpeq_epi8(v, escape));
		int mask;

		/* As signed bytes, all that is not ASCII is below a space. */
		bad = _mm_or_si128(bad, _mm_cmplt_epi8(v, space));
		mask = _mm_movemask_epi8(bad);
		if (mask != 0)
			return at + __builtin_ctz((unsigned)mask);
		at += 16;
	}
	while (at < end && scan_is_plain(*at))
		at++;
	return at;
}
#else
static inline const uint8_t *scan_plain(const uint8_t *at, const uint8_t *end)
{
	return scan_plain_portable(at, end);
}
#endif

/*
 * The first byte from at on that is ASCII or starts no character, or end.  The
 * two forms that fill most texts are told by one comparison each; what is left
 * of them, and the rest, utf8_len() decides.
 */
static inline const uint8_t *scan_utf8(const uint8_t *at, const uint8_t *end)
{
	uint32_t word;
	size_t n = 1;

	while (end - at >= 4 && n > 0) {
		memcpy(&word, at, sizeof(word));
		word = le32toh(word);
		if ((word & 0xc0c0f0) == 0x8080e0 && at[0] != 0xe0 &&
		    at[0] != 0xed) {
			n = 3;
		} else if ((word & 0xc0e0) == 0x80c0 && at[0] >= 0xc2) {
			n = 2;
		} else {
			n = at[0] >= 0x80 ? utf8_len(at, end) : 0;
		}
		at += n;
	}
	while (at < end && *at >= 0x80 && n > 0) {
		n = utf8_len(at, end);
		at += n;
	}
	return at;
}

#endif
