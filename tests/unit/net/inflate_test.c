#include "net/inflate.h"
#include "tests/unit/table.h"

#include <errno.h>
#include <stdlib.h>

#include <zlib.h>
#include <zstd.h>

/* zlib's names for its four formats are window bits. */
static void pack_zlib(struct str in, int bits, struct buf *out)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(buf_reserve(out, deflateBound(&z, in.len)), 0);
	z.next_in = (Bytef *)(uintptr_t)in.ptr;
	z.avail_in = (uInt)in.len;
	z.next_out = (Bytef *)out->ptr + out->len;
	z.avail_out = (uInt)(out->cap - out->len);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += z.total_out;
	assert_int_equal(deflateEnd(&z), Z_OK);
}

static void pack_zstd(struct str in, struct buf *out)
{
	size_t r;

	assert_int_equal(buf_reserve(out, ZSTD_compressBound(in.len)), 0);
	r = ZSTD_compress(out->ptr + out->len, out->cap - out->len, in.ptr,
			  in.len, 3);
	assert_false(ZSTD_isError(r));
	out->len += r;
}

enum pack {
	GZIP,
	ZLIB,
	BARE,
	ZSTD
};

static void pack(enum pack how, struct str in, struct buf *out)
{
	static const int bits[] = { [GZIP] = 31, [ZLIB] = 15, [BARE] = -15 };

	if (how == ZSTD) {
		pack_zstd(in, out);
	} else {
		pack_zlib(in, bits[how], out);
	}
}

static const struct {
	const char *name;
	enum pack how;
	enum inflate_coding coding;
	bool repeats;
} formats[] = {
	{ "gzip, members in a row", GZIP, INFLATE_GZIP, true },
	{ "deflate in zlib's format", ZLIB, INFLATE_DEFLATE, false },
	{ "deflate without a wrapper", BARE, INFLATE_DEFLATE, false },
	{ "zstd, frames in a row", ZSTD, INFLATE_ZSTD, true },
};

static struct str sample(void)
{
	static char text[5000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + (i * i / 7) % 26);
	return (struct str){ text, sizeof(text) };
}

/* Feed in pieces of step bytes, take out at most cap at a time. */
struct run {
	enum inflate_coding coding;
	size_t step, cap;
	uint64_t max;
	bool done; /* out */
};

static int run(struct run *run, struct str in, struct buf *out)
{
	struct inflate *z = inflate_new(run->coding, run->max);
	int r = 0;

	while (r == 0 && in.len > 0) {
		struct str piece = str_take(in, run->step);
		size_t n = 1;

		in = str_drop(in, piece.len);
		while (r == 0 && (n > 0 || piece.len > 0)) {
			assert_int_equal(buf_reserve(out, run->cap), 0);
			r = inflate_next(z, &piece, out->ptr + out->len,
					 run->cap, &n);
			out->len += r == 0 ? n : 0;
		}
	}
	run->done = inflate_is_done(z);
	inflate_free(z);
	return r;
}

static void undoes_at_every_split(void **state)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 1000, 100000 };
	static const size_t caps[] = { 1, 13, 4096, 20000 };

	(void)state;
	for (size_t i = 0; i < countof(formats); i++) {
		for (size_t j = 0; j < countof(steps) * countof(caps); j++) {
			struct run feed = {
				.coding = formats[i].coding,
				.step = steps[j / countof(caps)],
				.cap = caps[j % countof(caps)],
				.max = 5000,
			};
			struct buf in, out;

			buf_init(&in, 4 << 20);
			buf_init(&out, 1 << 20);
			pack(formats[i].how, sample(), &in);
			check_int(formats[i].name,
				  run(&feed, buf_str(&in), &out), 0);
			check_str(formats[i].name, buf_str(&out), sample());
			check_true(formats[i].name, feed.done);
			buf_fini(&in);
			buf_fini(&out);
		}
	}
}

static void takes_members_in_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(formats); i++) {
		struct run feed = { formats[i].coding, 3, 100, 100, false };
		struct buf in, out;
		int r;

		buf_init(&in, 4 << 20);
		buf_init(&out, 1 << 20);
		pack(formats[i].how, STR("one "), &in);
		pack(formats[i].how, STR(""), &in);
		pack(formats[i].how, STR("two"), &in);
		r = run(&feed, buf_str(&in), &out);
		check_int(formats[i].name, r, formats[i].repeats ? 0 : -EPROTO);
		if (formats[i].repeats) {
			check_str(formats[i].name, buf_str(&out),
				  STR("one two"));
		}
		buf_fini(&in);
		buf_fini(&out);
	}
}

static void keeps_the_limit(void **state)
{
	char *zeros = xcalloc(1, 1 << 20);

	(void)state;
	for (size_t i = 0; i < countof(formats); i++) {
		struct run feed = {
			.coding = formats[i].coding,
			.step = 1000,
			.cap = 4096,
			.max = (1 << 20) - 1,
		};
		struct buf in, out;

		buf_init(&in, 4 << 20);
		buf_init(&out, 2 << 20);
		pack(formats[i].how, (struct str){ zeros, 1 << 20 }, &in);
		check_int(formats[i].name, run(&feed, buf_str(&in), &out),
			  -EMSGSIZE);
		buf_clear(&out);
		feed.max++;
		check_int(formats[i].name, run(&feed, buf_str(&in), &out), 0);
		check_int(formats[i].name, out.len, 1 << 20);
		buf_fini(&out);
		buf_init(&out, (1 << 20) - 1);
		check_int(formats[i].name,
			  inflate_all(formats[i].coding, buf_str(&in), &out),
			  -EMSGSIZE);
		buf_fini(&out);
		buf_init(&out, 1 << 20);
		check_int(formats[i].name,
			  inflate_all(formats[i].coding, buf_str(&in), &out),
			  0);
		check_int(formats[i].name, out.len, 1 << 20);
		buf_fini(&in);
		buf_fini(&out);
	}
	free(zeros);
}

static void tells_cut_and_damaged_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(formats); i++) {
		struct buf in, out;

		buf_init(&in, 4 << 20);
		buf_init(&out, 1 << 20);
		pack(formats[i].how, sample(), &in);
		for (size_t n = 1; n < in.len; n += 1 + n / 4) {
			buf_clear(&out);
			check_int(formats[i].name,
				  inflate_all(formats[i].coding,
					      str_take(buf_str(&in), n), &out),
				  -EPROTO);
		}
		buf_clear(&out);
		check_int("nothing at all",
			  inflate_all(formats[i].coding, STR(""), &out), 0);
		check_int("not compressed",
			  inflate_all(formats[i].coding, STR("\xff\xff plain"),
				      &out),
			  -EPROTO);
		buf_fini(&in);
		buf_fini(&out);
	}
}

static void finds_the_coding(void **state)
{
	static const struct {
		struct str value;
		enum inflate_coding want;
	} rows[] = {
		{ STR_INIT(""), INFLATE_NONE },
		{ STR_INIT("identity"), INFLATE_NONE },
		{ STR_INIT("GZip"), INFLATE_GZIP },
		{ STR_INIT(" x-gzip "), INFLATE_GZIP },
		{ STR_INIT("deflate"), INFLATE_DEFLATE },
		{ STR_INIT("zstd"), INFLATE_ZSTD },
		{ STR_INIT("br"), INFLATE_UNKNOWN },
		{ STR_INIT("gzip, gzip"), INFLATE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		check_int(rows[i].value.ptr, inflate_coding_find(rows[i].value),
			  rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(undoes_at_every_split),
		cmocka_unit_test(takes_members_in_a_row),
		cmocka_unit_test(keeps_the_limit),
		cmocka_unit_test(tells_cut_and_damaged_bodies),
		cmocka_unit_test(finds_the_coding),
	};

	return cmocka_run_group_tests_name("inflate", tests, NULL, NULL);
}
