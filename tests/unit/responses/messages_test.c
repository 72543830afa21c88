#include "responses/messages.h"

#include "tests/unit/table.h"

enum {
	TEXT_MAX = 4096
};

static void messages_come_back_as_they_were(void **state)
{
	static const struct {
		const char *name, *array;
		const char *want; /* with a bar between */
	} rows[] = {
		{ "no message", "[]", "" },
		{ "nothing at all", "", "" },
		{ "one", "[{\"role\":\"user\"}]", "{\"role\":\"user\"}" },
		{ "what looks like an end",
		  "[{\"a\":\"},\\n{\"},{\"b\":\"]\"}]",
		  "{\"a\":\"},\\n{\"}|{\"b\":\"]\"}" },
		{ "lines between tokens", "[{\"a\":\n1},\n{\"b\":\n2}]",
		  "{\"a\":\n1}|{\"b\":\n2}" },
		{ "lines as they are written", "[\n{\"a\":1},\n{\"b\":2}\n]",
		  "{\"a\":1}|{\"b\":2}" },
		{ "lines of others", "[\n{\"a\":1\n},\n{\"b\":2}\n]",
		  "{\"a\":1\n}|{\"b\":2}" },
		{ "more in a line", "[\n{\"a\":1},{\"b\":2}\n]\n",
		  "{\"a\":1}|{\"b\":2}" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct messages m = { 0 }, again = { 0 };
		struct buf text, got;
		struct arena a;

		arena_init(&a, TEXT_MAX);
		buf_init(&text, TEXT_MAX);
		buf_init(&got, TEXT_MAX);
		assert_true(messages_read(&m, &a, str_of(rows[i].array)));
		assert_int_equal(messages_write(&m, &text), 0);
		assert_true(messages_read(&again, &a, buf_str(&text)));
		for (size_t n = 0; n < again.count; n++) {
			assert_int_equal(buf_printf(&got, "%s" STR_FMT,
						    n > 0 ? "|" : "",
						    STR_ARG(again.texts[n])),
					 0);
		}
		check_str(rows[i].name, buf_str(&got), str_of(rows[i].want));
		buf_fini(&text);
		buf_fini(&got);
		arena_fini(&a);
	}
}

static void what_is_no_json_is_refused(void **state)
{
	static const char *const texts[] = { "[", "[\n{\"a\":1},\n{\"b\"",
					     "[\n{\"a\":1},\n]", "[\n]x",
					     "[\n{\"a\":1}\n" };

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct messages m = { 0 };
		struct arena a;

		arena_init(&a, TEXT_MAX);
		if (messages_read(&m, &a, str_of(texts[i])))
			fail_msg("%s", texts[i]);
		assert_int_equal(m.count, 0);
		arena_fini(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_back_as_they_were),
		cmocka_unit_test(what_is_no_json_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
