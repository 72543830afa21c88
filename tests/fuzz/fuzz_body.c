/*
 * An answer's body, framed and coded as its first two bytes say: where reads
 * end changes neither what comes out nor whether it is whole, and what came out
 * before an error is the beginning of what would have come.
 */
#include "net/body.h"

#include "tests/fuzz/require.h"

enum {
	IN_MAX = 1 << 16,
	OUT_MAX = 1 << 18,
	ROOM = 1000
};

struct result {
	int r;
	bool ended, extra;
	struct buf out;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void start(struct body *b, uint8_t how, uint8_t length)
{
	static const enum http_framing framings[] = {
		HTTP_BODY_LENGTH,
		HTTP_BODY_CHUNKED,
		HTTP_BODY_UNTIL_CLOSE,
		HTTP_BODY_NONE,
	};
	static const enum inflate_coding codings[] = {
		INFLATE_NONE,
		INFLATE_GZIP,
		INFLATE_DEFLATE,
		INFLATE_ZSTD,
	};
	enum inflate_coding coding = codings[how / 4 % 4];
	struct http_head head = {
		.framing = framings[how % 4],
		.content_length = length,
	};

	body_start(b, &head,
		   coding == INFLATE_NONE ? NULL
					  : inflate_new(coding, OUT_MAX));
}

static int take_all(struct body *b, struct buf *out)
{
	char room[ROOM];
	struct str data;
	int r;

	while (body_is_ready(b)) {
		r = body_take(b, (struct body_room){ room, ROOM }, &data);
		if (r < 0)
			return r;
		if (data.len == 0)
			break;
		require(buf_add(out, data) == 0);
	}
	return 0;
}

/* Each read is a block of its own, so that a sanitizer sees its ends. */
static int feed(struct body *b, struct str piece, struct buf *out)
{
	char *block = xmalloc(piece.len);
	int r;

	memcpy(block, piece.ptr, piece.len);
	r = body_feed(b, block, piece.len);
	if (r == 0)
		r = take_all(b, out);
	free(block);
	return r;
}

static void run(const uint8_t *data, struct str in, size_t step,
		struct result *res)
{
	struct body b;

	*res = (struct result){ 0 };
	buf_init(&res->out, OUT_MAX);
	start(&b, data[0], data[1]);
	while (res->r == 0 && in.len > 0) {
		struct str piece = str_take(in, step);

		in = str_drop(in, piece.len);
		res->r = feed(&b, piece, &res->out);
	}
	if (res->r == 0)
		res->r = body_end(&b);
	if (res->r == 0)
		res->r = take_all(&b, &res->out);
	require(res->r < 0 || b.ended);
	res->ended = b.ended;
	res->extra = b.extra > 0;
	body_fini(&b);
}

static void check_same(const struct result *a, const struct result *b)
{
	struct str x = buf_str(&a->out), y = buf_str(&b->out);

	require((a->r < 0) == (b->r < 0));
	if (a->r == 0) {
		require(str_eq(x, y));
		require(a->extra == b->extra);
	} else {
		require(str_starts(x, y) || str_starts(y, x));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct result whole, bytes, sevens;
	struct str in;

	if (len < 2 || len > IN_MAX)
		return 0;
	in = (struct str){ (const char *)data + 2, len - 2 };
	run(data, in, in.len + 1, &whole);
	run(data, in, 1, &bytes);
	run(data, in, 7, &sevens);
	check_same(&whole, &bytes);
	check_same(&whole, &sevens);
	buf_fini(&whole.out);
	buf_fini(&bytes.out);
	buf_fini(&sevens.out);
	return 0;
}
