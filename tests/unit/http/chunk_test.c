#include "base/buf.h"
#include "base/err.h"
#include "http/chunk.h"

#include "tests/unit/table.h"

#include <errno.h>

/* Feed all in pieces of step bytes.  Returns the last result. */
static int decode(struct str all, size_t step, struct buf *out, size_t *left)
{
	struct chunk_decoder d = { 0 };
	struct str data, piece;
	int r = CHUNK_MORE;

	buf_clear(out);
	for (size_t at = 0; at < all.len; at += step) {
		piece = str_take(str_drop(all, at), step);
		while ((r = chunk_next(&d, &piece, &data)) == CHUNK_DATA)
			assert_int_equal(buf_add(out, data), 0);
		if (r == CHUNK_MORE)
			assert_int_equal(piece.len, 0);
		*left = all.len - at - step + piece.len;
		if (at + step > all.len)
			*left = piece.len;
		if (r != CHUNK_MORE)
			break;
	}
	return r;
}

static void bodies_are_read_at_every_split(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		int want;
		const char *data;
		size_t left;
	} cases[] = {
		{ "nothing", STR_INIT("0\r\n\r\n"), CHUNK_END, "", 0 },
		{ "one chunk", STR_INIT("3\r\nabc\r\n0\r\n\r\n"), CHUNK_END,
		  "abc", 0 },
		{ "two chunks", STR_INIT("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
		  CHUNK_END, "abcde", 0 },
		{ "what follows is left alone",
		  STR_INIT("1\r\na\r\n0\r\n\r\nGET /"), CHUNK_END, "a", 5 },
		{ "a size in lower case",
		  STR_INIT("a\r\n0123456789\r\n0\r\n\r\n"), CHUNK_END,
		  "0123456789", 0 },
		{ "the largest decimal digit",
		  STR_INIT("9\r\n012345678\r\n0\r\n\r\n"), CHUNK_END,
		  "012345678", 0 },
		{ "a size in upper case",
		  STR_INIT("F\r\n0123456789abcde\r\n0\r\n\r\n"), CHUNK_END,
		  "0123456789abcde", 0 },
		{ "a size of two digits",
		  STR_INIT("11\r\n0123456789abcdefg\r\n0\r\n\r\n"), CHUNK_END,
		  "0123456789abcdefg", 0 },
		{ "sixteen digits",
		  STR_INIT("0000000000000001\r\na\r\n0000000000000000\r\n\r\n"),
		  CHUNK_END, "a", 0 },
		{ "data that looks like marks",
		  STR_INIT("7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"), CHUNK_END,
		  "\r\n0\r\n\r\n", 0 },
		{ "extensions",
		  STR_INIT("1;a=\"b\";\tc\xe9\r\nx\r\n0;last\r\n\r\n"),
		  CHUNK_END, "x", 0 },
		{ "trailers", STR_INIT("0\r\na: b\r\nc:\td\xff\r\ne:\r\n\r\n!"),
		  CHUNK_END, "", 1 },
		{ "not at the end yet", STR_INIT("3\r\nab"), CHUNK_MORE, "ab",
		  0 },
		{ "one LF is missing", STR_INIT("1\r\na\r\n0\r\n\r"),
		  CHUNK_MORE, "a", 0 },
		{ "the largest size", STR_INIT("4000000000000000\r\nab"),
		  CHUNK_MORE, "ab", 0 },
		{ "a larger size", STR_INIT("4000000000000001\r\nab"), -EPROTO,
		  "", 0 },
		{ "the largest number", STR_INIT("ffffffffffffffff\r\nab"),
		  -EPROTO, "", 0 },
		{ "seventeen digits", STR_INIT("00000000000000001\r\na"),
		  -EPROTO, "", 0 },
		{ "no digits", STR_INIT("\r\n"), -EPROTO, "", 0 },
		{ "only an extension", STR_INIT(";a\r\n"), -EPROTO, "", 0 },
		{ "a sign", STR_INIT("+1\r\na"), -EPROTO, "", 0 },
		{ "a minus sign", STR_INIT("-1\r\na"), -EPROTO, "", 0 },
		{ "0x", STR_INIT("0x1\r\na"), -EPROTO, "", 0 },
		{ "a letter too far", STR_INIT("g\r\na"), -EPROTO, "", 0 },
		{ "the byte before a digit", STR_INIT("1/\r\na"), -EPROTO, "",
		  0 },
		{ "the byte after a digit", STR_INIT("1:\r\na"), -EPROTO, "",
		  0 },
		{ "the byte before a letter", STR_INIT("1`\r\na"), -EPROTO, "",
		  0 },
		{ "a space before", STR_INIT(" 1\r\na"), -EPROTO, "", 0 },
		{ "a space after", STR_INIT("1 \r\na"), -EPROTO, "", 0 },
		{ "bare LF after the size", STR_INIT("1\na"), -EPROTO, "", 0 },
		{ "bare CR after the size", STR_INIT("1\ra"), -EPROTO, "", 0 },
		{ "bare LF in an extension", STR_INIT("1;a\nb\r\nx"), -EPROTO,
		  "", 0 },
		{ "bare CR in an extension", STR_INIT("1;a\rb\r\nx"), -EPROTO,
		  "", 0 },
		{ "a NUL in an extension", STR_INIT("1;\0\r\nx"), -EPROTO, "",
		  0 },
		{ "data longer than its size", STR_INIT("1\r\nab\r\n"), -EPROTO,
		  "a", 0 },
		{ "bare LF after the data", STR_INIT("1\r\na\n0\r\n\r\n"),
		  -EPROTO, "a", 0 },
		{ "bare CR after the data", STR_INIT("1\r\na\r0\r\n\r\n"),
		  -EPROTO, "a", 0 },
		{ "bare LF at the end", STR_INIT("0\r\n\n"), -EPROTO, "", 0 },
		{ "bare CR at the end", STR_INIT("0\r\n\rx"), -EPROTO, "", 0 },
		{ "a trailer without a colon", STR_INIT("0\r\nabc\r\n\r\n"),
		  -EPROTO, "", 0 },
		{ "a trailer without a name", STR_INIT("0\r\n: b\r\n\r\n"),
		  -EPROTO, "", 0 },
		{ "a space before the colon", STR_INIT("0\r\na : b\r\n\r\n"),
		  -EPROTO, "", 0 },
		{ "a folded trailer", STR_INIT("0\r\na: b\r\n c\r\n\r\n"),
		  -EPROTO, "", 0 },
		{ "bare LF after a trailer", STR_INIT("0\r\na: b\n\r\n"),
		  -EPROTO, "", 0 },
		{ "bare CR after a trailer", STR_INIT("0\r\na: b\rc\r\n\r\n"),
		  -EPROTO, "", 0 },
		{ "a control byte in a trailer",
		  STR_INIT("0\r\na: \x01\r\n\r\n"), -EPROTO, "", 0 },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1024);
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t step = 1; step <= cases[i].bytes.len; step++) {
			size_t left = 0;
			int r = decode(cases[i].bytes, step, &out, &left);

			check_int(cases[i].name, r, cases[i].want);
			check_str(cases[i].name, buf_str(&out),
				  str_of(cases[i].data));
			if (r > 0)
				check_int(cases[i].name, left, cases[i].left);
		}
	}
	buf_fini(&out);
}

/* prefix, then count times the byte, then suffix. */
static int decode_long(struct str prefix, size_t count, struct str suffix)
{
	struct buf all, out;
	size_t left;
	int r;

	buf_init(&all, 1 << 20);
	buf_init(&out, 1 << 20);
	assert_int_equal(buf_add(&all, prefix), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_add(&all, STR("x")), 0);
	assert_int_equal(buf_add(&all, suffix), 0);
	r = decode(buf_str(&all), all.len, &out, &left);
	buf_fini(&all);
	buf_fini(&out);
	return r;
}

static void lines_are_bounded(void **state)
{
	(void)state;
	check_int("the longest extension",
		  decode_long(STR("0;"), CHUNK_LINE_MAX, STR("\r\n\r\n")),
		  CHUNK_END);
	check_int("a longer one",
		  decode_long(STR("0;"), CHUNK_LINE_MAX + 1, STR("\r\n\r\n")),
		  -EPROTO);
	/* The colon and the CR belong to the line. */
	check_int("the longest trailer",
		  decode_long(STR("0\r\na:"), CHUNK_LINE_MAX - 3,
			      STR("\r\n\r\n")),
		  CHUNK_END);
	check_int("a longer trailer",
		  decode_long(STR("0\r\na:"), CHUNK_LINE_MAX - 2,
			      STR("\r\n\r\n")),
		  -EPROTO);
	check_int("a longer trailer name",
		  decode_long(STR("0\r\n"), CHUNK_LINE_MAX, STR(":\r\n\r\n")),
		  -EPROTO);
}

/* Feed unit count times.  Returns how often it went well. */
static size_t repeat(struct chunk_decoder *d, struct str unit, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str in = unit, data;
		int r;

		while ((r = chunk_next(d, &in, &data)) == CHUNK_DATA)
			;
		if (r < 0)
			return i;
	}
	return count;
}

static void sums_are_bounded(void **state)
{
	struct chunk_decoder d = { 0 };
	struct str in = STR(""), data;

	(void)state;
	check_int("last chunk", repeat(&d, STR("0\r\n"), 1), 1);
	/* 7 bytes and a CR each count. */
	check_int("trailers", repeat(&d, STR("a: 4567\r\n"), 1 << 20),
		  CHUNK_TRAILERS_MAX / 8);

	check_int("still refused", chunk_next(&d, &in, &data), -EPROTO);

	d = (struct chunk_decoder){ 0 };
	/* One byte more than the data each time, and two while it is read. */
	check_int("extensions that outweigh the data",
		  repeat(&d, STR("1;ab\r\nx\r\n"), 1 << 20),
		  CHUNK_WASTE_MAX - 1);

	d = (struct chunk_decoder){ 0 };
	check_int("extensions that do not",
		  repeat(&d, STR("8;abcdefgh\r\n12345678\r\n"), 10000), 10000);
}

static void the_end_is_kept(void **state)
{
	struct chunk_decoder d = { 0 };
	struct str in = STR("0\r\n\r\nab"), data;

	(void)state;
	check_int("end", chunk_next(&d, &in, &data), CHUNK_END);
	check_int("again", chunk_next(&d, &in, &data), CHUNK_END);
	check_str("left", in, STR("ab"));
}

static void data_is_not_copied(void **state)
{
	struct chunk_decoder d = { 0 };
	struct str all = STR("5\r\nhello\r\n"), in = all, data;

	(void)state;
	check_int("data", chunk_next(&d, &in, &data), CHUNK_DATA);
	check_true("a slice of in", data.ptr == all.ptr + 3 && data.len == 5);
	check_str("in moved on", in, STR("\r\n"));
}

static void heads_are_made(void **state)
{
	static const struct {
		uint64_t len;
		const char *want;
	} cases[] = {
		{ 1, "1\r\n" },       { 9, "9\r\n" },
		{ 10, "a\r\n" },      { 15, "f\r\n" },
		{ 16, "10\r\n" },     { 0x1a4, "1a4\r\n" },
		{ 4096, "1000\r\n" }, { UINT64_MAX, "ffffffffffffffff\r\n" },
	};
	char out[CHUNK_HEAD_MAX];

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		check_str(cases[i].want, chunk_head(cases[i].len, out),
			  str_of(cases[i].want));
	}
}

static void refusals_say_why(void **state)
{
	static const struct {
		const char *text;
		struct str bytes;
	} cases[] = {
		{ "a malformed size", STR_INIT("1 \r\n") },
		{ "a size without digits", STR_INIT("\r\n") },
		{ "a size of over 16 digits", STR_INIT("00000000000000000") },
		{ "a size over 2^62", STR_INIT("4000000000000001\r\n") },
		{ "a size that does not end in CR LF", STR_INIT("1\rx") },
		{ "a control byte in an extension", STR_INIT("1;\n") },
		{ "data that does not end in CR LF", STR_INIT("1\r\nab") },
		{ "data that does not end in CR LF", STR_INIT("1\r\na\rb") },
		{ "a malformed trailer", STR_INIT("0\r\n x") },
		{ "a control byte in a trailer", STR_INIT("0\r\na:\n") },
		{ "a trailer that does not end in CR LF",
		  STR_INIT("0\r\na:\rb") },
		{ "a trailer that does not end in CR LF",
		  STR_INIT("0\r\n\rb") },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct chunk_decoder d = { 0 };
		struct str in = cases[i].bytes, data, why;

		while (chunk_next(&d, &in, &data) == CHUNK_DATA)
			;
		why = err_text();
		check_true(cases[i].text,
			   str_starts(why, STR("chunked body: ")));
		check_str(cases[i].text, str_drop(why, 14),
			  str_of(cases[i].text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_read_at_every_split),
		cmocka_unit_test(lines_are_bounded),
		cmocka_unit_test(sums_are_bounded),
		cmocka_unit_test(the_end_is_kept),
		cmocka_unit_test(data_is_not_copied),
		cmocka_unit_test(heads_are_made),
		cmocka_unit_test(refusals_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
