#include "base/base64.h"

#include "tests/unit/table.h"

static void texts_of_rfc_4648_and_more(void **state)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xff\xbe", "//++" },
	};
	struct arena a;
	struct buf out;
	struct str bytes;

	(void)state;
	arena_init(&a, 1000);
	buf_init(&out, 8);
	for (size_t i = 0; i < countof(cases); i++) {
		const char *name = cases[i].text;

		buf_clear(&out);
		assert_int_equal(base64_write(&out, str_of(cases[i].bytes)), 0);
		check_str(name, buf_str(&out), str_of(name));
		check_true(name, base64_read(str_of(name), &a, &bytes));
		check_str(name, bytes, str_of(cases[i].bytes));
	}
	assert_true(base64_write(&out, STR("four")) < 0);
	assert_int_equal(out.len, 4);
	buf_fini(&out);
	arena_fini(&a);
}

static void bad_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"Z",        "Zg",   "Zg=",      "Zm9vYg=",
		"Zg==Zg==", "====", "=",        "A===",
		"Zm9v\n",   "Zm 9", "Zm9-",     "Zm9_",
		"Zh==",     "Zm9=", "Zm9v====", "\xc3\xa9\xc3\xa9",
		"Zm=v",
	};
	struct arena a;
	struct str bytes;

	(void)state;
	arena_init(&a, 1000);
	for (size_t i = 0; i < countof(texts); i++)
		check_true(texts[i],
			   !base64_read(str_of(texts[i]), &a, &bytes));
	arena_fini(&a);
}

static void all_bytes_come_back(void **state)
{
	char bytes[256];
	struct arena a;
	struct buf out;
	struct str back;

	(void)state;
	for (int i = 0; i < 256; i++)
		bytes[i] = (char)i;
	arena_init(&a, 1 << 20);
	buf_init(&out, 1000);
	for (size_t from = 0; from < 4; from++) {
		struct str s = { bytes + from, sizeof(bytes) - from };

		buf_clear(&out);
		assert_int_equal(base64_write(&out, s), 0);
		assert_true(base64_read(buf_str(&out), &a, &back));
		check_str("bytes", back, s);
	}
	buf_fini(&out);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_of_rfc_4648_and_more),
		cmocka_unit_test(bad_texts_are_refused),
		cmocka_unit_test(all_bytes_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
