#include "json/fold.h"

#include "json/digits.h"

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const uint8_t *skip_space(const uint8_t *at, const uint8_t *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/* Behind the digits at at, or NULL when there is none. */
static const uint8_t *skip_digits(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *from = at;
	unsigned n = 8;

	while (end - at >= 8 && n == 8) {
		n = digits_count(digits_load(at));
		at += n;
	}
	while (n == 8 && at < end && *at >= '0' && *at <= '9')
		at++;
	return at > from ? at : NULL;
}

static const uint8_t *skip_exponent(const uint8_t *at, const uint8_t *end)
{
	at++;
	if (at < end && (*at == '+' || *at == '-'))
		at++;
	return skip_digits(at, end);
}

/* RFC 8259 section 6.  Behind the number at at, or NULL when it is none. */
static const uint8_t *skip_number(const uint8_t *at, const uint8_t *end)
{
	if (at < end && *at == '-')
		at++;
	if (at < end && *at == '0') {
		at++;
	} else {
		at = skip_digits(at, end);
	}
	if (at != NULL && at < end && *at == '.')
		at = skip_digits(at + 1, end);
	if (at != NULL && at < end && (*at | 0x20) == 'e')
		at = skip_exponent(at, end);
	return at;
}

const uint8_t *fold_numbers(const uint8_t *at, const uint8_t *end, uint32_t max,
			    uint32_t *count)
{
	for (uint32_t n = 1; n <= max; n++) {
		at = skip_number(skip_space(at, end), end);
		if (at == NULL)
			return NULL;
		at = skip_space(at, end);
		if (at == end || (*at != ',' && *at != ']'))
			return NULL;
		at++;
		if (at[-1] == ']') {
			*count = n;
			return at;
		}
	}
	return NULL;
}
