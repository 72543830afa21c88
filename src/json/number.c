#include <math.h>
#include <stdlib.h>

#include "json/node.h"

enum {
	DOUBLE_TEXT_MAX = 64,
	SHORT_DIGITS = 15
};

/* More than a text has digits, so that a clamped exponent decides the same. */
static const int64_t exponent_max = INT64_C(1) << 40;

/* The digits around the point * 10^exponent, as the text says it. */
struct decimal {
	bool negative;
	struct str digits; /* with the point, if there is one */
	size_t whole;      /* digits before the point */
	size_t count;      /* of all digits */
	int64_t exponent;
};

static size_t digits(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

static bool is_at(struct str s, char c)
{
	return s.len > 0 && s.ptr[0] == c;
}

static int64_t read_exponent(struct str s)
{
	bool negative = is_at(s, '-');
	int64_t n = 0;

	if (negative || is_at(s, '+'))
		s = str_drop(s, 1);
	for (size_t i = 0; i < s.len && n < exponent_max; i++)
		n = n * 10 + (s.ptr[i] - '0');
	return negative ? -n : n;
}

static struct decimal read_decimal(struct str s)
{
	struct decimal d = { .negative = is_at(s, '-') };

	d.digits = str_drop(s, d.negative ? 1 : 0);
	d.whole = digits(d.digits);
	d.count = d.whole;
	s = str_drop(d.digits, d.whole);
	if (is_at(s, '.')) {
		s = str_drop(s, 1);
		d.count += digits(s);
		s = str_drop(s, d.count - d.whole);
	}
	if (s.len > 0)
		d.exponent = read_exponent(str_drop(s, 1));
	return d;
}

static int digit(const struct decimal *d, size_t i)
{
	return d->digits.ptr[i < d->whole ? i : i + 1] - '0';
}

bool json_to_i64(const struct json *doc, uint32_t v, int64_t *out)
{
	struct decimal d;
	size_t len, i = 0;
	int64_t n = 0, scale;

	if (json_type(doc, v) != JSON_NUMBER)
		return false;
	d = read_decimal(json_raw(doc, v));
	len = d.count;
	while (len > 0 && digit(&d, len - 1) == 0)
		len--;
	/* What the last digit that is not zero must be multiplied with. */
	scale = d.exponent + (int64_t)d.whole - (int64_t)len;
	if (len > 0 && scale < 0)
		return false;
	for (; i < len; i++) {
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, digit(&d, i), &n))
			return false;
	}
	for (; scale > 0 && n != 0; scale--) {
		if (__builtin_mul_overflow(n, 10, &n))
			return false;
	}
	/* n is held negative, so that INT64_MIN can be read. */
	if (!d.negative && __builtin_sub_overflow(0, n, &n))
		return false;
	*out = n;
	return true;
}

/*
 * A short decimal without an exponent: the digits and the power of ten are
 * exact doubles, so that one division rounds right (Clinger's fast path).
 */
static bool short_double(struct str raw, double *out)
{
	bool negative = raw.ptr[0] == '-';
	double scale = 1;
	int64_t n = 0;
	bool point = false;

	if (raw.len > SHORT_DIGITS)
		return false;
	for (size_t i = negative; i < raw.len; i++) {
		if (raw.ptr[i] == '.') {
			point = true;
			continue;
		}
		if (raw.ptr[i] < '0' || raw.ptr[i] > '9')
			return false;
		n = 10 * n + (raw.ptr[i] - '0');
		scale *= point ? 10 : 1;
	}
	*out = (negative ? -(double)n : (double)n) / scale;
	return true;
}

bool json_to_double(const struct json *doc, uint32_t v, double *out)
{
	char small[DOUBLE_TEXT_MAX], *text = small;
	struct str raw;
	double d;

	if (json_type(doc, v) != JSON_NUMBER)
		return false;
	raw = json_raw(doc, v);
	if (short_double(raw, out))
		return true;
	/* strtod() wants a NUL, and a number may end the text. */
	if (raw.len >= sizeof(small))
		text = xmalloc(raw.len + 1);
	memcpy(text, raw.ptr, raw.len);
	text[raw.len] = '\0';
	d = strtod(text, NULL);
	if (text != small)
		free(text);
	if (!isfinite(d))
		return false;
	*out = d;
	return true;
}
