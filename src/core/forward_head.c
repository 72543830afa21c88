#include "core/forward_head.h"

/* Of one connection, or made anew for the next (RFC 9110 section 7.6.1). */
static bool is_hop(const struct http_head *head, const struct http_header *h)
{
	static const uint64_t ids =
		1ULL << HTTP_CONNECTION | 1ULL << HTTP_KEEP_ALIVE |
		1ULL << HTTP_PROXY_CONNECTION |
		1ULL << HTTP_PROXY_AUTHORIZATION | 1ULL << HTTP_TE |
		1ULL << HTTP_TRAILER | 1ULL << HTTP_TRANSFER_ENCODING |
		1ULL << HTTP_UPGRADE | 1ULL << HTTP_CONTENT_LENGTH |
		1ULL << HTTP_AUTHORIZATION;

	_Static_assert(HTTP_NAME_COUNT <= 64, "a bit for each name");
	if (h->id != HTTP_OTHER && (ids >> h->id & 1) != 0)
		return true;
	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *c = &head->headers[i];

		if (c->id == HTTP_CONNECTION &&
		    http_has_token(c->value, h->name))
			return true;
	}
	return false;
}

static bool is_one_of(const struct str *names, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++) {
		struct str n = names[i];

		/* A last '-' stands for all that begin so. */
		if (str_ends(n, STR("-"))
			    ? str_eq_nocase(str_take(name, n.len), n)
			    : str_eq_nocase(name, n))
			return true;
	}
	return false;
}

/* For quipu: credentials, or what recordings do; or for another upstream. */
static bool is_private(struct str name)
{
	static const struct str names[] = {
		STR_INIT("cookie"),         STR_INIT("cookie2"),
		STR_INIT("x-ogx-"),         STR_INIT("x-llamastack-"),
		STR_INIT("x-quipu-"),       STR_INIT("x-api-key"),
		STR_INIT("x-goog-api-key"), STR_INIT("x-amz-security-token"),
		STR_INIT("x-amz-date"),     STR_INIT("x-amz-content-sha256"),
		STR_INIT("x-replay-"),      STR_INIT("x-cassette-name"),
		STR_INIT("x-test-id"),      STR_INIT("x-recording-id"),
		STR_INIT("test-name"),
	};

	return is_one_of(names, countof(names), name);
}

struct http_header *forward_head_request(const struct http_head *head,
					 struct arena *a, size_t *out_count)
{
	struct http_header *out =
		arena_alloc(a, (head->header_count + 1) * sizeof(*out));
	size_t n = 0;

	for (size_t i = 0; i < head->header_count; i++) {
		const struct http_header *h = &head->headers[i];

		if (h->id == HTTP_HOST || h->id == HTTP_EXPECT ||
		    h->id == HTTP_API_KEY || is_hop(head, h) ||
		    is_private(h->name))
			continue;
		out[n++] = *h;
	}
	*out_count = n;
	return out;
}

bool forward_head_passes(const struct http_head *head,
			 const struct http_header *h)
{
	/* alt-svc speaks of the upstream's host as if it were this one. */
	static const struct str names[] = {
		STR_INIT("set-cookie"),
		STR_INIT("set-cookie2"),
		STR_INIT("x-ogx-"),
		STR_INIT("x-llamastack-"),
		STR_INIT("x-quipu-"),
		STR_INIT("proxy-authenticate"),
		STR_INIT("proxy-authentication-info"),
		STR_INIT("alt-svc"),
	};

	/* The answer gets a date of its own. */
	return h->id != HTTP_DATE && !is_hop(head, h) &&
	       !is_one_of(names, countof(names), h->name);
}

struct http_header *forward_head_merge(const struct http_header *ours,
				       size_t our_count,
				       const struct http_header *theirs,
				       size_t *count, struct arena *a)
{
	struct http_header *out =
		arena_alloc(a, (our_count + *count + 1) * sizeof(*out));
	size_t n = 0;

	for (; n < our_count; n++)
		out[n] = ours[n];
	for (size_t i = 0; i < *count; i++) {
		bool has = false;

		for (size_t j = 0; j < our_count && !has; j++)
			has = str_eq_nocase(ours[j].name, theirs[i].name);
		if (!has)
			out[n++] = theirs[i];
	}
	*count = n;
	return out;
}
