#include "base/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One more than the value; 0 is no character of the alphabet. */
static const uint8_t places[256] = {
	['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,
	['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

/* The last one or two bytes. */
static void write_rest(char *to, const uint8_t *from, size_t n)
{
	uint32_t bits = (uint32_t)from[0] << 16;

	if (n == 2)
		bits |= (uint32_t)from[1] << 8;
	to[0] = alphabet[bits >> 18];
	to[1] = alphabet[bits >> 12 & 63];
	to[2] = '=';
	if (n == 2)
		to[2] = alphabet[bits >> 6 & 63];
	to[3] = '=';
}

int base64_write(struct buf *out, struct str s)
{
	const uint8_t *from = (const uint8_t *)s.ptr;
	int r = buf_reserve(out, (s.len + 2) / 3 * 4);
	char *to;

	if (r < 0)
		return r;
	to = out->ptr + out->len;
	out->len += (s.len + 2) / 3 * 4;
	for (; s.len >= 3; s.len -= 3) {
		uint32_t bits = (uint32_t)from[0] << 16 |
				(uint32_t)from[1] << 8 | from[2];

		to[0] = alphabet[bits >> 18];
		to[1] = alphabet[bits >> 12 & 63];
		to[2] = alphabet[bits >> 6 & 63];
		to[3] = alphabet[bits & 63];
		from += 3;
		to += 4;
	}
	if (s.len > 0)
		write_rest(to, from, s.len);
	return 0;
}

/* Four characters as 24 bits; more than that when one is none. */
static uint32_t bits_of(const uint8_t *at)
{
	return (uint32_t)(places[at[0]] - 1) << 18 |
	       (uint32_t)(places[at[1]] - 1) << 12 |
	       (uint32_t)(places[at[2]] - 1) << 6 |
	       (uint32_t)(places[at[3]] - 1);
}

/* The last four, of which pad are padding.  False when bad. */
static bool read_rest(const uint8_t *from, size_t pad, uint8_t *to)
{
	uint8_t group[4] = { 'A', 'A', 'A', 'A' };
	uint32_t bits;

	memcpy(group, from, 4 - pad);
	bits = bits_of(group);
	to[0] = (uint8_t)(bits >> 16);
	if (pad == 1)
		to[1] = (uint8_t)(bits >> 8);
	return bits >> 24 == 0 && (bits & (pad == 1 ? 0xff : 0xffff)) == 0;
}

bool base64_read(struct str text, struct arena *a, struct str *out)
{
	const uint8_t *from = (const uint8_t *)text.ptr;
	size_t pad = str_ends(text, STR("==")) ? 2 : str_ends(text, STR("="));
	size_t whole = text.len / 4 - (pad > 0 ? 1 : 0);
	uint8_t *bytes, *to;
	uint32_t bad = 0;

	if (text.len % 4 != 0)
		return false;
	bytes = arena_alloc(a, text.len / 4 * 3 + 1);
	to = bytes;
	for (size_t i = 0; i < whole; i++) {
		uint32_t bits = bits_of(from);

		bad |= bits >> 24;
		to[0] = (uint8_t)(bits >> 16);
		to[1] = (uint8_t)(bits >> 8);
		to[2] = (uint8_t)bits;
		from += 4;
		to += 3;
	}
	if (bad != 0 || (pad > 0 && !read_rest(from, pad, to)))
		return false;
	*out = (struct str){ (const char *)bytes, text.len / 4 * 3 - pad };
	return true;
}
