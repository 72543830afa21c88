#include "http/frame.h"

#include "tests/unit/table.h"

#include <errno.h>
#include <stdlib.h>

static void heads_are_read(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		int want; /* length, 0 or -EPROTO */
		enum frame_type type;
		bool is_last;
		uint64_t len;
	} cases[] = {
		{ "nothing", STR_INIT(""), 0, 0, false, 0 },
		{ "an empty text", STR_INIT("\x81\x80mask"), 6, FRAME_TEXT,
		  true, 0 },
		{ "a fragment", STR_INIT("\x01\x85mask"), 6, FRAME_TEXT, false,
		  5 },
		{ "one that goes on", STR_INIT("\x00\x85mask"), 6, FRAME_MORE,
		  false, 5 },
		{ "the last of them", STR_INIT("\x80\x85mask"), 6, FRAME_MORE,
		  true, 5 },
		{ "binary", STR_INIT("\x82\x81mask"), 6, FRAME_BINARY, true,
		  1 },
		{ "a ping", STR_INIT("\x89\xfdmask"), 6, FRAME_PING, true,
		  125 },
		{ "a long ping", STR_INIT("\x89\xfe\x00\x7emask"), -EPROTO, 0,
		  false, 0 },
		{ "a ping in fragments", STR_INIT("\x09\x80mask"), -EPROTO, 0,
		  false, 0 },
		{ "126 bytes", STR_INIT("\x81\xfe\x00\x7emask"), 8, FRAME_TEXT,
		  true, 126 },
		{ "125 bytes in the wide form",
		  STR_INIT("\x81\xfe\x00\x7dmask"), -EPROTO, 0, false, 0 },
		{ "65,535 bytes", STR_INIT("\x81\xfe\xff\xffmask"), 8,
		  FRAME_TEXT, true, 65535 },
		{ "65,536 bytes", STR_INIT("\x81\xff\0\0\0\0\0\x01\0\0mask"),
		  14, FRAME_TEXT, true, 65536 },
		{ "65,535 bytes in the widest form",
		  STR_INIT("\x81\xff\0\0\0\0\0\0\xff\xffmask"), -EPROTO, 0,
		  false, 0 },
		{ "2^63 bytes", STR_INIT("\x81\xff\x80\0\0\0\0\0\0\0mask"),
		  -EPROTO, 0, false, 0 },
		{ "without a mask", STR_INIT("\x81\x05hello"), -EPROTO, 0,
		  false, 0 },
		{ "a reserved bit", STR_INIT("\xc1\x80mask"), -EPROTO, 0, false,
		  0 },
		{ "an unknown opcode", STR_INIT("\x83\x80mask"), -EPROTO, 0,
		  false, 0 },
		{ "an unknown control opcode", STR_INIT("\x8b\x80mask"),
		  -EPROTO, 0, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct frame f;
		const char *why = NULL;
		int r = frame_parse(cases[i].bytes, &f, &why);

		check_int(cases[i].name, r, cases[i].want);
		check_true(cases[i].name, (r < 0) == (why != NULL));
		if (r <= 0)
			continue;
		check_int(cases[i].name, f.type, cases[i].type);
		check_int(cases[i].name, f.is_last, cases[i].is_last);
		check_int(cases[i].name, f.len, cases[i].len);
		assert_memory_equal(f.mask, "mask", 4);
		for (size_t n = 0; n < cases[i].bytes.len; n++) {
			assert_int_equal(frame_parse(str_take(cases[i].bytes,
							      n),
						     &f, &why),
					 0);
		}
	}
}

static void masks_are_undone(void **state)
{
	static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	char was[64], text[64];

	(void)state;
	/* RFC 6455 section 5.7 */
	memcpy(text, "\x7f\x9f\x4d\x51\x58", 5);
	frame_unmask(text, 5, mask);
	assert_memory_equal(text, "Hello", 5);
	for (size_t len = 0; len <= sizeof(was); len++) {
		for (size_t i = 0; i < len; i++)
			was[i] = text[i] = (char)(i * 7);
		frame_unmask(text, len, mask);
		for (size_t i = 0; i < len; i++)
			assert_int_equal((uint8_t)text[i],
					 (uint8_t)was[i] ^ mask[i % 4]);
	}
}

static void heads_are_written(void **state)
{
	static const struct {
		enum frame_type type;
		uint64_t len;
		struct str want;
	} cases[] = {
		{ FRAME_TEXT, 5, STR_INIT("\x81\x05") },
		{ FRAME_PONG, 125, STR_INIT("\x8a\x7d") },
		{ FRAME_TEXT, 126, STR_INIT("\x81\x7e\x00\x7e") },
		{ FRAME_TEXT, 65535, STR_INIT("\x81\x7e\xff\xff") },
		{ FRAME_TEXT, 65536, STR_INIT("\x81\x7f\0\0\0\0\0\x01\0\0") },
	};
	char out[FRAME_HEAD_MAX];

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str got = frame_head(cases[i].type, cases[i].len, out);

		assert_true(str_eq(got, cases[i].want));
	}
}

static void close_codes_are_read(void **state)
{
	static const struct {
		struct str payload;
		unsigned want;
	} cases[] = {
		{ STR_INIT(""), FRAME_CLOSE_NONE },
		{ STR_INIT("\x03"), 0 },
		{ STR_INIT("\x03\xe8"), 1000 },
		{ STR_INIT("\x03\xe8"
			   "bye"),
		  1000 },
		{ STR_INIT("\x03\xe8"
			   "bye\xff"),
		  0 },
		{ STR_INIT("\x03\xe7"), 0 }, /* 999 */
		{ STR_INIT("\x03\xec"), 0 }, /* 1004 */
		{ STR_INIT("\x03\xed"), 0 }, /* 1005 */
		{ STR_INIT("\x03\xee"), 0 }, /* 1006 */
		{ STR_INIT("\x03\xf6"), 1014 },
		{ STR_INIT("\x03\xf7"), 0 }, /* 1015 */
		{ STR_INIT("\x0b\xb8"), 3000 },
		{ STR_INIT("\x13\x87"), 4999 },
		{ STR_INIT("\x13\x88"), 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(frame_close_code(cases[i].payload),
				 cases[i].want);
	assert_true(frame_is_text(STR("gr\xc3\xbc\xc3\x9f")));
	assert_false(frame_is_text(STR("\xc3")));
	assert_false(frame_is_text(STR("\xed\xa0\x80")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_are_read),
		cmocka_unit_test(masks_are_undone),
		cmocka_unit_test(heads_are_written),
		cmocka_unit_test(close_codes_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
