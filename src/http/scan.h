/*
 * scan - which bytes may stand where in a message, and the first that may not.
 *
 *	n = scan_token(line);	line[n] is the first byte that is not a tchar
 *	n = scan_value(line);	... that may not stand in a field's value
 *	n = scan_line(bytes);	... that is CR or LF
 *
 * Each returns the slice's length when there is none.  The long runs, values and
 * lines, are looked at eight bytes at a time.
 */
#ifndef HTTP_SCAN_H
#define HTTP_SCAN_H

#include "base/str.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
	SCAN_TOKEN = 1, /* tchar of RFC 9110 section 5.6.2 */
	SCAN_HOST = 2,  /* a host and port of RFC 3986, also [v6] and %XX */
	SCAN_PLAIN = 4, /* unreserved of RFC 3986 */
	SCAN_NAME = 8   /* what a host name is made of in practice */
};

/* Bits of the above for every byte. */
extern const uint8_t scan_class[256];

static inline bool scan_is(char c, unsigned classes)
{
	return (scan_class[(uint8_t)c] & classes) != 0;
}

/* How many bytes at the start of s are of one of the classes. */
static inline size_t scan_run(struct str s, unsigned classes)
{
	size_t n = 0;

	while (s.len - n >= 4 && scan_is(s.ptr[n], classes) &&
	       scan_is(s.ptr[n + 1], classes) &&
	       scan_is(s.ptr[n + 2], classes) && scan_is(s.ptr[n + 3], classes))
		n += 4;
	while (n < s.len && scan_is(s.ptr[n], classes))
		n++;
	return n;
}

static inline size_t scan_token(struct str s)
{
	return scan_run(s, SCAN_TOKEN);
}

static inline bool scan_all(struct str s, unsigned classes)
{
	return scan_run(s, classes) == s.len;
}

/* Visible ASCII and no fragment: what a request target is made of. */
static inline bool scan_is_target(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '#')
			return false;
	}
	return s.len > 0;
}

#define SCAN_ONES  0x0101010101010101ULL
#define SCAN_HIGHS 0x8080808080808080ULL

/* Not zero when one of the eight bytes is zero; exact as a yes or no. */
static inline uint64_t scan_has_zero(uint64_t word)
{
	return (word - SCAN_ONES) & ~word & SCAN_HIGHS;
}

static inline uint64_t scan_has_byte(uint64_t word, uint8_t c)
{
	return scan_has_zero(word ^ (SCAN_ONES * c));
}

/* Is one of the eight bytes below a space, or DEL?  A tab says yes too. */
static inline bool scan_has_control(uint64_t word)
{
	uint64_t low = (word - SCAN_ONES * 0x20) & ~word & SCAN_HIGHS;

	return (low | scan_has_byte(word, 0x7f)) != 0;
}

/* HTAB, space, visible and obs-text (RFC 9110 section 5.5). */
static inline bool scan_is_value(char c)
{
	return (uint8_t)c >= 0x20 ? c != 0x7f : c == '\t';
}

static inline size_t scan_value(struct str s)
{
	size_t n = 0;
	uint64_t word;

	for (;;) {
		while (s.len - n >= sizeof(word)) {
			memcpy(&word, s.ptr + n, sizeof(word));
			if (scan_has_control(word))
				break;
			n += sizeof(word);
		}
		while (n < s.len && scan_is_value(s.ptr[n]) && s.ptr[n] != '\t')
			n++;
		if (n == s.len || s.ptr[n] != '\t')
			return n;
		n++;
	}
}

/* Whole blocks without CR or LF at the start of s; what is left is looked at
 * byte by byte. */
#ifdef __SSE2__
static inline size_t scan_line_blocks(struct str s)
{
	const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n');
	size_t n = 0;

	for (; s.len - n >= 16; n += 16) {
		__m128i v = _mm_loadu_si128((const __m128i_u *)(s.ptr + n));
		int mask =
			_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, cr),
						       _mm_cmpeq_epi8(v, lf)));

		if (mask != 0)
			return n + (size_t)__builtin_ctz((unsigned)mask);
	}
	return n;
}
#else
static inline size_t scan_line_blocks(struct str s)
{
	size_t n = 0;
	uint64_t word;

	for (; s.len - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, s.ptr + n, sizeof(word));
		if (scan_has_byte(word, '\n') != 0 ||
		    scan_has_byte(word, '\r') != 0)
			break;
	}
	return n;
}
#endif

static inline size_t scan_line(struct str s)
{
	size_t n = scan_line_blocks(s);

	while (n < s.len && s.ptr[n] != '\n' && s.ptr[n] != '\r')
		n++;
	return n;
}

#endif
