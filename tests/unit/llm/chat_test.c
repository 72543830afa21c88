#include "llm/chat.h"
#include "llm/message.h"
#include "llm/usage.h"

#include "tests/unit/table.h"

#include <stdio.h>

#define M "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
/* A request with one member more. */
#define WITH(member) "{\"model\":\"m\"," M "," member "}"
/* A request with these messages. */
#define SAID(messages) "{\"model\":\"m\",\"messages\":[" messages "]}"
/* A request whose second message is this. */
#define SECOND(message) SAID("{\"role\":\"user\",\"content\":\"a\"}," message)
#define TOOL \
	"{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}"

struct fixture {
	struct arena arena;
	struct json doc;
	struct chat_request chat;
	struct api_error error;
};

static int validate(struct fixture *f, const char *name, const char *text)
{
	struct json_error bad;

	arena_init(&f->arena, 1 << 24);
	f->error = (struct api_error){ 0 };
	if (json_parse(str_of(text), &(struct json_limits){ 0 }, &f->doc,
		       &bad) != 0) {
		fail_msg("%s: the row is not JSON: %s at %zu", name, bad.what,
			 bad.offset);
	}
	return chat_validate(&f->doc, &f->arena, &f->chat, &f->error);
}

static void fini(struct fixture *f)
{
	json_fini(&f->doc);
	arena_fini(&f->arena);
}

static void what_openai_accepts_passes(void **state)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "the least", "{\"model\":\"m\"," M "}" },
		{ "unknown members", WITH("\"min_p\":0.1,\"zz\":{\"a\":[]}") },
		{ "null is absent",
		  WITH("\"stream\":null,\"tools\":null,\"stop\":null,"
		       "\"tool_choice\":null,\"n\":null,\"temperature\":null,"
		       "\"response_format\":null,\"logit_bias\":null") },
		{ "the ends of the ranges",
		  WITH("\"temperature\":0,\"top_p\":1.0,"
		       "\"frequency_penalty\":-2.0,\"presence_penalty\":2,"
		       "\"top_logprobs\":20,\"n\":1") },
		{ "a temperature with an exponent",
		  WITH("\"temperature\":2e0") },
		{ "a seed of 64 unsigned bits",
		  WITH("\"seed\":18446744073709551615") },
		{ "a negative seed", WITH("\"seed\":-1") },
		{ "an integer written as a decimal",
		  WITH("\"max_tokens\":10.0") },
		{ "stop as a string", WITH("\"stop\":\"x\"") },
		{ "stop as a list", WITH("\"stop\":[\"x\",\"y\"]") },
		{ "an empty stop list", WITH("\"stop\":[]") },
		{ "a tool and a word of choice",
		  WITH("\"tools\":[" TOOL "],\"tool_choice\":\"required\"") },
		{ "a tool and its name as choice",
		  WITH("\"tools\":[" TOOL "],\"tool_choice\":{\"type\":"
		       "\"function\",\"function\":{\"name\":\"f\"}}") },
		{ "a choice among allowed tools",
		  WITH("\"tools\":[" TOOL "],\"tool_choice\":{\"type\":"
		       "\"allowed_tools\",\"allowed_tools\":{}}") },
		{ "a custom tool",
		  WITH("\"tools\":[{\"type\":\"custom\",\"custom\":{\"name\":"
		       "\"c\"}}]") },
		{ "a tool of a type not heard of",
		  WITH("\"tools\":[{\"type\":\"web_search\"}]") },
		{ "the old functions",
		  WITH("\"functions\":[{\"name\":\"f\"}],\"function_call\":"
		       "{\"name\":\"f\"}") },
		{ "a JSON schema",
		  WITH("\"response_format\":{\"type\":\"json_schema\","
		       "\"json_schema\":{\"name\":\"n\",\"schema\":{}}}") },
		{ "a JSON schema beside the type",
		  WITH("\"response_format\":{\"type\":\"json_schema\","
		       "\"schema\":{}}") },
		{ "a biased token", WITH("\"logit_bias\":{\"50256\":-100}") },
		{ "a service tier of next year",
		  WITH("\"service_tier\":\"turbo\"") },
		{ "an empty list of tools", WITH("\"tools\":[]") },
		{ "a member whose name is escaped",
		  "{\"mod\\u0065l\":\"m\"," M "}" },
		{ "of equal members the last counts",
		  "{\"model\":1,\"model\":\"m\"," M "}" },
		{ "all roles",
		  SAID("{\"role\":\"system\",\"content\":\"a\"},"
		       "{\"role\":\"developer\",\"content\":[]},"
		       "{\"role\":\"user\",\"content\":[],\"name\":\"n\"},"
		       "{\"role\":\"assistant\",\"content\":null,"
		       "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
		       "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"
		       "{\"role\":\"tool\",\"tool_call_id\":\"c\","
		       "\"content\":\"r\"},"
		       "{\"role\":\"function\",\"name\":\"f\","
		       "\"content\":null}") },
		{ "an assistant that only refused",
		  SECOND("{\"role\":\"assistant\",\"refusal\":\"no\"}") },
		{ "an assistant that only thought",
		  SECOND("{\"role\":\"assistant\",\"reasoning_content\":"
			 "\"x\"}") },
		{ "a custom tool's call",
		  SECOND("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"
			 "\"c\",\"type\":\"custom\",\"custom\":{}}]}") },
		{ "every type of part",
		  SAID("{\"role\":\"user\",\"content\":["
		       "{\"type\":\"text\",\"text\":\"a\"},"
		       "{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\"}},"
		       "{\"type\":\"image_url\",\"image_url\":\"u\"},"
		       "{\"type\":\"input_audio\",\"input_audio\":{}},"
		       "{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}},"
		       "{\"type\":\"refusal\",\"refusal\":\"no\"},"
		       "{\"type\":\"hologram\"}]}") },
		{ "a cached part",
		  SAID("{\"role\":\"user\",\"content\":[{\"type\":\"text\","
		       "\"text\":\"\",\"cache_control\":{}}]}") },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		if (validate(&f, cases[i].name, cases[i].text) != 0) {
			fail_msg("%s: refused: " STR_FMT, cases[i].name,
				 STR_ARG(f.error.message));
		}
		fini(&f);
	}
}

static void what_is_wrong_is_told(void **state)
{
	static const struct {
		const char *name, *text, *param, *code, *words;
	} cases[] = {
		{ "not an object", "[]", "", "", "JSON object" },
		{ "no model", "{" M "}", "model", "missing_required_parameter",
		  "Missing required parameter: 'model'." },
		{ "a null model", "{\"model\":null," M "}", "model",
		  "missing_required_parameter", "'model'" },
		{ "a model that is a number", "{\"model\":5," M "}", "model",
		  "invalid_type",
		  "expected a string, but got a number instead" },
		{ "an empty model", "{\"model\":\"\"," M "}", "model",
		  "invalid_value", "/v1/models" },
		{ "no messages", "{\"model\":\"m\"}", "messages",
		  "missing_required_parameter", "'messages'" },
		{ "messages that are a string",
		  "{\"model\":\"m\",\"messages\":\"hi\"}", "messages",
		  "invalid_type", "expected an array, but got a string" },
		{ "empty messages", SAID(""), "messages", "empty_array",
		  "at least one" },
		{ "a message that is a string", SAID("\"hi\""), "messages[0]",
		  "invalid_type", "expected an object" },
		{ "no role", SECOND("{\"content\":\"x\"}"), "messages[1].role",
		  "missing_required_parameter", "messages[1].role" },
		{ "an unknown role",
		  SECOND("{\"role\":\"wizard\",\"content\":\"x\"}"),
		  "messages[1].role", "invalid_value",
		  "'wizard'. Supported values are: 'system', 'developer', "
		  "'user', 'assistant', 'tool' and 'function'." },
		{ "a user without content", SECOND("{\"role\":\"user\"}"),
		  "messages[1].content", "missing_required_parameter", "" },
		{ "a user with null as content",
		  SECOND("{\"role\":\"user\",\"content\":null}"),
		  "messages[1].content", "invalid_type",
		  "expected a string or an array, but got null" },
		{ "content that is an object",
		  SECOND("{\"role\":\"user\",\"content\":{}}"),
		  "messages[1].content", "invalid_type", "got an object" },
		{ "a part that is a string",
		  SECOND("{\"role\":\"user\",\"content\":[\"x\"]}"),
		  "messages[1].content[0]", "invalid_type",
		  "expected an object" },
		{ "a part without a type",
		  SECOND("{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]}"),
		  "messages[1].content[0].type", "missing_required_parameter",
		  "" },
		{ "a text part without text",
		  SECOND("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]"
			 "}"),
		  "messages[1].content[0].text", "missing_required_parameter",
		  "" },
		{ "an image without its address",
		  SECOND("{\"role\":\"user\",\"content\":[{\"type\":\"text\","
			 "\"text\":\"\"},{\"type\":\"image_url\"}]}"),
		  "messages[1].content[1].image_url",
		  "missing_required_parameter", "" },
		{ "a tool's result without its call",
		  SECOND("{\"role\":\"tool\",\"content\":\"x\"}"),
		  "messages[1].tool_call_id", "missing_required_parameter",
		  "" },
		{ "a function's result without its name",
		  SECOND("{\"role\":\"function\",\"content\":\"x\"}"),
		  "messages[1].name", "missing_required_parameter", "" },
		{ "arguments that are an object",
		  SECOND("{\"role\":\"assistant\",\"tool_calls\":[{"
			 "\"function\":{\"name\":\"f\",\"arguments\":{}}}]}"),
		  "messages[1].tool_calls[0].function.arguments",
		  "invalid_type", "expected a string, but got an object" },
		{ "a call without a name",
		  SECOND("{\"role\":\"assistant\",\"tool_calls\":[{"
			 "\"function\":{}}]}"),
		  "messages[1].tool_calls[0].function.name",
		  "missing_required_parameter", "" },
		{ "too hot", WITH("\"temperature\":2.1"), "temperature",
		  "decimal_above_max_value",
		  "expected a value <= 2, but got 2.1 instead" },
		{ "too cold", WITH("\"temperature\":-0.1"), "temperature",
		  "decimal_below_min_value", ">= 0" },
		{ "a temperature beyond doubles", WITH("\"temperature\":1e999"),
		  "temperature", "", "" },
		{ "top_p above one", WITH("\"top_p\":1.5"), "top_p",
		  "decimal_above_max_value", "<= 1" },
		{ "a penalty too low", WITH("\"presence_penalty\":-2.5"),
		  "presence_penalty", "decimal_below_min_value", ">= -2" },
		{ "no answers", WITH("\"n\":0"), "n", "integer_below_min_value",
		  "expected a value >= 1, but got 0 instead" },
		{ "half an answer", WITH("\"n\":0.5"), "n", "invalid_type",
		  "expected an integer" },
		{ "no tokens", WITH("\"max_completion_tokens\":0"),
		  "max_completion_tokens", "integer_below_min_value", "" },
		{ "too many log probabilities", WITH("\"top_logprobs\":21"),
		  "top_logprobs", "integer_above_max_value", "<= 20" },
		{ "a stop of numbers", WITH("\"stop\":[1]"), "stop",
		  "invalid_type", "a string or an array of strings" },
		{ "stream as a string", WITH("\"stream\":\"yes\""), "stream",
		  "invalid_type", "expected a boolean" },
		{ "stream options as a flag", WITH("\"stream_options\":true"),
		  "stream_options", "invalid_type", "expected an object" },
		{ "usage as a number",
		  WITH("\"stream_options\":{\"include_usage\":1}"),
		  "stream_options.include_usage", "invalid_type", "" },
		{ "a choice without tools", WITH("\"tool_choice\":\"auto\""),
		  "tool_choice", "invalid_value",
		  "only allowed when 'tools' is also provided" },
		{ "a choice of its own",
		  WITH("\"tools\":[" TOOL "],\"tool_choice\":\"maybe\""),
		  "tool_choice", "invalid_value", "'none', 'auto'" },
		{ "a choice that names nothing",
		  WITH("\"tools\":[" TOOL "],\"tool_choice\":{\"type\":"
		       "\"function\"}"),
		  "tool_choice.function.name", "missing_required_parameter",
		  "" },
		{ "a tool without a type",
		  WITH("\"tools\":[" TOOL ",{\"function\":{}}]"),
		  "tools[1].type", "missing_required_parameter", "" },
		{ "a tool without its function",
		  WITH("\"tools\":[{\"type\":\"function\"}]"),
		  "tools[0].function", "missing_required_parameter", "" },
		{ "a function without a name",
		  WITH("\"tools\":[{\"type\":\"function\",\"function\":{}}]"),
		  "tools[0].function.name", "missing_required_parameter", "" },
		{ "a format without a type", WITH("\"response_format\":{}"),
		  "response_format.type", "missing_required_parameter", "" },
		{ "a schema that is missing",
		  WITH("\"response_format\":{\"type\":\"json_schema\"}"),
		  "response_format.json_schema", "missing_required_parameter",
		  "" },
		{ "a bias that is a word", WITH("\"logit_bias\":{\"1\":\"x\"}"),
		  "logit_bias", "invalid_type", "numbers" },
		{ "the last of equal members is wrong",
		  "{\"model\":\"m\",\"n\":1,\"n\":0," M "}", "n", "", "" },
	};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct str words = str_of(cases[i].words);

		check_int(cases[i].name,
			  validate(&f, cases[i].name, cases[i].text), API_FAIL);
		check_int(cases[i].name, f.error.status, 400);
		check_str(cases[i].name, f.error.type,
			  STR("invalid_request_error"));
		check_str(cases[i].name, f.error.param, str_of(cases[i].param));
		if (cases[i].code[0] != '\0') {
			check_str(cases[i].name, f.error.code,
				  str_of(cases[i].code));
		}
		if (words.len > 0 &&
		    str_find(f.error.message, words) == f.error.message.len) {
			fail_msg("%s: '" STR_FMT "' lacks '%s'", cases[i].name,
				 STR_ARG(f.error.message), cases[i].words);
		}
		fini(&f);
	}
}

static void the_request_is_read(void **state)
{
	struct fixture f;

	(void)state;
	assert_int_equal(validate(&f, "all",
				  "{\"model\":\"a\\/b\"," M ",\"stream\":true,"
				  "\"stream_options\":{\"include_usage\":true},"
				  "\"n\":3,\"max_tokens\":5,"
				  "\"max_completion_tokens\":7,\"store\":true,"
				  "\"tools\":[" TOOL "," TOOL "]}"),
			 0);
	check_str("model", f.chat.model, STR("a/b"));
	assert_true(f.chat.stream && f.chat.include_usage && f.chat.store);
	assert_int_equal(f.chat.n, 3);
	assert_int_equal(f.chat.max_tokens, 7);
	assert_int_equal(f.chat.message_count, 1);
	assert_int_equal(f.chat.tool_count, 2);
	assert_true(f.chat.stop == JSON_NONE);
	fini(&f);

	assert_int_equal(validate(&f, "least", "{\"model\":\"m\"," M "}"), 0);
	assert_false(f.chat.stream || f.chat.include_usage || f.chat.store);
	assert_int_equal(f.chat.n, 1);
	assert_int_equal(f.chat.max_tokens, -1);
	assert_int_equal(f.chat.tool_count, 0);
	fini(&f);
}

/* A value of 100 kB must not be repeated in the message. */
static void long_values_are_shortened(void **state)
{
	static char text[200000];
	struct fixture f;
	size_t n = 0;

	(void)state;
	n += (size_t)snprintf(text, sizeof(text),
			      "{\"model\":\"m\",\"messages\":[{\"content\":"
			      "\"\",\"role\":\"a");
	/* Two bytes each, so that the cut falls inside of one. */
	for (int i = 0; i < 50000; i++) {
		text[n++] = '\xc3';
		text[n++] = '\xa9';
	}
	(void)snprintf(text + n, sizeof(text) - n, "\"}]}");
	assert_int_equal(validate(&f, "long", text), API_FAIL);
	assert_true(f.error.message.len < 400);
	check_int("the cut is between characters",
		  str_find(f.error.message, STR("\xc3'")), f.error.message.len);
	fini(&f);
}

static void texts_of_messages(void **state)
{
	static const struct {
		const char *name, *message, *want;
	} cases[] = {
		{ "a string", "{\"content\":\"a\\nb\"}", "a\nb" },
		{ "parts are lines",
		  "{\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
		  "{\"type\":\"image_url\"},{\"text\":\"b\\u00e9\"}]}",
		  "a\nb\xc3\xa9" },
		{ "null", "{\"content\":null}", "" },
		{ "nothing", "{}", "" },
		{ "no parts", "{\"content\":[]}", "" },
	};
	struct json_error bad;
	struct arena a;
	struct json doc;

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(json_parse(str_of(cases[i].message),
					    &(struct json_limits){ 0 }, &doc,
					    &bad),
				 0);
		check_str(cases[i].name,
			  message_text(&doc, json_root(&doc), &a),
			  str_of(cases[i].want));
		json_fini(&doc);
	}
	arena_fini(&a);
}

static void usage_is_read(void **state)
{
	static const struct {
		const char *name, *text;
		bool found;
		struct usage want;
	} cases[] = {
		{ "absent", "{}", false, { 0 } },
		{ "null", "{\"usage\":null}", false, { 0 } },
		{ "empty", "{\"usage\":{}}", false, { 0 } },
		{ "negative",
		  "{\"usage\":{\"prompt_tokens\":-1}}",
		  false,
		  { 0 } },
		{ "chat's names",
		  "{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,"
		  "\"total_tokens\":7}}",
		  true,
		  { 3, 4, 7, -1, -1 } },
		{ "the total is made",
		  "{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}",
		  true,
		  { 3, 4, 7, -1, -1 } },
		{ "embeddings have no completion",
		  "{\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}",
		  true,
		  { 3, -1, 3, -1, -1 } },
		{ "the Responses API's names and details",
		  "{\"usage\":{\"input_tokens\":3,\"output_tokens\":4,"
		  "\"input_tokens_details\":{\"cached_tokens\":2},"
		  "\"output_tokens_details\":{\"reasoning_tokens\":1}}}",
		  true,
		  { 3, 4, 7, 2, 1 } },
		{ "a count beyond reason is none",
		  "{\"usage\":{\"prompt_tokens\":9223372036854775807,"
		  "\"completion_tokens\":1}}",
		  true,
		  { -1, 1, 1, -1, -1 } },
	};
	struct json_error bad;
	struct json doc;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct usage u = { 0 };

		assert_int_equal(json_parse(str_of(cases[i].text),
					    &(struct json_limits){ 0 }, &doc,
					    &bad),
				 0);
		check_int(cases[i].name, usage_read(&doc, json_root(&doc), &u),
			  cases[i].found);
		check_int(cases[i].name, u.prompt_tokens,
			  cases[i].want.prompt_tokens);
		check_int(cases[i].name, u.completion_tokens,
			  cases[i].want.completion_tokens);
		check_int(cases[i].name, u.total_tokens,
			  cases[i].want.total_tokens);
		check_int(cases[i].name, u.cached_tokens,
			  cases[i].want.cached_tokens);
		check_int(cases[i].name, u.reasoning_tokens,
			  cases[i].want.reasoning_tokens);
		json_fini(&doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_openai_accepts_passes),
		cmocka_unit_test(what_is_wrong_is_told),
		cmocka_unit_test(the_request_is_read),
		cmocka_unit_test(long_values_are_shortened),
		cmocka_unit_test(texts_of_messages),
		cmocka_unit_test(usage_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
