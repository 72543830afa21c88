/*
 * head - the head of an HTTP/1.1 message: start line and fields.
 *
 *	n = http_head_end(bytes, &scan);	(0: more bytes are needed)
 *	r = http_parse_request(str_take(bytes, n), &arena, &head, &fault);
 *
 * Strict on purpose, so that no two parties can disagree on where a message
 * ends (RFC 9112 sections 2 to 7, RFC 9110 section 5): bare LF, bare CR, obs-fold,
 * space before the colon, both Content-Length and Transfer-Encoding, a repeated
 * or malformed Content-Length, an unknown transfer coding, or "chunked" that is
 * not last are refused.  All slices point into the bytes that were parsed.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/arena.h"
#include "http/name.h"

enum {
	HTTP_HEAD_MAX = 32 * 1024,
	HTTP_TARGET_MAX = 8 * 1024,
	HTTP_HEADERS_MAX = 100
};

enum http_framing {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_UNTIL_CLOSE, /* responses only */
};

struct http_header {
	enum http_name id; /* HTTP_OTHER when not in the table */
	struct str name;   /* as received */
	struct str value;  /* without white space around it */
};

struct http_head {
	struct str method; /* requests */
	struct str target;
	int status; /* responses */
	struct str reason;
	int minor; /* 0 or 1: HTTP/1.x */
	struct http_header *headers;
	size_t header_count;
	enum http_framing framing;
	uint64_t content_length; /* as announced, also in answer to HEAD */
	bool keep_alive;         /* the connection may be used again after */
	bool expect_continue;    /* requests, when a body follows */
};

/* What is wrong, for the peer. */
struct http_fault {
	int status; /* 400, 413, 414, 431, 501, 505 */
	char text[120];
};

/*
 * The length of the head including its blank line, or 0 when more bytes are
 * needed.  *scan starts at 0 and remembers what was looked at, so that bytes
 * that trickle in are looked at once.  An empty line that ends in a bare LF ends
 * the head, too: parsing then refuses it.
 */
size_t http_head_end(struct str bytes, size_t *scan);

/* head is all of the head's bytes.  Return 0, or HTTP_BAD with *fault set. */
enum {
	HTTP_BAD = 1
};
must_check int http_parse_request(struct str bytes, struct arena *a,
				  struct http_head *head,
				  struct http_fault *fault);

/* request_method: of the request this answers (HEAD and CONNECT differ). */
must_check int http_parse_response(struct str bytes, struct str request_method,
				   struct arena *a, struct http_head *head,
				   struct http_fault *fault);

/*
 * What to say when more bytes than allowed have no end of a head among them:
 * 414 when the first line takes them up, else 431.
 */
void http_fault_too_long(struct str bytes, struct http_fault *fault);

/* The first field of that name, or NULL. */
const struct http_header *http_find(const struct http_head *head,
				    enum http_name id);
const struct http_header *http_find_name(const struct http_head *head,
					 struct str name);

/* The value of the first field of that name, or the empty slice. */
struct str http_value(const struct http_head *head, enum http_name id);

/* Does a comma-separated list (Connection, ...) hold the token? */
bool http_has_token(struct str list, struct str token);

#endif
