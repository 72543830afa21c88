/*
 * raw - a client's request that is passed on as it is, but for who asks.
 *
 * A type's encode function makes the target and the headers that authorize;
 * those of the client that go along are added by the caller, unless there is
 * one of that name already.
 */
#ifndef PROVIDER_RAW_H
#define PROVIDER_RAW_H

#include "provider/provider.h"

struct provider_raw {
	struct str method;
	struct str path;  /* below the base URL, as sent: "" or "/..." */
	struct str query; /* as sent, without '?' */
	const struct http_header *headers; /* those that go along */
	size_t header_count;
	struct str body; /* whole, for a type that signs it, or small */
};

/* Method, target and body.  base and query are before the client's own. */
void raw_start(const struct provider_raw *raw, struct str base,
	       struct str query, struct arena *a, struct provider_call *out);

/* The client's header of that name, or "". */
struct str raw_header(const struct provider_raw *raw, struct str name);

#endif
