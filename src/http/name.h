/*
 * name - the header names that quipu knows, as numbers.
 */
#ifndef HTTP_NAME_H
#define HTTP_NAME_H

#include "base/str.h"

#define HTTP_NAMES(X)                                               \
	X(ACCEPT, "accept")                                         \
	X(ACCEPT_ENCODING, "accept-encoding")                       \
	X(API_KEY, "api-key")                                       \
	X(AUTHORIZATION, "authorization")                           \
	X(CACHE_CONTROL, "cache-control")                           \
	X(CONNECTION, "connection")                                 \
	X(CONTENT_ENCODING, "content-encoding")                     \
	X(CONTENT_LENGTH, "content-length")                         \
	X(CONTENT_TYPE, "content-type")                             \
	X(DATE, "date")                                             \
	X(EXPECT, "expect")                                         \
	X(HOST, "host")                                             \
	X(KEEP_ALIVE, "keep-alive")                                 \
	X(ORIGIN, "origin")                                         \
	X(PROXY_AUTHORIZATION, "proxy-authorization")               \
	X(PROXY_CONNECTION, "proxy-connection")                     \
	X(RETRY_AFTER, "retry-after")                               \
	X(RETRY_AFTER_MS, "retry-after-ms")                         \
	X(SERVER, "server")                                         \
	X(TE, "te")                                                 \
	X(TRAILER, "trailer")                                       \
	X(TRANSFER_ENCODING, "transfer-encoding")                   \
	X(UPGRADE, "upgrade")                                       \
	X(USER_AGENT, "user-agent")                                 \
	X(X_LLAMASTACK_PROVIDER_DATA, "x-llamastack-provider-data") \
	X(X_OGX_PROVIDER_DATA, "x-ogx-provider-data")               \
	X(X_REQUEST_ID, "x-request-id")                             \
	X(X_SHOULD_RETRY, "x-should-retry")

#define HTTP_NAME_ENUM(id, text) HTTP_##id,
enum http_name {
	HTTP_OTHER,
	HTTP_NAMES(HTTP_NAME_ENUM) HTTP_NAME_COUNT,
};
#undef HTTP_NAME_ENUM

/* The id of a name in any case, or HTTP_OTHER. */
enum http_name http_name_find(struct str name);

/* The name in lower case; "" for HTTP_OTHER. */
struct str http_name_text(enum http_name id);

#endif
