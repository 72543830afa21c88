#include "json/floats.h"
#include "json/json.h"

#include "tests/unit/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t bits_of(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

static float read_one(const char *text)
{
	char array[200];
	uint8_t bytes[sizeof(float)];
	float f;
	int len = snprintf(array, sizeof(array),
			   "[%s                                             ]",
			   text);

	floats_read((struct str){ array, (size_t)len }, bytes);
	memcpy(&f, bytes, sizeof(f));
	return f;
}

static void numbers_are_read_as_libc_does(void **state)
{
	static const char *const texts[] = {
		"0",
		"-0",
		"0.0",
		"1",
		"-1.5",
		"999.75",
		"1234.5",
		"0.006929283",
		"-0.0069292834773659706",
		"0.1",
		"1e-3",
		"1E+3",
		"7.0247e-05",
		"1.17549435e-38",
		"1e-45",
		"7e-46",
		"3.4028235e38",
		"3.4028236e38",
		"1e39",
		"-1e400",
		"1e-400",
		"0e9999",
		"0.00000000000000000000000000000000001",
		"123456789012345678901234567890",
		"0.123456781234567812345678123456781234567812345678",
		"0.12345678123456781234567",
		"0.123456781234567812345678",
		"0.000000000000000000000001",
		"999.9999999999999999999999",
		/* The middle of two floats, and beside it. */
		"1.000000059604644775390625",
		"1.00000005960464477539062",
		"1.00000005960464477539063",
		"1.0000000596046447753906250000000000001",
		"1.000000178813934326171875",
		"16777217",
		"16777217.0000000001",
		"33554431.5e0",
	};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		float got = read_one(texts[i]), want = strtof(texts[i], NULL);

		if (bits_of(got) != bits_of(want)) {
			fail_msg("%s: got %a, want %a", texts[i], (double)got,
				 (double)want);
		}
	}
}

/* Every place of the text's end: the last numbers have another way. */
static void arrays_of_all_lengths_are_read(void **state)
{
	char text[1000] = "[";
	float got[40];

	(void)state;
	for (int n = 1; n <= 40; n++) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "%s%d.25%s]",
			       n > 1 ? " ,\n" : "", n, n % 3 == 0 ? " " : "");
		floats_read(str_of(text), (uint8_t *)got);
		for (int i = 0; i < n; i++)
			assert_true(got[i] == (float)(i + 1) + 0.25F);
		text[strlen(text) - 1] = '\0';
	}
}

static void floats_become_the_shortest_text(void **state)
{
	static const struct {
		float f;
		const char *want;
	} cases[] = {
		{ 0, "0.0" },
		{ -0.0F, "-0.0" },
		{ 1, "1.0" },
		{ -1.5F, "-1.5" },
		{ 0.1F, "0.1" },
		{ 0.3F, "0.3" },
		{ 0.006929283F, "0.006929283" },
		{ -0.0233001F, "-0.0233001" },
		{ 0.99999994F, "0.99999994" },
		{ 0.0000123F, "0.0000123" },
		{ 0.00000123F, "1.23e-06" },
		{ 123.456F, "123.456" },
		{ 1200, "1200.0" },
		{ 99999992, "99999990.0" },
		{ 100000000, "1e+08" },
		{ 3.4028235e38F, "3.4028235e+38" },
		{ 1.1754944e-38F, "1.1754944e-38" },
		{ 1e-45F, "1e-45" },
		{ 7e-10F, "7e-10" },
		{ INFINITY, "null" },
		{ NAN, "null" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < countof(cases); i++) {
		char want[40];

		(void)snprintf(want, sizeof(want), "[%s]", cases[i].want);
		buf_clear(&out);
		assert_int_equal(floats_write(&out,
					      (const uint8_t *)&cases[i].f, 1),
				 0);
		check_str(cases[i].want, buf_str(&out), str_of(want));
	}
	assert_true(floats_write(&out, (const uint8_t *)cases, 1000) < 0);
	buf_clear(&out);
	assert_int_equal(floats_write(&out, NULL, 0), 0);
	check_str("none", buf_str(&out), STR("[]"));
	buf_fini(&out);
}

enum {
	BLOCK = 4096,
	STRIDE = 997 /* of blocks of floats that are tried */
};

/* Of all positive floats, every 997th block: written, and read back. */
static void what_is_written_reads_back(void **state)
{
	static uint32_t in[BLOCK], back[BLOCK];
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (uint64_t at = 0; at < 0x7f800000; at += STRIDE * BLOCK) {
		for (uint32_t i = 0; i < BLOCK; i++)
			in[i] = (uint32_t)at + i;
		buf_clear(&out);
		assert_int_equal(floats_write(&out, (uint8_t *)in, BLOCK), 0);
		floats_read(buf_str(&out), (uint8_t *)back);
		assert_memory_equal(in, back, sizeof(in));
	}
	buf_fini(&out);
}

static void arrays_of_numbers_are_folded(void **state)
{
	static const struct {
		const char *text;
		int count; /* of the folded array; 0: it is not */
	} cases[] = {
		{ "[1]", 1 },
		{ "[ -1.5e+3 , 0 ]", 2 },
		{ "[1e5,2E-7,3e+1\r\n,\t4\n]", 4 },
		{ "[12345678,123456789,1234567890123456]", 3 },
		{ "[1,2,3,4,5,6,7,8,9,10.0]", 10 },
		{ "[]", 0 },
		{ "[1,\"a\"]", 0 },
		{ "[1,null]", 0 },
		{ "[1,[2]]", 0 },
		{ "{\"a\":1}", 0 },
	};
	struct json_limits fold = { .fold_numbers = true };
	struct json_error bad;
	struct json doc;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const char *name = cases[i].text;

		check_int(name, json_parse(str_of(name), &fold, &doc, &bad), 0);
		check_int(name, json_is_folded(&doc, 0), cases[i].count > 0);
		if (cases[i].count > 0) {
			check_int(name, json_count(&doc, 0), cases[i].count);
			check_int(name, json_first(&doc, 0), JSON_NONE);
			check_str(name, json_raw(&doc, 0), str_of(name));
		}
		json_fini(&doc);
	}
}

static void a_folded_value_has_its_place(void **state)
{
	struct str text = STR("{\"a\":[1,2],\"b\":{\"c\":[3]},\"d\":5}");
	struct json_limits fold = { .fold_numbers = true, .depth = 3 };
	struct json_error bad;
	struct json doc;

	(void)state;
	assert_int_equal(json_parse(text, &fold, &doc, &bad), 0);
	check_str("b.c", json_raw(&doc, json_path(&doc, 0, STR("b.c"))),
		  STR("[3]"));
	check_str("d", json_raw(&doc, json_get(&doc, 0, STR("d"))), STR("5"));
	assert_int_equal(json_path(&doc, 0, STR("a.0")), JSON_NONE);
	json_fini(&doc);
	fold.depth = 2;
	assert_int_equal(json_parse(text, &fold, &doc, &bad), JSON_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_as_libc_does),
		cmocka_unit_test(arrays_of_all_lengths_are_read),
		cmocka_unit_test(floats_become_the_shortest_text),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(arrays_of_numbers_are_folded),
		cmocka_unit_test(a_folded_value_has_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
