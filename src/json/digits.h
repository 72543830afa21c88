/*
 * digits - decimal digits, eight at a time.
 *
 *	word = digits_load(at);
 *	n = digits_count(word);
 *	value = digits_value(word, n);
 *
 * Private to json/.  digits_load() reads eight bytes, whatever they are.
 */
#ifndef JSON_DIGITS_H
#define JSON_DIGITS_H

#include <endian.h>

#include "base/str.h"

#define DIGITS_ONES UINT64_C(0x0101010101010101)

/* The first byte is the lowest. */
static inline uint64_t digits_load(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

/*
 * How many digits the word starts with.  A carry may mark a byte above the
 * first that is none, which is not looked at.
 */
static inline unsigned digits_count(uint64_t word)
{
	uint64_t value = word ^ (DIGITS_ONES * '0');
	uint64_t others =
		((value + DIGITS_ONES * 0x76) | value) & (DIGITS_ONES << 7);

	return others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
}

/* The number that its first n digits are. */
static inline uint32_t digits_value(uint64_t word, unsigned n)
{
	/* Zeros come before them; a shift by all 64 bits has no meaning. */
	unsigned half = 4 * (8 - n);

	word = ((word ^ (DIGITS_ONES * '0')) << half) << half;
	/* Pairs, then fours, then all eight. */
	word = (word * 10 + (word >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
	word = (word * 100 + (word >> 16)) & UINT64_C(0x0000ffff0000ffff);
	return (uint32_t)(word * 10000 + (word >> 32));
}

/* The eight digits of a number below 10^8, as digits_load() has them. */
static inline uint64_t digits_text(uint32_t n)
{
	uint64_t word = n / 10000 | (uint64_t)(n % 10000) << 32, upper;

	upper = ((word * 10486) >> 20) & UINT64_C(0x0000007f0000007f);
	word = upper | (word - 100 * upper) << 16;
	upper = ((word * 103) >> 10) & UINT64_C(0x000f000f000f000f);
	word = upper | (word - 10 * upper) << 8;
	return word + DIGITS_ONES * '0';
}

#endif
