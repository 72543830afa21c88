/*
 * scan - find what is special in string bodies, many bytes at a time.
 *
 *	at = scan_plain(at, end);
 *
 * Private to json/.  Nothing at or after end is read.
 */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static inline bool scan_is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/*
 * Eight bytes at a time.  A byte's high bit is set in "special" when it is
 * below 0x20, is the quote or the backslash, or is not ASCII; a borrow may mark
 * a byte above the first special one as well, which the last loop corrects.
 */
static inline const uint8_t *scan_plain_portable(const uint8_t *at,
						 const uint8_t *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t highs = ones << 7;
	uint64_t word, special;

	while (end - at >= 8) {
		memcpy(&word, at, sizeof(word));
		special = (word - ones * 0x20) | word;
		special |= (word ^ (ones * '"')) - ones;
		special |= (word ^ (ones * '\\')) - ones;
		if ((special & highs) != 0)
			break;
		at += 8;
	}
	while (at < end && scan_is_plain(*at))
		at++;
	return at;
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

#endif
