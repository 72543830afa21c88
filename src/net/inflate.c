#include "net/inflate.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include "base/err.h"

enum {
	/* A frame may ask for more: RFC 8878 lets a decoder refuse above 8 MB. */
	WINDOW_LOG_MAX = 23,
	STEP = 16 * 1024
};

struct inflate {
	enum inflate_coding coding;
	uint64_t left; /* bytes that may still come out */
	bool begun;    /* bytes of the body were seen */
	bool whole;    /* the last member or frame has ended */
	bool z_ready;  /* z is initialised */
	z_stream z;
	ZSTD_DCtx *zstd; /* owned */
};

enum inflate_coding inflate_coding_find(struct str content_encoding)
{
	static const struct {
		struct str name;
		enum inflate_coding coding;
	} codings[] = {
		{ STR_INIT(""), INFLATE_NONE },
		{ STR_INIT("identity"), INFLATE_NONE },
		{ STR_INIT("gzip"), INFLATE_GZIP },
		{ STR_INIT("x-gzip"), INFLATE_GZIP },
		{ STR_INIT("deflate"), INFLATE_DEFLATE },
		{ STR_INIT("zstd"), INFLATE_ZSTD },
	};
	struct str name = str_trim(content_encoding);

	for (size_t i = 0; i < countof(codings); i++) {
		if (str_eq_nocase(name, codings[i].name))
			return codings[i].coding;
	}
	return INFLATE_UNKNOWN;
}

struct inflate *inflate_new(enum inflate_coding coding, uint64_t max)
{
	struct inflate *z = xcalloc(1, sizeof(*z));

	assert(coding == INFLATE_GZIP || coding == INFLATE_DEFLATE ||
	       coding == INFLATE_ZSTD);

	z->coding = coding;
	z->left = max;
	if (coding == INFLATE_ZSTD) {
		size_t r;

		z->zstd = ZSTD_createDCtx();
		if (z->zstd == NULL)
			abort();
		r = ZSTD_DCtx_setParameter(z->zstd, ZSTD_d_windowLogMax,
					   WINDOW_LOG_MAX);
		assert(!ZSTD_isError(r));
	}
	return z;
}

void inflate_free(struct inflate *z)
{
	if (z == NULL)
		return;
	if (z->z_ready)
		(void)inflateEnd(&z->z);
	ZSTD_freeDCtx(z->zstd);
	free(z);
}

/*
 * "deflate" means zlib's format (RFC 9110 section 8.4.1.2), but some servers
 * send the bare stream.  A bare stream that begins like zlib's would be a
 * stored block with a padding bit set, which no encoder makes.
 */
static int window_bits(enum inflate_coding coding, uint8_t first)
{
	if (coding == INFLATE_GZIP)
		return MAX_WBITS + 16;
	return (first & 0x0f) == Z_DEFLATED && first >> 4 <= 7 ? MAX_WBITS
							       : -MAX_WBITS;
}

static void zlib_start(struct inflate *z, uint8_t first)
{
	int r;

	if (z->z_ready)
		return;
	r = inflateInit2(&z->z, window_bits(z->coding, first));
	if (r != Z_OK)
		abort();
	z->z_ready = true;
}

/* After a gzip member another may follow; after a deflate body nothing may. */
static int zlib_go_on(struct inflate *z)
{
	int r;

	if (z->coding != INFLATE_GZIP)
		return err_new(-EPROTO, "deflate: bytes after the end");
	r = inflateReset(&z->z);
	assert(r == Z_OK);
	return 0;
}

static int zlib_step(struct inflate *z, struct str *in, char *out, size_t cap,
		     size_t *out_n)
{
	size_t in_n = in->len < UINT32_MAX ? in->len : UINT32_MAX;
	size_t out_max = cap < UINT32_MAX ? cap : UINT32_MAX;
	int r;

	if (in_n > 0)
		zlib_start(z, (uint8_t)in->ptr[0]);
	if (!z->z_ready || (z->whole && in_n == 0))
		return 0;
	if (z->whole) {
		r = zlib_go_on(z);
		if (r < 0)
			return r;
	}
	z->z.next_in = (z_const Bytef *)in->ptr;
	z->z.avail_in = (uInt)in_n;
	z->z.next_out = (Bytef *)out;
	z->z.avail_out = (uInt)out_max;
	r = inflate(&z->z, Z_NO_FLUSH);
	*in = str_drop(*in, in_n - z->z.avail_in);
	*out_n = out_max - z->z.avail_out;
	z->whole = r == Z_STREAM_END;
	if (r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR)
		return 0;
	return err_new(-EPROTO, "%s: %s",
		       z->coding == INFLATE_GZIP ? "gzip" : "deflate",
		       z->z.msg != NULL ? z->z.msg : "damaged");
}

static int zstd_step(struct inflate *z, struct str *in, void *out, size_t cap,
		     size_t *out_n)
{
	ZSTD_inBuffer from = { in->ptr, in->len, 0 };
	ZSTD_outBuffer to = { .dst = out, .size = cap };
	size_t r;

	if (z->whole && in->len == 0)
		return 0;
	r = ZSTD_decompressStream(z->zstd, &to, &from);
	if (ZSTD_isError(r))
		return err_new(-EPROTO, "zstd: %s", ZSTD_getErrorName(r));
	*in = str_drop(*in, from.pos);
	*out_n = to.pos;
	z->whole = r == 0;
	return 0;
}

int inflate_next(struct inflate *z, struct str *in, char *out, size_t cap,
		 size_t *out_n)
{
	size_t n = 0;

	assert(cap > 0);

	/* A turn may bring nothing: a header, or the end of a member. */
	for (;;) {
		size_t before = in->len;
		int r = z->coding == INFLATE_ZSTD
				? zstd_step(z, in, out, cap, &n)
				: zlib_step(z, in, out, cap, &n);

		if (r < 0)
			return r;
		z->begun = z->begun || before > 0;
		if (n > 0 || in->len == 0)
			break;
		if (in->len == before && !z->whole)
			return err_new(-EPROTO, "inflate: no progress");
	}
	if (n > z->left)
		return err_new(-EMSGSIZE, "the inflated body is too large");
	z->left -= n;
	*out_n = n;
	return 0;
}

bool inflate_is_done(const struct inflate *z)
{
	return !z->begun || z->whole;
}

static int inflate_into(struct inflate *z, struct str in, struct buf *out)
{
	size_t n = 0;
	int r;

	do {
		/* One byte of room beyond the limit tells it was passed. */
		size_t room =
			out->max - out->len < STEP ? out->max - out->len : STEP;
		char one;

		r = buf_reserve(out, room);
		if (r < 0)
			return r;
		r = inflate_next(z, &in, room > 0 ? out->ptr + out->len : &one,
				 room > 0 ? room : 1, &n);
		if (r < 0)
			return r;
		out->len += n;
	} while (n > 0 || in.len > 0);
	return inflate_is_done(z)
		       ? 0
		       : err_new(-EPROTO, "the compressed body is cut short");
}

int inflate_all(enum inflate_coding coding, struct str in, struct buf *out)
{
	struct inflate *z = inflate_new(coding, out->max - out->len);
	int r = inflate_into(z, in, out);

	inflate_free(z);
	return r;
}
