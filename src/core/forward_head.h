/*
 * forward_head - which fields of a request or an answer are passed on.
 *
 * Left out are those of the connection (RFC 9110 section 7.6.1), those whose
 * meaning is bound to this server's name, and what one side is not to learn of
 * the other: credentials, cookies, quipu's own fields.
 */
#ifndef CORE_FORWARD_HEAD_H
#define CORE_FORWARD_HEAD_H

#include "http/head.h"

/* The client's fields that go upstream, in a. */
struct http_header *forward_head_request(const struct http_head *head,
					 struct arena *a, size_t *out_count);

/* Does this field of an upstream's answer go to the client? */
bool forward_head_passes(const struct http_head *head,
			 const struct http_header *h);

/* ours, and those of theirs whose name is not among them, in a. */
struct http_header *forward_head_merge(const struct http_header *ours,
				       size_t our_count,
				       const struct http_header *theirs,
				       size_t *count, struct arena *a);

#endif
