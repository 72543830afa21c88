#include "http/chunk.h"

#include "base/err.h"
#include "http/scan.h"

#include <assert.h>
#include <errno.h>

enum {
	DIGITS_MAX = 16
};

#define SIZE_LIMIT (1ULL << 62)

/* What the next byte is.  Zero is where a decoder starts. */
enum {
	AT_SIZE,
	AT_EXTENSION,
	AT_SIZE_LF,
	AT_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
	AT_TRAILER, /* first byte of a trailer line, or of the last line */
	AT_TRAILER_NAME,
	AT_TRAILER_VALUE,
	AT_TRAILER_LF,
	AT_END_LF,
	AT_END,
	AT_ERROR
};

static int refuse(struct chunk_decoder *d, const char *why)
{
	d->state = AT_ERROR;
	return err_new(-EPROTO, "chunked body: %s", why);
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = str_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * A size without digits, with white space around it or with a sign is refused:
 * each has been read in two ways by two parsers before.
 */
static int take_size(struct chunk_decoder *d, char c)
{
	int digit = digit_value(c);

	if (digit >= 0) {
		if (d->digits == DIGITS_MAX)
			return refuse(d, "a size of over 16 digits");
		d->digits++;
		d->left = d->left << 4 | (uint64_t)digit;
		return 0;
	}
	if (d->digits == 0)
		return refuse(d, "a size without digits");
	if (d->left > SIZE_LIMIT)
		return refuse(d, "a size over 2^62");
	if (c != '\r' && c != ';')
		return refuse(d, "a malformed size");
	d->digits = 0;
	d->line = 0;
	d->state = c == '\r' ? AT_SIZE_LF : AT_EXTENSION;
	return 0;
}

/*
 * Extensions mean nothing to us, but a peer may not make us read many of them
 * for little data.
 */
static int take_extension(struct chunk_decoder *d, char c)
{
	if (c == '\r') {
		d->state = AT_SIZE_LF;
		return 0;
	}
	if (!scan_is_value(c))
		return refuse(d, "a control byte in an extension");
	if (++d->line > CHUNK_LINE_MAX || ++d->waste > CHUNK_WASTE_MAX)
		return refuse(d, "the extensions are too long");
	return 0;
}

static int take_size_lf(struct chunk_decoder *d, char c)
{
	if (c != '\n')
		return refuse(d, "a size that does not end in CR LF");
	d->state = d->left > 0 ? AT_DATA : AT_TRAILER;
	d->waste -= d->left < d->waste ? d->left : d->waste;
	return 0;
}

static int take_trailer(struct chunk_decoder *d, char c)
{
	if (++d->trailers > CHUNK_TRAILERS_MAX)
		return refuse(d, "the trailers are too long");
	if (d->state == AT_TRAILER)
		d->line = 0;
	if (++d->line > CHUNK_LINE_MAX)
		return refuse(d, "a trailer is too long");

	if (d->state == AT_TRAILER && c == '\r') {
		d->state = AT_END_LF;
	} else if (d->state == AT_TRAILER_VALUE && c == '\r') {
		d->state = AT_TRAILER_LF;
	} else if (d->state == AT_TRAILER_VALUE) {
		return scan_is_value(c)
			       ? 0
			       : refuse(d, "a control byte in a trailer");
	} else if (d->state == AT_TRAILER_NAME && c == ':') {
		d->state = AT_TRAILER_VALUE;
	} else if (scan_is(c, SCAN_TOKEN)) {
		d->state = AT_TRAILER_NAME;
	} else {
		return refuse(d, "a malformed trailer");
	}
	return 0;
}

/* CR and LF where nothing else may stand. */
static int take_mark(struct chunk_decoder *d, char c)
{
	bool cr = d->state == AT_DATA_CR;

	if (c != (cr ? '\r' : '\n')) {
		return refuse(d,
			      cr || d->state == AT_DATA_LF
				      ? "data that does not end in CR LF"
				      : "a trailer that does not end in CR LF");
	}
	if (cr) {
		d->state = AT_DATA_LF;
	} else if (d->state == AT_DATA_LF) {
		d->state = AT_SIZE;
	} else {
		d->state = d->state == AT_END_LF ? AT_END : AT_TRAILER;
	}
	return 0;
}

static int take_byte(struct chunk_decoder *d, char c)
{
	switch (d->state) {
	case AT_SIZE:
		return take_size(d, c);
	case AT_EXTENSION:
		return take_extension(d, c);
	case AT_SIZE_LF:
		return take_size_lf(d, c);
	case AT_TRAILER:
	case AT_TRAILER_NAME:
	case AT_TRAILER_VALUE:
		return take_trailer(d, c);
	default:
		return take_mark(d, c);
	}
}

static int take_data(struct chunk_decoder *d, struct str *in, struct str *data)
{
	*data = *in;
	if (in->len > d->left)
		data->len = (size_t)d->left;
	*in = str_drop(*in, data->len);
	d->left -= data->len;
	if (d->left == 0)
		d->state = AT_DATA_CR;
	return CHUNK_DATA;
}

int chunk_next(struct chunk_decoder *d, struct str *in, struct str *data)
{
	int r;

	assert(d->state <= AT_ERROR);

	if (d->state == AT_ERROR)
		return refuse(d, "it was refused before");
	while (d->state != AT_END) {
		if (in->len == 0)
			return CHUNK_MORE;
		if (d->state == AT_DATA)
			return take_data(d, in, data);
		r = take_byte(d, in->ptr[0]);
		if (r < 0)
			return r;
		*in = str_drop(*in, 1);
	}
	return CHUNK_END;
}

struct str chunk_head(uint64_t len, char out[CHUNK_HEAD_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t at = CHUNK_HEAD_MAX;

	assert(len > 0);

	out[--at] = '\n';
	out[--at] = '\r';
	for (; len > 0; len >>= 4)
		out[--at] = digits[len & 15];
	return (struct str){ out + at, CHUNK_HEAD_MAX - at };
}
