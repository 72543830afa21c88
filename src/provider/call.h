/*
 * call - the HTTP request that a provider's encode function makes.
 */
#ifndef PROVIDER_CALL_H
#define PROVIDER_CALL_H

#include "http/head.h"
#include "json/splice.h"

enum {
	PROVIDER_HEADERS_MAX = 24,
	PROVIDER_PIECES_MAX = SPLICE_PIECES_MAX,
};

/* The HTTP request to send: slices live in the arena or the client's body. */
struct provider_call {
	struct str method;
	struct str target; /* path and query */
	struct http_header headers[PROVIDER_HEADERS_MAX];
	/*
	 * All but host, content-length and connection; LLM_RAW: those that win
	 * over the client's.
	 */
	size_t header_count;
	struct str pieces[PROVIDER_PIECES_MAX]; /* the body */
	size_t piece_count;
	uint64_t body_len;
};

void provider_call_header(struct provider_call *c, struct str name,
			  struct str value);

#endif
