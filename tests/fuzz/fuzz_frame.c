/*
 * A frame's head: what is read of a part of it is what is read of the whole,
 * nothing but the payload's length follows from it, and a mask undoes itself.
 */
#include "base/buf.h"
#include "http/frame.h"

#include "tests/fuzz/require.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_mask(const struct frame *f, struct str payload)
{
	char *copy = xcalloc(1, payload.len + 1);

	if (payload.len > 0)
		memcpy(copy, payload.ptr, payload.len);
	frame_unmask(copy, payload.len, f->mask);
	if (f->type == FRAME_CLOSE)
		(void)frame_close_code((struct str){ copy, payload.len });
	frame_unmask(copy, payload.len, f->mask);
	require(payload.len == 0 ||
		memcmp(copy, payload.ptr, payload.len) == 0);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len };
	struct frame f, part;
	const char *why = NULL;
	int n = frame_parse(all, &f, &why);

	require((n < 0) == (why != NULL));
	for (size_t i = 0; i < len && i < 14; i++) {
		int r = frame_parse(str_take(all, i), &part, &why);

		require(r == 0 || r == n);
	}
	if (n > 0) {
		require((size_t)n <= len && n <= 14);
		check_mask(&f, str_take(str_drop(all, (size_t)n),
					f.len < len ? (size_t)f.len : len));
	}
	return 0;
}
