/*
 * sigv4 - AWS Signature Version 4, in the Authorization header.
 *
 *	struct sigv4 signer = { .access_key = id, .secret_key = secret,
 *				.region = STR("us-east-1"),
 *				.service = STR("bedrock"), .wall_ns = now };
 *	struct sigv4_request req = { STR("POST"), path, query, headers, n,
 *				     pieces, m };
 *	struct sigv4_result result;
 *
 *	r = sigv4_sign(&signer, &req, arena, &result);
 *
 * The caller sends result.date as x-amz-date, the token as
 * x-amz-security-token and result.authorization as authorization, beside the
 * headers that it passed.  Nothing is read from or written to the network.
 *
 * The path is taken as it goes over the wire and encoded once more, as all
 * services but S3 want it: a model id with ':' that is sent as %3A is signed as
 * %253A.
 */
#ifndef PROVIDER_SIGV4_H
#define PROVIDER_SIGV4_H

#include "base/arena.h"

enum {
	SIGV4_HEADERS_MAX = 32,
	SIGV4_QUERY_MAX = 64, /* parameters */
};

struct sigv4 {
	struct str access_key;
	struct str secret_key;
	struct str token; /* of temporary credentials, or "" */
	struct str region;
	struct str service;
	int64_t wall_ns;
	bool token_unsigned; /* the service wants it added after signing */
	bool keep_path;      /* no dot segments or double slashes removed */
};

struct sigv4_header {
	struct str name; /* in any case */
	struct str value;
};

struct sigv4_request {
	struct str method;
	struct str path;  /* as sent; "" is "/" */
	struct str query; /* as sent, without '?' */
	/* what is to be signed, host among it; not the date and the token */
	const struct sigv4_header *headers;
	size_t header_count;
	const struct str *pieces; /* of the body */
	size_t piece_count;
};

/* Slices in the arena. */
struct sigv4_result {
	struct str date;      /* "20150830T123600Z" */
	struct str canonical; /* what was hashed: for tests and debugging */
	struct str authorization;
};

/* Returns 0, or -E2BIG when there are too many headers or parameters. */
must_check int sigv4_sign(const struct sigv4 *s,
			  const struct sigv4_request *req, struct arena *a,
			  struct sigv4_result *out);

#endif
