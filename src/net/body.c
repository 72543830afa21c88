#include "net/body.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/err.h"

void body_start(struct body *b, const struct http_head *head, struct inflate *z)
{
	uint64_t length =
		head->framing == HTTP_BODY_LENGTH ? head->content_length : 0;

	*b = (struct body){
		.framing = head->framing,
		.length = length,
		.left = length,
		.z = z,
	};
	b->ended = head->framing == HTTP_BODY_NONE ||
		   (head->framing == HTTP_BODY_LENGTH && length == 0);
}

void body_fini(struct body *b)
{
	inflate_free(b->z);
	b->z = NULL;
}

static void feed_length(struct body *b, const char *ptr, size_t len)
{
	size_t n = len < b->left ? len : (size_t)b->left;

	b->content = (struct str){ ptr, n };
	b->left -= n;
	b->ended = b->left == 0;
	b->extra = len - n;
}

static int feed_chunks(struct body *b, char *ptr, size_t len)
{
	struct str in = { ptr, len }, data;
	size_t start = 0, n = 0;
	int r;

	for (;;) {
		r = chunk_next(&b->chunks, &in, &data);
		if (r < 0)
			return err_up(r);
		if (r != CHUNK_DATA)
			break;
		if (n == 0) {
			start = (size_t)(data.ptr - ptr);
		} else {
			memmove(ptr + start + n, data.ptr, data.len);
		}
		n += data.len;
	}
	b->content = (struct str){ ptr + start, n };
	b->ended = r == CHUNK_END;
	b->extra = in.len;
	return 0;
}

int body_feed(struct body *b, char *ptr, size_t len)
{
	assert(b->content.len == 0);

	if (b->ended) {
		b->extra += len;
		return 0;
	}
	if (b->framing == HTTP_BODY_CHUNKED)
		return feed_chunks(b, ptr, len);
	if (b->framing == HTTP_BODY_LENGTH) {
		feed_length(b, ptr, len);
	} else {
		b->content = (struct str){ ptr, len };
	}
	return 0;
}

int body_end(struct body *b)
{
	if (b->ended)
		return 0;
	if (b->framing == HTTP_BODY_LENGTH) {
		return err_new(-ECONNRESET,
			       "the body was cut at %" PRIu64 " of %" PRIu64
			       " bytes",
			       b->length - b->left, b->length);
	}
	if (b->framing == HTTP_BODY_CHUNKED) {
		return err_new(-ECONNRESET,
			       "the body was cut before its last chunk");
	}
	b->ended = true;
	return 0;
}

bool body_is_ready(const struct body *b)
{
	return b->ended || b->content.len > 0 || b->pending;
}

int body_take(struct body *b, struct body_room room, struct str *data)
{
	size_t n = 0;
	int r;

	if (b->z == NULL) {
		*data = b->content;
		b->content = STR_NULL;
		return 0;
	}
	if (b->content.len > 0 || b->pending) {
		r = inflate_next(b->z, &b->content, room.ptr, room.cap, &n);
		if (r < 0)
			return err_up(r);
		/* Both libraries fill the room before they stop. */
		b->pending = n == room.cap;
	}
	*data = (struct str){ room.ptr, n };
	if (n > 0 || !b->ended || inflate_is_done(b->z))
		return 0;
	return err_new(b->framing == HTTP_BODY_UNTIL_CLOSE ? -ECONNRESET
							   : -EPROTO,
		       "the compressed body is cut short");
}
