#include "llm/chunk.h"

#include "tests/unit/table.h"

#include <errno.h>

static void a_whole_answer_becomes_one_chunk(void **state)
{
	static const struct {
		const char *name, *in, *out;
	} cases[] = {
		{ "the usual members",
		  "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\","
		  "\"choices\":[{\"index\":0,\"message\":{\"role\":"
		  "\"assistant\",\"content\":\"h\\u00e9\"},\"finish_reason\":"
		  "\"stop\"}],\"usage\":{\"total_tokens\":1.0}}",
		  "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":"
		  "\"us/m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"
		  "\"assistant\",\"content\":\"h\\u00e9\"},\"finish_reason\":"
		  "\"stop\"}],\"usage\":{\"total_tokens\":1.0}}" },
		{ "tool calls are numbered unless they are",
		  "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\"},"
		  "{\"index\":5},{}]}}]}",
		  "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
		  "\"id\":\"a\"},{\"index\":5},{\"index\":2}]}}]}" },
		{ "keys keep their escapes",
		  "{\"a\\\"\\u0062\":1,\"choices\":[{\"\\n\":2}]}",
		  "{\"a\\\"\\u0062\":1,\"choices\":[{\"\\n\":2}]}" },
		{ "what has another type stays",
		  "{\"choices\":[1,[{\"message\":2}],{\"message\":[3]},"
		  "{\"message\":{\"tool_calls\":null}},"
		  "{\"message\":{\"tool_calls\":[[4]]}}]}",
		  "{\"choices\":[1,[{\"message\":2}],{\"message\":[3]},"
		  "{\"delta\":{\"tool_calls\":null}},"
		  "{\"delta\":{\"tool_calls\":[[4]]}}]}" },
		{ "no list of choices", "{\"choices\":null}",
		  "{\"choices\":null}" },
		{ "a text completion",
		  "{\"object\":\"text_completion\",\"choices\":[{\"text\":"
		  "\"x\"}]}",
		  "{\"object\":\"text_completion\",\"choices\":[{\"text\":"
		  "\"x\"}]}" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct json_error bad;
		struct json doc;
		struct buf out;

		buf_init(&out, 4096);
		assert_int_equal(json_parse(str_of(cases[i].in), NULL, &doc,
					    &bad),
				 0);
		assert_int_equal(chunk_write(&doc, STR("\"us/m\""), &out), 0);
		if (!str_eq(buf_str(&out), str_of(cases[i].out))) {
			fail_msg("%s: " STR_FMT, cases[i].name,
				 STR_ARG(buf_str(&out)));
		}
		json_fini(&doc);
		buf_fini(&out);
	}
}

static void the_limit_holds(void **state)
{
	struct json_error bad;
	struct json doc;
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	assert_int_equal(json_parse(STR("{\"choices\":[{}]}"), NULL, &doc,
				    &bad),
			 0);
	assert_int_equal(chunk_write(&doc, STR("\"m\""), &out), -EMSGSIZE);
	json_fini(&doc);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_becomes_one_chunk),
		cmocka_unit_test(the_limit_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
