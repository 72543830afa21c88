#include "base/str.h"

enum {
	DISTANCE_LEN_MAX = 64
};

/*
 * Eight letters in lower case at once.  The sums set a byte's high bit when its
 * low seven bits are at least 'A', and more than 'Z'; a byte that has the high bit
 * already is no letter.
 */
static uint64_t lower_word(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101, highs = ones * 0x80;
	uint64_t low = word & ~highs;
	uint64_t from_a = low + ones * (0x80 - 'A');
	uint64_t past_z = low + ones * (0x7f - 'Z');

	return word | (((from_a ^ past_z) & ~word & highs) >> 2);
}

static bool eq_word_nocase(const char *a, const char *b)
{
	uint64_t wa, wb;

	memcpy(&wa, a, sizeof(wa));
	memcpy(&wb, b, sizeof(wb));
	return wa == wb || lower_word(wa) == lower_word(wb);
}

/* Header names are compared by the million, and most have eight letters. */
bool str_eq_nocase(struct str a, struct str b)
{
	const size_t step = sizeof(uint64_t);

	if (a.len != b.len)
		return false;
	if (a.len < step) {
		for (size_t i = 0; i < a.len; i++) {
			if (str_lower(a.ptr[i]) != str_lower(b.ptr[i]))
				return false;
		}
		return true;
	}
	for (size_t i = 0; i + step < a.len; i += step) {
		if (!eq_word_nocase(a.ptr + i, b.ptr + i))
			return false;
	}
	/* The last eight may have been looked at in part. */
	return eq_word_nocase(a.ptr + a.len - step, b.ptr + a.len - step);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int r = n > 0 ? memcmp(a.ptr, b.ptr, n) : 0;

	if (r != 0)
		return r;
	return (a.len > b.len) - (a.len < b.len);
}

size_t str_find(struct str s, struct str needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return s.len;
	at = memmem(s.ptr, s.len, needle.ptr, needle.len);
	return at == NULL ? s.len : (size_t)(at - s.ptr);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.len > 0 && is_space(s.ptr[0]))
		s = str_drop(s, 1);
	while (s.len > 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

bool str_cut(struct str s, char c, struct str *head, struct str *tail)
{
	const char *at = s.len > 0 ? memchr(s.ptr, c, s.len) : NULL;

	if (at == NULL) {
		*head = s;
		*tail = STR_NULL;
		return false;
	}
	*head = (struct str){ s.ptr, (size_t)(at - s.ptr) };
	*tail = str_drop(s, head->len + 1);
	return true;
}

bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	int64_t n = 0;

	s = str_drop(s, negative ? 1 : 0);
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int digit = s.ptr[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, digit, &n))
			return false;
	}
	/* n is held negative, so that INT64_MIN can be read. */
	if (!negative && __builtin_sub_overflow(0, n, &n))
		return false;
	if (n < min || n > max)
		return false;
	*out = n;
	return true;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t str_distance(struct str a, struct str b)
{
	uint8_t row[3][DISTANCE_LEN_MAX + 1];

	if (a.len > DISTANCE_LEN_MAX || b.len > DISTANCE_LEN_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.len; j++)
		row[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= a.len; i++) {
		uint8_t *now = row[i % 3], *up = row[(i + 2) % 3];
		const uint8_t *up2 = row[(i + 1) % 3];

		now[0] = (uint8_t)i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t cost = a.ptr[i - 1] != b.ptr[j - 1];
			size_t d = min3(up[j] + 1u, now[j - 1] + 1u,
					up[j - 1] + cost);

			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
			    a.ptr[i - 2] == b.ptr[j - 1])
				d = min3(d, up2[j - 2] + 1u, d);
			now[j] = (uint8_t)d;
		}
	}
	return row[a.len % 3][b.len];
}
