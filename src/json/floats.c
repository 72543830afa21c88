#include "json/floats.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/digits.h"

/*
 * Both directions go through doubles, which have 29 bits more than floats: the
 * few rounding errors on the way are far below what decides, and where they
 * might not be, libc decides.  So the result is exact.
 */

enum {
	ROOM = 48, /* bytes that read_fast() may look at */
	WHOLE_DIGITS_MAX = 3,
	DOUBLE_BITS = 29, /* that a double has more */
	/* In units of a double's last bit: five roundings and some air. */
	DOUBLE_ERROR = 16,
	POWER_LEAST = -64,
	POWER_MOST = 47,
	TEXT_MAX = 24 /* of one float, with the comma */
};

static const double powers[POWER_MOST - POWER_LEAST + 1] = {
	1e-64, 1e-63, 1e-62, 1e-61, 1e-60, 1e-59, 1e-58, 1e-57, 1e-56, 1e-55,
	1e-54, 1e-53, 1e-52, 1e-51, 1e-50, 1e-49, 1e-48, 1e-47, 1e-46, 1e-45,
	1e-44, 1e-43, 1e-42, 1e-41, 1e-40, 1e-39, 1e-38, 1e-37, 1e-36, 1e-35,
	1e-34, 1e-33, 1e-32, 1e-31, 1e-30, 1e-29, 1e-28, 1e-27, 1e-26, 1e-25,
	1e-24, 1e-23, 1e-22, 1e-21, 1e-20, 1e-19, 1e-18, 1e-17, 1e-16, 1e-15,
	1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9,  1e-8,  1e-7,  1e-6,  1e-5,
	1e-4,  1e-3,  1e-2,  1e-1,  1e0,   1e1,   1e2,   1e3,   1e4,   1e5,
	1e6,   1e7,   1e8,   1e9,   1e10,  1e11,  1e12,  1e13,  1e14,  1e15,
	1e16,  1e17,  1e18,  1e19,  1e20,  1e21,  1e22,  1e23,  1e24,  1e25,
	1e26,  1e27,  1e28,  1e29,  1e30,  1e31,  1e32,  1e33,  1e34,  1e35,
	1e36,  1e37,  1e38,  1e39,  1e40,  1e41,  1e42,  1e43,  1e44,  1e45,
	1e46,  1e47
};

static const uint64_t tens[] = {
	1,      10,      100,      1000,      10000,
	100000, 1000000, 10000000, 100000000, 1000000000,
};

static double power(int exponent)
{
	assert(exponent >= POWER_LEAST && exponent <= POWER_MOST);
	return powers[exponent - POWER_LEAST];
}

/*
 * d is a value but for its rounding errors: round it to a float.  False when it
 * is near the middle of two floats, or no ordinary float.
 */
static bool narrow(double d, float *out)
{
	const uint64_t middle = UINT64_C(1) << (DOUBLE_BITS - 1);
	uint64_t bits;

	memcpy(&bits, &d, sizeof(bits));
	bits &= (UINT64_C(1) << DOUBLE_BITS) - 1;
	if (bits - (middle - DOUBLE_ERROR) <= 2 * (uint64_t)DOUBLE_ERROR)
		return false;
	if (d < 0x1p-126 || d >= 0x1p127)
		return false;
	*out = (float)d;
	return true;
}

/* What a number's digits say: value * 10^exponent. */
struct scaled {
	double value;
	int exponent;
};

/*
 * Up to 23 digits behind the point.  Returns how many, or -1 when there are
 * more.  With the three before it, sixteen fit 64 bits.
 */
static int read_fraction(const uint8_t *at, uint64_t whole, struct scaled *out)
{
	uint64_t first = digits_load(at), second = digits_load(at + 8);
	unsigned n1 = digits_count(first);
	unsigned n2 = n1 == 8 ? digits_count(second) : 0, n3;
	uint64_t value = whole * tens[n1] + digits_value(first, n1);

	value = value * tens[n2] + digits_value(second, n2);
	out->value = (double)(int64_t)value;
	out->exponent = -(int)(n1 + n2);
	if (n2 < 8)
		return (int)(n1 + n2);
	first = digits_load(at + 16);
	n3 = digits_count(first);
	out->value = out->value * (double)tens[n3] + digits_value(first, n3);
	out->exponent -= (int)n3;
	return n3 < 8 ? 16 + (int)n3 : -1;
}

/* Returns how many bytes the exponent at at has, or -1. */
static int read_exponent(const uint8_t *at, struct scaled *out)
{
	bool negative = at[1] == '-';
	unsigned skip = negative || at[1] == '+' ? 2 : 1;
	uint64_t word = digits_load(at + skip);
	unsigned n = digits_count(word);
	int exponent = (int)digits_value(word, n);

	if (n > 4)
		return -1;
	out->exponent += negative ? -exponent : exponent;
	return (int)(skip + n);
}

/*
 * Fraction and exponent, which follow whole.  Returns what is behind the number,
 * or NULL when it is of an unusual size.
 */
static const uint8_t *read_parts(const uint8_t *at, uint64_t whole,
				 struct scaled *out)
{
	int len = 0;

	*out = (struct scaled){ .value = (double)(int64_t)whole };
	if (*at == '.') {
		len = read_fraction(at + 1, whole, out);
		at += 1 + len;
	}
	if (len >= 0 && (*at | 0x20) == 'e') {
		len = read_exponent(at, out);
		at += len;
	}
	return len >= 0 ? at : NULL;
}

/* The digits before the point: one, as a rule. */
static unsigned read_whole(const uint8_t *at, uint64_t *out)
{
	uint64_t word = digits_load(at);
	unsigned n;

	if (at[1] == '.') {
		*out = at[0] - '0';
		return 1;
	}
	n = digits_count(word);
	*out = digits_value(word, n);
	return n;
}

/* As read_slow(), for numbers of a usual size; NULL for others. */
static const uint8_t *read_fast(const uint8_t *at, float *out)
{
	uint32_t negative = *at == '-', bits;
	struct scaled s;
	uint64_t whole;
	unsigned n;

	at += negative;
	n = read_whole(at, &whole);
	if (n > WHOLE_DIGITS_MAX)
		return NULL;
	at = read_parts(at + n, whole, &s);
	if (at == NULL)
		return NULL;
	*out = 0;
	if (s.value != 0 &&
	    (s.exponent < POWER_LEAST || s.exponent > POWER_MOST ||
	     !narrow(s.value * power(s.exponent), out)))
		return NULL;
	/* Half of all numbers are: no branch could be foreseen. */
	memcpy(&bits, out, sizeof(bits));
	bits |= negative << 31;
	memcpy(out, &bits, sizeof(bits));
	return at;
}

static bool is_of_number(uint8_t c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' ||
	       (c | 0x20) == 'e';
}

/* Read the number at at as libc does.  Returns what is behind it. */
__attribute__((noinline)) static const uint8_t *
read_slow(const uint8_t *at, const uint8_t *end, float *out)
{
	char small[64], *text = small;
	size_t len = 0;

	while (at + len < end && is_of_number(at[len]))
		len++;
	if (len >= sizeof(small))
		text = xmalloc(len + 1);
	memcpy(text, at, len);
	text[len] = '\0';
	*out = strtof(text, NULL);
	if (text != small)
		free(text);
	return at + len;
}

void floats_read(struct str array, uint8_t *out)
{
	const uint8_t *at = (const uint8_t *)array.ptr;
	const uint8_t *end = at + array.len, *next;
	uint32_t bits;
	float f;

	/* The grammar is known: what is no number parts them, or ends them. */
	for (;;) {
		while (at < end && !is_of_number(*at))
			at++;
		if (at == end)
			return;
		next = end - at >= ROOM ? read_fast(at, &f) : NULL;
		at = next != NULL ? next : read_slow(at, end, &f);
		memcpy(&bits, &f, sizeof(bits));
		bits = htole32(bits);
		memcpy(out, &bits, sizeof(bits));
		out += sizeof(bits);
	}
}

/* A float is D.DDDDDDDD * 10^exponent; len digits say all. */
struct decimal {
	uint32_t digits; /* nine, of which the first is not 0 */
	int len;
	int exponent;
};

/* lround() would be a call; d is not negative. */
static int32_t nearest(double d)
{
	d += 0.5;
	return (int32_t)d;
}

/*
 * The longest row of zeros that digits can end with and be nearer to scaled than
 * half.  Returns false when rounding errors could decide that.
 */
static bool shorten(double scaled, double half, struct decimal *out)
{
	const double error = 4e-6; /* some ten units of numbers below 10^9 */
	int64_t found = nearest(scaled);
	int zeros = 0;

	while (zeros < 9) {
		double ten = (double)(int64_t)tens[zeros + 1];
		int32_t shorter = nearest(scaled * power(-zeros - 1));
		double gap = fabs(shorter * ten - scaled);

		if (fabs(gap - half) < error)
			return false;
		if (gap > half)
			break;
		found = shorter;
		zeros++;
	}
	out->digits = (uint32_t)(found * (int64_t)tens[zeros]);
	out->len = 9 - zeros;
	return true;
}

/*
 * Nine digits always tell a float from its neighbours, and often fewer do.
 * False for what has a way of its own: powers of two, whose neighbours are not
 * equally far, subnormals, and what is no number.
 */
static bool find_decimal(uint32_t bits, float f, struct decimal *out)
{
	int binary = (int)(bits >> 23 & 255) - 127;
	int exponent = (binary * 1233) >> 12; /* log10(2) is 0.30103 */
	uint64_t half_bits = (uint64_t)(binary - 24 + 1023) << 52;
	double scaled, half;

	if (binary == -127 || binary == 128 || (bits & 0x7fffff) == 0)
		return false;
	exponent += fabs((double)f) * power(8 - exponent) >= 1e9;
	scaled = fabs((double)f) * power(8 - exponent);
	memcpy(&half, &half_bits, sizeof(half));
	if (!shorten(scaled, half * power(8 - exponent), out))
		return false;
	/* 999999999.9 is 10^9. */
	if (out->digits == tens[9]) {
		out->digits = (uint32_t)tens[8];
		out->len = 1;
		exponent++;
	}
	out->exponent = exponent;
	return true;
}

/* The nine digits; more bytes than that are written. */
static void put_digits(char *to, uint32_t digits)
{
	uint64_t word = htole64(digits_text(digits % 100000000));

	to[0] = (char)('0' + digits / 100000000);
	memcpy(to + 1, &word, sizeof(word));
}

/* "0.00123": a row of zeros, over which the digits are written. */
static char *put_small(char *to, const struct decimal *d)
{
	memcpy(to, "0.000000", 8);
	to += 1 - d->exponent;
	put_digits(to, d->digits);
	return to + d->len;
}

/* "12.3" or "1200.0" */
static char *put_medium(char *to, const struct decimal *d)
{
	char digits[16];
	int whole = d->exponent + 1, rest = d->len - whole;

	put_digits(digits, d->digits);
	memcpy(to, digits, sizeof(digits) - 4);
	to += whole;
	*to++ = '.';
	memcpy(to, digits + whole, 8);
	if (rest > 0)
		return to + rest;
	*to = '0';
	return to + 1;
}

/* "1.23e-09" */
static char *put_large(char *to, const struct decimal *d)
{
	int exponent = d->exponent < 0 ? -d->exponent : d->exponent;
	char digits[16];

	put_digits(digits, d->digits);
	*to++ = digits[0];
	if (d->len > 1) {
		*to++ = '.';
		memcpy(to, digits + 1, 8);
		to += d->len - 1;
	}
	*to++ = 'e';
	*to++ = d->exponent < 0 ? '-' : '+';
	*to++ = (char)('0' + exponent / 10);
	*to++ = (char)('0' + exponent % 10);
	return to;
}

/* What the fast way leaves, as libc has it. */
__attribute__((noinline)) static char *put_slow(char *to, float f)
{
	char text[TEXT_MAX];
	int len = 0;

	if (f == 0 || !isfinite(f)) {
		memcpy(to, f == 0 ? (signbit(f) ? "-0.0" : "0.0") : "null", 4);
		return to + (f == 0 && !signbit(f) ? 3 : 4);
	}
	for (int precision = 1; precision <= 9; precision++) {
		len = snprintf(text, sizeof(text), "%.*g", precision,
			       (double)f);
		if (strtof(text, NULL) == f)
			break;
	}
	assert(len > 0 && len < TEXT_MAX - 4);
	memcpy(to, text, (size_t)len);
	to += len;
	/* As the fast way: a float is seen to be one. */
	if (memchr(text, '.', (size_t)len) == NULL &&
	    memchr(text, 'e', (size_t)len) == NULL) {
		memcpy(to, ".0", 2);
		to += 2;
	}
	return to;
}

/* At most TEXT_MAX bytes are written, of which more count. */
static char *put_float(char *to, uint32_t bits)
{
	struct decimal d;
	float f;

	memcpy(&f, &bits, sizeof(f));
	if (!find_decimal(bits, f, &d))
		return put_slow(to, f);
	*to = '-';
	to += bits >> 31;
	if (d.exponent < 0 && d.exponent >= -5)
		return put_small(to, &d);
	if (d.exponent >= 0 && d.exponent < 8)
		return put_medium(to, &d);
	return put_large(to, &d);
}

int floats_write(struct buf *out, const uint8_t *floats, size_t count)
{
	int r = buf_reserve(out, count * TEXT_MAX + 2 * (size_t)TEXT_MAX);
	uint32_t bits;
	char *to;

	if (r < 0)
		return r;
	to = out->ptr + out->len;
	*to++ = '[';
	for (size_t i = 0; i < count; i++) {
		memcpy(&bits, floats + i * sizeof(bits), sizeof(bits));
		to = put_float(to, le32toh(bits));
		*to++ = ',';
	}
	if (count > 0)
		to--;
	*to++ = ']';
	out->len = (size_t)(to - out->ptr);
	return 0;
}
