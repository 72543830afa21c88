#include "recording/base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_write(struct buf *out, struct str s)
{
	int r = buf_reserve(out, (s.len + 2) / 3 * 4);

	if (r < 0)
		return r;
	while (s.len > 0) {
		size_t n = s.len < 3 ? s.len : 3;
		uint32_t bits = 0;

		for (size_t i = 0; i < n; i++)
			bits |= (uint32_t)(uint8_t)s.ptr[i] << (16 - 8 * i);
		for (size_t i = 0; i < 4; i++) {
			out->ptr[out->len++] =
				i <= n ? alphabet[bits >> (18 - 6 * i) & 63]
				       : '=';
		}
		s = str_drop(s, n);
	}
	return 0;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* Four characters, of which the last pad are padding; false when bad. */
static bool read_group(const char *at, size_t pad, char out[3])
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4 - pad; i++) {
		int v = value_of(at[i]);

		if (v < 0)
			return false;
		bits |= (uint32_t)v << (18 - 6 * i);
	}
	for (size_t i = 0; i < 3; i++)
		out[i] = (char)(bits >> (16 - 8 * i) & 255);
	for (size_t i = 3 - pad; i < 3; i++) {
		if (out[i] != 0)
			return false;
	}
	return true;
}

bool base64_read(struct str text, struct arena *a, struct str *out)
{
	size_t pad = 0, len = 0;
	char *bytes;

	if (text.len % 4 != 0)
		return false;
	while (pad < 2 && pad < text.len && text.ptr[text.len - 1 - pad] == '=')
		pad++;
	bytes = arena_alloc(a, text.len / 4 * 3 + 1);
	for (size_t i = 0; i < text.len; i += 4) {
		size_t p = i + 4 == text.len ? pad : 0;

		if (!read_group(text.ptr + i, p, bytes + len))
			return false;
		len += 3 - p;
	}
	*out = (struct str){ bytes, len };
	return true;
}
