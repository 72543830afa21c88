/*
 * write - the head of an HTTP/1.1 message, made.
 *
 *	struct http_writer w = { .out = &buf };
 *
 *	http_write_status(&w, 200);
 *	http_write_header(&w, STR("content-type"), STR("application/json"));
 *	http_write_number(&w, STR("content-length"), body.len);
 *	r = http_write_end(&w);
 *
 * Errors are kept until http_write_end(): -EMSGSIZE when the buffer's limit was
 * passed, -EINVAL when a name or value had a byte that may not be sent (CR, LF,
 * NUL, or not a token), so that nothing can be smuggled into a head.  What the
 * buffer holds after an error must not be sent.
 */
#ifndef HTTP_WRITE_H
#define HTTP_WRITE_H

#include "base/buf.h"
#include "http/reason.h"

struct http_writer {
	struct buf *out;
	int error;
};

void http_write_request(struct http_writer *w, struct str method,
			struct str target);
/* The reason phrase follows from the status. */
void http_write_status(struct http_writer *w, int status);
void http_write_header(struct http_writer *w, struct str name,
		       struct str value);
void http_write_number(struct http_writer *w, struct str name, uint64_t n);
must_check int http_write_end(struct http_writer *w);

#endif
