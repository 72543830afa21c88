#include "responses/include.h"

#include "tests/unit/table.h"

static void words_are_known(void **state)
{
	static const struct {
		const char *word;
		unsigned want;
	} cases[] = {
		{ "message.output_text.logprobs", INCLUDE_LOGPROBS },
		{ "message.input_image.image_url", INCLUDE_INPUT_IMAGE },
		{ "reasoning.encrypted_content", INCLUDE_REASONING },
		{ "file_search_call.results", INCLUDE_FILE_RESULTS },
		{ "web_search_call.action.sources", INCLUDE_SEARCH_SOURCES },
		{ "code_interpreter_call.outputs", INCLUDE_CODE_OUTPUTS },
		{ "computer_call_output.output.image_url",
		  INCLUDE_COMPUTER_IMAGE },
		{ "", 0 },
		{ "reasoning", 0 },
		{ "reasoning.encrypted_content ", 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		check_int(cases[i].word, include_of(str_of(cases[i].word)),
			  cases[i].want);
}

static void items_are_shown(void **state)
{
	static const struct {
		const char *name;
		unsigned wanted;
		const char *item, *want;
	} cases[] = {
		{ "a string stays", 0,
		  "{\"type\":\"message\",\"content\":\"image_url\"}",
		  "{\"type\":\"message\",\"content\":\"image_url\"}" },
		{ "a picture's URL", 0,
		  "{\"type\":\"message\",\"id\":\"m\",\"content\":[{\"type\":"
		  "\"input_image\",\"image_url\":\"data:x\",\"detail\":"
		  "\"low\"},{\"type\":\"input_text\",\"text\":\"t\"}]}",
		  "{\"type\":\"message\",\"id\":\"m\",\"content\":[{\"type\":"
		  "\"input_image\",\"image_url\":null,\"detail\":\"low\"},"
		  "{\"type\":\"input_text\",\"text\":\"t\"}]}" },
		{ "a picture's URL, wanted", INCLUDE_INPUT_IMAGE,
		  "{\"type\":\"message\",\"content\":[{\"type\":"
		  "\"input_image\",\"image_url\":\"d\"}]}",
		  "{\"type\":\"message\",\"content\":[{\"type\":"
		  "\"input_image\",\"image_url\":\"d\"}]}" },
		{ "what a function showed", INCLUDE_REASONING,
		  "{\"type\":\"function_call_output\",\"output\":[{\"type\":"
		  "\"input_image\",\"image_url\":\"d\"}]}",
		  "{\"type\":\"function_call_output\",\"output\":[{\"type\":"
		  "\"input_image\",\"image_url\":null}]}" },
		{ "logprobs", ~(unsigned)INCLUDE_LOGPROBS,
		  "{\"type\":\"message\",\"content\":[{\"type\":"
		  "\"output_text\",\"logprobs\":[1],\"text\":\"t\"}]}",
		  "{\"type\":\"message\",\"content\":[{\"type\":"
		  "\"output_text\",\"logprobs\":null,\"text\":\"t\"}]}" },
		{ "reasoning", 0,
		  "{\"id\":\"r\",\"type\":\"reasoning\",\"content\":[{}],"
		  "\"encrypted_content\":\"x\",\"summary\":[]}",
		  "{\"id\":\"r\",\"type\":\"reasoning\",\"content\":null,"
		  "\"encrypted_content\":null,\"summary\":[]}" },
		{ "reasoning, wanted", INCLUDE_REASONING,
		  "{\"type\":\"reasoning\",\"content\":[{}]}",
		  "{\"type\":\"reasoning\",\"content\":[{}]}" },
		{ "results of a search", INCLUDE_LOGPROBS,
		  "{\"type\":\"file_search_call\",\"results\":[1,2]}",
		  "{\"type\":\"file_search_call\",\"results\":null}" },
		{ "the same names elsewhere", 0,
		  "{\"type\":\"function_call\",\"results\":1,\"content\":2,"
		  "\"logprobs\":3,\"image_url\":4}",
		  "{\"type\":\"function_call\",\"results\":1,\"content\":2,"
		  "\"logprobs\":3,\"image_url\":4}" },
		{ "escapes and numbers stay", 0,
		  "{\"type\":\"message\",\"content\":[{\"type\":\"x\",\"a\\u0041"
		  "\":1.0e0}, 5],\"role\":\"us\\u0065r\"}",
		  "{\"type\":\"message\",\"content\":[{\"type\":\"x\",\"a\\u0041"
		  "\":1.0e0},5],\"role\":\"us\\u0065r\"}" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct json_writer w;
		struct json_error e;
		struct json doc;
		struct buf out;

		buf_init(&out, 4096);
		json_writer_init(&w, &out);
		check_int(cases[i].name,
			  json_parse(str_of(cases[i].item), NULL, &doc, &e), 0);
		include_write(&w, &doc, json_root(&doc), cases[i].wanted);
		check_int(cases[i].name, json_writer_done(&w), 0);
		check_str(cases[i].name, buf_str(&out), str_of(cases[i].want));
		json_fini(&doc);
		buf_fini(&out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_known),
		cmocka_unit_test(items_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
