#include "provider/rsa.h"

#include "base/err.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

enum {
	SIGNATURE_MAX = 2048 /* bytes: of a key of 16,384 bits */
};

/* OpenSSL asks for it; without one it would ask the terminal. */
static int give_pass_phrase(char *out, int size, int writing, void *arg)
{
	const struct str *pass_phrase = arg;

	(void)writing;
	if (size < 0 || pass_phrase->len > (size_t)size)
		return -1;
	if (pass_phrase->len > 0)
		memcpy(out, pass_phrase->ptr, pass_phrase->len);
	return (int)pass_phrase->len;
}

static EVP_PKEY *read_key(struct str pem, struct str pass_phrase)
{
	BIO *bio = pem.len > 0 && pem.len < INT32_MAX
			   ? BIO_new_mem_buf(pem.ptr, (int)pem.len)
			   : NULL;
	EVP_PKEY *key = NULL;

	if (bio != NULL) {
		key = PEM_read_bio_PrivateKey(bio, NULL, give_pass_phrase,
					      &pass_phrase);
	}
	BIO_free(bio);
	if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

int rsa_sign(struct str pem, struct str pass_phrase, struct str text,
	     struct arena *a, struct str *out)
{
	EVP_PKEY *key = read_key(pem, pass_phrase);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = SIGNATURE_MAX;
	unsigned char *bytes = arena_alloc(a, len);
	int ok = key != NULL && ctx != NULL;

	ok = ok && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1;
	ok = ok &&
	     EVP_DigestSign(ctx, bytes, &len, (const unsigned char *)text.ptr,
			    text.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	/* Its queue of errors is the thread's: TLS would find them there. */
	ERR_clear_error();
	if (!ok)
		return err_new(-EINVAL, "the key is not an RSA key in PEM, or "
					"its pass phrase is wrong");
	*out = (struct str){ (char *)bytes, len };
	return 0;
}

struct str rsa_base64(struct str bytes, struct arena *a)
{
	unsigned char *out = arena_alloc(a, (bytes.len + 2) / 3 * 4 + 1);
	int n = EVP_EncodeBlock(out, (const unsigned char *)bytes.ptr,
				(int)bytes.len);

	return (struct str){ (char *)out, (size_t)n };
}
