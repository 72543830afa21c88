#include "http/frame.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"

enum {
	LAST = 0x80,
	RESERVED = 0x70,
	TYPE = 0x0f,
	MASKED = 0x80,
	LEN_16 = 126, /* two bytes of length follow */
	LEN_64 = 127, /* eight do */
	MASK_LEN = 4,
};

static uint64_t number(const uint8_t *at, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | at[i];
	return n;
}

static bool is_known(unsigned type)
{
	return type <= FRAME_BINARY ||
	       (type >= FRAME_CLOSE && type <= FRAME_PONG);
}

/* NULL when the first two bytes may stand so. */
static const char *fault(const uint8_t *at)
{
	unsigned type = at[0] & TYPE;

	if ((at[0] & RESERVED) != 0)
		return "a reserved bit is set, and no extension was agreed on";
	if (!is_known(type))
		return "the opcode is unknown";
	if ((at[1] & MASKED) == 0)
		return "a client's frame has to be masked";
	if (frame_is_control(type) && (at[0] & LAST) == 0)
		return "a control frame is in fragments";
	if (frame_is_control(type) && (at[1] & ~MASKED) > FRAME_CONTROL_MAX)
		return "a control frame is longer than 125 bytes";
	return NULL;
}

int frame_parse(struct str bytes, struct frame *out, const char **why)
{
	const uint8_t *at = (const uint8_t *)bytes.ptr;
	size_t wide = 0;
	unsigned small;

	if (bytes.len < 2)
		return 0;
	*why = fault(at);
	if (*why != NULL)
		return -EPROTO;
	small = at[1] & ~(unsigned)MASKED;
	if (small >= LEN_16)
		wide = small == LEN_16 ? 2 : 8;
	if (bytes.len < 2 + wide + MASK_LEN)
		return 0;
	out->type = at[0] & TYPE;
	out->is_last = (at[0] & LAST) != 0;
	out->len = wide == 0 ? small : number(at + 2, wide);
	memcpy(out->mask, at + 2 + wide, MASK_LEN);
	if ((wide == 2 && out->len < LEN_16) ||
	    (wide == 8 && (out->len <= UINT16_MAX || out->len > INT64_MAX))) {
		*why = "a length is not in its shortest form, or over 2^63";
		return -EPROTO;
	}
	return (int)(2 + wide + MASK_LEN);
}

void frame_unmask(char *payload, size_t len, const uint8_t mask[4])
{
	uint64_t wide = 0, word;
	size_t i = 0;

	for (size_t k = 0; k < sizeof(wide); k++)
		((uint8_t *)&wide)[k] = mask[k % MASK_LEN];
	for (; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, payload + i, sizeof(word));
		word ^= wide;
		memcpy(payload + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		payload[i] = (char)((uint8_t)payload[i] ^ mask[i % MASK_LEN]);
}

struct str frame_head(enum frame_type type, uint64_t len,
		      char out[FRAME_HEAD_MAX])
{
	size_t wide = 0;

	if (len >= LEN_16)
		wide = len <= UINT16_MAX ? 2 : 8;
	out[0] = (char)(LAST | type);
	out[1] = (char)(wide == 0 ? len : wide == 2 ? LEN_16 : LEN_64);
	for (size_t i = 0; i < wide; i++)
		out[2 + i] = (char)(len >> (8 * (wide - 1 - i)));
	return (struct str){ out, 2 + wide };
}

/* RFC 6455 section 7.4: what a peer may say. */
static bool may_be_sent(unsigned code)
{
	if (code >= 3000)
		return code <= 4999;
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
	       code != 1006;
}

unsigned frame_close_code(struct str payload)
{
	unsigned code;

	if (payload.len == 0)
		return FRAME_CLOSE_NONE;
	if (payload.len == 1)
		return 0;
	code = (unsigned)number((const uint8_t *)payload.ptr, 2);
	if (!may_be_sent(code) || !frame_is_text(str_drop(payload, 2)))
		return 0;
	return code;
}

bool frame_is_text(struct str s)
{
	const uint8_t *at = (const uint8_t *)s.ptr, *end = at + s.len;

	while (at < end) {
		size_t len = utf8_len(at, end);

		if (len == 0)
			return false;
		at += len;
	}
	return true;
}
