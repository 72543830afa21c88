/*
 * digest - SHA-256, as bytes or as 64 hexadecimal digits.
 *
 *	char hex[DIGEST_LEN];
 *
 *	digest_hex(body, hex);
 */
#ifndef RECORDING_DIGEST_H
#define RECORDING_DIGEST_H

#include "base/str.h"

enum {
	DIGEST_LEN = 64,
	DIGEST_BYTES = 32,
};

void digest_sum(struct str bytes, uint8_t out[DIGEST_BYTES]);

/* Lower case, no NUL.  Returns the slice of out. */
struct str digest_hex(struct str bytes, char out[DIGEST_LEN]);

#endif
