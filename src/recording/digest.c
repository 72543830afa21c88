#include "recording/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>

/* Fetched once: that takes as long as a sum of 1 KB. */
static struct {
	pthread_once_t once;
	EVP_MD *md; /* lives as long as the program */
} sha256 = { .once = PTHREAD_ONCE_INIT };

static void fetch(void)
{
	sha256.md = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void digest_sum(struct str bytes, uint8_t out[DIGEST_BYTES])
{
	unsigned len = 0;
	int ok;

	(void)pthread_once(&sha256.once, fetch);
	ok = EVP_Digest(bytes.ptr, bytes.len, out, &len, sha256.md, NULL);
	assert(ok == 1 && len == DIGEST_BYTES);
}

struct str digest_hex(struct str bytes, char out[DIGEST_LEN])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum[DIGEST_BYTES];

	digest_sum(bytes, sum);
	for (size_t i = 0; i < sizeof(sum); i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	return (struct str){ out, DIGEST_LEN };
}
