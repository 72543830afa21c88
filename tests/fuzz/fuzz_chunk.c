/*
 * A chunked body: where the pieces end changes nothing, nothing after its end
 * is taken, and data that is put into chunks comes out again.  llhttp finds the
 * same data and the same end.
 */
#include "base/buf.h"
#include "http/chunk.h"

#include "tests/fuzz/require.h"

enum {
	OUT_MAX = 1 << 20
};

struct result {
	int r;
	size_t taken; /* means nothing after a refusal */
	struct buf out;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void decode(struct str all, size_t step, struct result *res)
{
	struct chunk_decoder d = { 0 };
	struct str data;

	*res = (struct result){ .r = CHUNK_MORE };
	buf_init(&res->out, OUT_MAX);
	while (res->r == CHUNK_MORE && res->taken < all.len) {
		struct str piece = str_take(str_drop(all, res->taken), step);
		size_t len = piece.len;

		while ((res->r = chunk_next(&d, &piece, &data)) == CHUNK_DATA) {
			require(data.len > 0);
			require(buf_add(&res->out, data) == 0);
		}
		require(res->r != CHUNK_MORE || piece.len == 0);
		res->taken += len - piece.len;
	}
	if (res->r == CHUNK_END)
		require(chunk_next(&d, &data, &data) == CHUNK_END);
}

#if __has_include(<llhttp/llhttp.h>)
#include <llhttp/llhttp.h>

static int take_body(llhttp_t *p, const char *at, size_t len)
{
	struct buf *out = p->data;

	require(buf_add(out, (struct str){ at, len }) == 0);
	return 0;
}

static int stop_at_end(llhttp_t *p)
{
	(void)p;
	return HPE_PAUSED;
}

/*
 * llhttp refuses some extensions that the grammar has, and takes a header in a
 * trailer for one of the head's: neither is compared.
 */
static bool is_comparable(struct str all)
{
	size_t end = str_find(all, STR("0\r\n"));

	return str_find(all, STR(";")) == all.len &&
	       str_find(str_drop(all, end), STR(":")) + end >= all.len;
}

static void ask_llhttp(struct str all, const struct result *res)
{
	struct str head = STR("POST / HTTP/1.1\r\nhost: a\r\n"
			      "transfer-encoding: chunked\r\n\r\n");
	llhttp_settings_t settings;
	llhttp_t p;
	struct buf out;
	llhttp_errno_t e;

	if (res->r != CHUNK_END || !is_comparable(str_take(all, res->taken)))
		return;
	buf_init(&out, OUT_MAX);
	llhttp_settings_init(&settings);
	settings.on_body = take_body;
	settings.on_message_complete = stop_at_end;
	llhttp_init(&p, HTTP_REQUEST, &settings);
	p.data = &out;
	require(llhttp_execute(&p, head.ptr, head.len) == HPE_OK);
	e = llhttp_execute(&p, all.ptr, all.len);
	if (e != HPE_PAUSED)
		explain("llhttp: %s\n", llhttp_get_error_reason(&p));
	require(e == HPE_PAUSED);
	require(llhttp_get_error_pos(&p) == all.ptr + res->taken);
	require(str_eq(buf_str(&out), buf_str(&res->out)));
	buf_fini(&out);
}
#else
static void ask_llhttp(struct str all, const struct result *res)
{
	(void)all;
	(void)res;
}
#endif

static void check_same(const struct result *a, const struct result *b)
{
	require(a->r == b->r);
	require(str_eq(buf_str(&a->out), buf_str(&b->out)));
	require(a->r < 0 || a->taken == b->taken);
}

/* The input as data, in chunks whose sizes its own bytes choose. */
static void check_round_trip(struct str all)
{
	struct buf coded;
	struct result res;
	char head[CHUNK_HEAD_MAX];
	struct str rest = all;

	buf_init(&coded, OUT_MAX);
	while (rest.len > 0) {
		size_t n = 1 + (uint8_t)rest.ptr[0];
		struct str part = str_take(rest, n);

		require(buf_add(&coded, chunk_head(part.len, head)) == 0);
		require(buf_add(&coded, part) == 0);
		require(buf_add(&coded, STR("\r\n")) == 0);
		rest = str_drop(rest, n);
	}
	require(buf_add(&coded, CHUNK_LAST) == 0);
	decode(buf_str(&coded), coded.len, &res);
	require(res.r == CHUNK_END && res.taken == coded.len);
	require(str_eq(buf_str(&res.out), all));
	buf_fini(&coded);
	buf_fini(&res.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len };
	struct result whole, bytes, thirds;

	if (len > OUT_MAX / 8)
		return 0;
	decode(all, len, &whole);
	decode(all, 1, &bytes);
	decode(all, 3, &thirds);
	check_same(&whole, &bytes);
	check_same(&whole, &thirds);
	ask_llhttp(all, &whole);
	buf_fini(&whole.out);
	buf_fini(&bytes.out);
	buf_fini(&thirds.out);
	check_round_trip(all);
	return 0;
}
