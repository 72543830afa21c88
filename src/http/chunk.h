/*
 * chunk - the chunked transfer coding (RFC 9112 section 7.1), both ways.
 *
 *	struct chunk_decoder d = { 0 };
 *
 *	while (in.len > 0 || ...) {
 *		r = chunk_next(&d, &in, &data);	in moves on
 *		if (r == CHUNK_DATA) use(data);	a slice of in
 *		if (r == CHUNK_END) break;	what is left of in is not ours
 *		if (r == CHUNK_MORE) fetch more bytes
 *	}
 *
 * Strict: CR LF only, sizes of at most 16 hex digits and 2^62, extensions and
 * trailers are bounded (trailers are checked and dropped).
 */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include "base/str.h"

enum {
	CHUNK_LINE_MAX = 4096,
	CHUNK_TRAILERS_MAX = 16 * 1024,
	/* Extensions may not outweigh the data by more than this. */
	CHUNK_WASTE_MAX = 16 * 1024
};
enum {
	CHUNK_MORE = 1,
	CHUNK_DATA = 2,
	CHUNK_END = 3
};

struct chunk_decoder {
	uint64_t left;   /* bytes of data still to come in this chunk */
	size_t line;     /* bytes of the current line so far */
	size_t trailers; /* bytes of trailers so far */
	uint64_t waste;  /* bytes of extensions less bytes of data */
	uint8_t state;   /* private */
	uint8_t digits;
};

/*
 * Returns one of the above, or -EPROTO (err_text() says what).  Bytes are taken
 * from *in, also with CHUNK_MORE.  data may be split anywhere.
 */
must_check int chunk_next(struct chunk_decoder *d, struct str *in,
			  struct str *data);

enum {
	CHUNK_HEAD_MAX = 20
};

/* "1a4\r\n": what stands before len > 0 bytes and their "\r\n". */
struct str chunk_head(uint64_t len, char out[CHUNK_HEAD_MAX]);

#define CHUNK_LAST STR("0\r\n\r\n")

#endif
