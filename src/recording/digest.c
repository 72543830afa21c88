#include "recording/digest.h"

#include <assert.h>
#include <openssl/evp.h>

struct str digest_hex(struct str bytes, char out[DIGEST_LEN])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[DIGEST_LEN / 2];
	unsigned len = 0;
	int ok =
		EVP_Digest(bytes.ptr, bytes.len, sum, &len, EVP_sha256(), NULL);

	assert(ok == 1 && len == sizeof(sum));
	for (size_t i = 0; i < sizeof(sum); i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	return (struct str){ out, DIGEST_LEN };
}
