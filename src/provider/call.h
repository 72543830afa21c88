/*
 * call - what a provider is asked for, and the HTTP request it makes of it.
 */
#ifndef PROVIDER_CALL_H
#define PROVIDER_CALL_H

#include "http/head.h"
#include "llm/request.h"
#include "provider/grant.h"
#include "provider/provider_data.h"
#include "json/splice.h"

enum {
	PROVIDER_HEADERS_MAX = 32,
	PROVIDER_PIECES_MAX = SPLICE_PIECES_MAX,
};

struct provider_raw;

struct provider_request {
	enum llm_op op;
	const struct provider_raw *raw; /* LLM_RAW: provider/raw.h */
	struct str model;               /* the upstream's own name for it */
	const struct json *doc; /* the client's body; LLM_MODELS, RAW: NULL */
	bool stream;
	bool has_models; /* the body has "models", which is not sent */
	/* Ask for a stream's usage, which the client did not ask for. */
	bool add_usage;
	int64_t wall_ns; /* for signatures with a date */
	/* LLM_MODELS: provider_models.next_page, "" at first */
	struct str page;
	const struct provider_data *data; /* the client's, or NULL */
	struct str bearer; /* the client's Authorization, as it came */
	/* overrides of the configured key for this request; "" for none */
	struct str key;
	bool is_forwarded; /* key is the client's bearer token, as it came */
	const struct grant_token *token; /* what type->grant asked for */
};

/* The HTTP request to send: slices live in the arena or the client's body. */
struct provider_call {
	struct str method;
	struct str target; /* path and query */
	size_t place;      /* 0: the base; i: provider.places[i - 1] */
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

/* State of an answer; of a local one type->stream_size bytes, zeroed. */
struct provider_stream;

/* What one call of generate fills. */
struct provider_reply {
	struct arena *arena; /* lives until the last call */
	struct buf *out;
	int64_t wait_ns; /* set: how long to wait before these bytes */
	struct api_error *error;
};

#endif
