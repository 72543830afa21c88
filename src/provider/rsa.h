/*
 * rsa - RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2), by OpenSSL.
 *
 *	r = rsa_sign(pem, pass_phrase, text, arena, &signature);
 *
 * A signature of a 2048-bit key takes about a millisecond.
 */
#ifndef PROVIDER_RSA_H
#define PROVIDER_RSA_H

#include "base/arena.h"

/*
 * pem: a private key, PKCS #1 or #8; pass_phrase: "" for a key in the clear.
 * Returns 0 with the signature's bytes in a, or -EINVAL when it is not such a
 * key; err_text() does not tell anything of it.
 */
must_check int rsa_sign(struct str pem, struct str pass_phrase, struct str text,
			struct arena *a, struct str *out);

/* Base64 with padding (RFC 4648 section 4), in a. */
struct str rsa_base64(struct str bytes, struct arena *a);

#endif
