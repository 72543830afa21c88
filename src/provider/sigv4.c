#include "provider/sigv4.h"

#include "base/clock.h"
#include "base/err.h"
#include "provider/sigv4_path.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	HASH_LEN = 32, /* SHA-256 */
	BLOCK_LEN = 64,
	DATE_LEN = 8, /* of the time's text */
};

struct field {
	struct str name; /* lower case */
	struct str value;
	size_t order; /* as passed: qsort() is not stable */
};

struct hash {
	unsigned char bytes[HASH_LEN];
};

/*
 * OpenSSL 3.0 looks an algorithm up by name each time it is used, which takes
 * longer than the hashing: one look-up serves a whole signature.
 */
struct hasher {
	EVP_MD *sha256;
	EVP_MD_CTX *ctx;
};

static void hasher_init(struct hasher *h)
{
	h->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->ctx = EVP_MD_CTX_new();
	assert(h->sha256 != NULL && h->ctx != NULL);
}

static void hasher_fini(struct hasher *h)
{
	EVP_MD_CTX_free(h->ctx);
	EVP_MD_free(h->sha256);
}

static struct hash sha256(struct hasher *h, const struct str *pieces,
			  size_t count)
{
	struct hash out;
	int ok = EVP_DigestInit_ex(h->ctx, h->sha256, NULL);

	for (size_t i = 0; i < count; i++)
		ok = ok &&
		     EVP_DigestUpdate(h->ctx, pieces[i].ptr, pieces[i].len);
	ok = ok && EVP_DigestFinal_ex(h->ctx, out.bytes, NULL);
	assert(ok); /* only memory can be short */
	return out;
}

static struct str hash_str(const struct hash *h)
{
	return (struct str){ (const char *)h->bytes, HASH_LEN };
}

/* RFC 2104; OpenSSL's own takes six look-ups. */
static struct hash hmac(struct hasher *h, struct str key, struct str data)
{
	unsigned char pad[BLOCK_LEN] = { 0 };
	struct str pieces[] = { { (const char *)pad, BLOCK_LEN }, data };
	struct hash inner;

	if (key.len > BLOCK_LEN) {
		inner = sha256(h, &key, 1);
		key = hash_str(&inner);
	}
	if (key.len > 0)
		memcpy(pad, key.ptr, key.len);
	for (size_t i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36;
	inner = sha256(h, pieces, 2);
	for (size_t i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	pieces[1] = hash_str(&inner);
	inner = sha256(h, pieces, 2);
	OPENSSL_cleanse(pad, sizeof(pad));
	return inner;
}

static struct str hex(const struct hash *h, struct arena *a)
{
	static const char digits[] = "0123456789abcdef";
	char *out = arena_alloc(a, (size_t)2 * HASH_LEN);

	for (size_t i = 0; i < HASH_LEN; i++) {
		out[2 * i] = digits[h->bytes[i] >> 4];
		out[2 * i + 1] = digits[h->bytes[i] & 15];
	}
	return (struct str){ out, (size_t)2 * HASH_LEN };
}

static struct str lower(struct str text, struct arena *a)
{
	char *out = arena_alloc(a, text.len);

	for (size_t i = 0; i < text.len; i++)
		out[i] = str_lower(text.ptr[i]);
	return (struct str){ out, text.len };
}

/* White space at the ends goes, runs of spaces become one. */
static struct str squeeze(struct str value, struct arena *a)
{
	struct str text = str_trim(value);
	char *out = arena_alloc(a, text.len);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != ' ' || out[len - 1] != ' ')
			out[len++] = text.ptr[i];
	}
	return (struct str){ out, len };
}

static int field_compare(const void *x, const void *y)
{
	const struct field *p = x, *q = y;
	int order = str_cmp(p->name, q->name);

	if (order != 0)
		return order;
	return p->order < q->order ? -1 : p->order > q->order;
}

static struct str amz_date(int64_t wall_ns, struct arena *a)
{
	time_t seconds = (time_t)(wall_ns / CLOCK_S);
	struct tm tm = { 0 };
	char *out = arena_alloc(a, 24);
	size_t len;

	(void)gmtime_r(&seconds, &tm);
	len = strftime(out, 24, "%Y%m%dT%H%M%SZ", &tm);
	assert(len >= DATE_LEN);
	return (struct str){ out, len };
}

/* Values of one name are joined by commas, in the order they are sent. */
static void join_headers(const struct field *fields, size_t count,
			 struct arena *a, struct str *lines, struct str *names)
{
	*lines = STR_NULL;
	*names = STR_NULL;
	for (size_t i = 0; i < count; i++) {
		bool again =
			i > 0 && str_eq(fields[i].name, fields[i - 1].name);

		if (again) {
			*lines = arena_printf(a, STR_FMT "," STR_FMT,
					      STR_ARG(*lines),
					      STR_ARG(fields[i].value));
		} else {
			*lines =
				arena_printf(a,
					     STR_FMT "%s" STR_FMT ":" STR_FMT,
					     STR_ARG(*lines), i > 0 ? "\n" : "",
					     STR_ARG(fields[i].name),
					     STR_ARG(fields[i].value));
		}
		if (!again) {
			*names = arena_printf(a, STR_FMT "%s" STR_FMT,
					      STR_ARG(*names), i > 0 ? ";" : "",
					      STR_ARG(fields[i].name));
		}
	}
}

static size_t make_fields(const struct sigv4 *s,
			  const struct sigv4_request *req, struct str date,
			  struct arena *a, struct field *fields)
{
	size_t n = 0;

	for (; n < req->header_count; n++) {
		fields[n] = (struct field){
			lower(req->headers[n].name, a),
			squeeze(req->headers[n].value, a),
			n,
		};
	}
	fields[n] = (struct field){ STR("x-amz-date"), date, n };
	n++;
	if (s->token.len > 0 && !s->token_unsigned) {
		fields[n] = (struct field){ STR("x-amz-security-token"),
					    s->token, n };
		n++;
	}
	qsort(fields, n, sizeof(*fields), field_compare);
	return n;
}

static struct str scope_of(const struct sigv4 *s, struct str date,
			   struct arena *a)
{
	return arena_printf(a, STR_FMT "/" STR_FMT "/" STR_FMT "/aws4_request",
			    STR_ARG(str_take(date, DATE_LEN)),
			    STR_ARG(s->region), STR_ARG(s->service));
}

static struct str signature_of(struct hasher *h, const struct sigv4 *s,
			       struct str date, struct str canonical,
			       struct arena *a)
{
	struct hash hashed = sha256(h, &canonical, 1);
	struct str digest = hex(&hashed, a), scope = scope_of(s, date, a);
	struct str text =
		arena_printf(a,
			     "AWS4-HMAC-SHA256\n" STR_FMT "\n" STR_FMT
			     "\n" STR_FMT,
			     STR_ARG(date), STR_ARG(scope), STR_ARG(digest));
	struct str secret =
		arena_printf(a, "AWS4" STR_FMT, STR_ARG(s->secret_key));
	struct hash key = hmac(h, secret, str_take(date, DATE_LEN));

	key = hmac(h, hash_str(&key), s->region);
	key = hmac(h, hash_str(&key), s->service);
	key = hmac(h, hash_str(&key), STR("aws4_request"));
	key = hmac(h, hash_str(&key), text);
	return hex(&key, a);
}

static struct str authorization_of(const struct sigv4 *s, struct str date,
				   struct str names, struct str signature,
				   struct arena *a)
{
	struct str scope = scope_of(s, date, a);

	return arena_printf(a,
			    "AWS4-HMAC-SHA256 Credential=" STR_FMT "/" STR_FMT
			    ", SignedHeaders=" STR_FMT ", Signature=" STR_FMT,
			    STR_ARG(s->access_key), STR_ARG(scope),
			    STR_ARG(names), STR_ARG(signature));
}

int sigv4_sign(const struct sigv4 *s, const struct sigv4_request *req,
	       struct arena *a, struct sigv4_result *out)
{
	struct field fields[SIGV4_HEADERS_MAX + 2];
	struct str date = amz_date(s->wall_ns, a);
	struct str path = sigv4_path_canonical(req->path, s->keep_path, a);
	struct str query, lines, names, digest;
	struct hasher hasher;
	struct hash payload;
	int r;

	if (req->header_count > SIGV4_HEADERS_MAX) {
		return err_new(-E2BIG, "sigv4: over %d headers",
			       SIGV4_HEADERS_MAX);
	}
	r = sigv4_path_query(req->query, SIGV4_QUERY_MAX, a, &query);
	if (r < 0)
		return err_up(r);
	join_headers(fields, make_fields(s, req, date, a, fields), a, &lines,
		     &names);

	hasher_init(&hasher);
	payload = sha256(&hasher, req->pieces, req->piece_count);
	digest = hex(&payload, a);
	out->date = date;
	out->canonical =
		arena_printf(a,
			     STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT
				     "\n\n" STR_FMT "\n" STR_FMT,
			     STR_ARG(req->method), STR_ARG(path),
			     STR_ARG(query), STR_ARG(lines), STR_ARG(names),
			     STR_ARG(digest));
	out->authorization = authorization_of(s, date, names,
					      signature_of(&hasher, s, date,
							   out->canonical, a),
					      a);
	hasher_fini(&hasher);
	return 0;
}
