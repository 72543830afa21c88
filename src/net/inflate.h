/*
 * inflate - gzip, deflate and zstd bodies undone, as their bytes come.
 *
 *	z = inflate_new(INFLATE_GZIP, max);
 *	while ((r = inflate_next(z, &in, out, sizeof(out), &n)) >= 0) {
 *		use(out, n);
 *		if (n == 0 && in.len == 0)
 *			in = more();	(inflate_is_done() at the end of bytes)
 *	}
 *	inflate_free(z);
 *
 * What comes out never exceeds max bytes, so that a small body cannot fill the
 * memory.  Several gzip members or zstd frames in a row are one body.  A zstd
 * window is at most 8 MB (RFC 8878 section 3.1.1.1.2).
 */
#ifndef NET_INFLATE_H
#define NET_INFLATE_H

#include "base/buf.h"

struct inflate;

enum inflate_coding {
	INFLATE_NONE, /* "identity", or nothing said */
	INFLATE_GZIP,
	INFLATE_DEFLATE, /* zlib's format, or bare as some send it */
	INFLATE_ZSTD,
	INFLATE_UNKNOWN, /* another coding, or a list of several */
};

/* The coding that a Content-Encoding value names. */
enum inflate_coding inflate_coding_find(struct str content_encoding);

/* coding is one of the three that compress. */
struct inflate *inflate_new(enum inflate_coding coding, uint64_t max);

/* z may be NULL. */
void inflate_free(struct inflate *z);

/*
 * Take bytes from *in and put at most cap (> 0) bytes into out.  Returns 0 with
 * *out_n set, which is 0 only when all of *in was taken; -EPROTO when the bytes
 * are damaged or go on after the end; -EMSGSIZE when more than max came out.
 */
must_check int inflate_next(struct inflate *z, struct str *in, char *out,
			    size_t cap, size_t *out_n);

/* May the body end here: nothing was fed, or all members are whole. */
bool inflate_is_done(const struct inflate *z);

/*
 * A whole body at once, appended to out, whose limit counts.  Returns 0,
 * -EPROTO when it is damaged or cut short, or -EMSGSIZE.
 */
must_check int inflate_all(enum inflate_coding coding, struct str in,
			   struct buf *out);

#endif
