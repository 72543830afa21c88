#include "recording/ogx_shape.h"

#include "tests/unit/table.h"

#include "recording/pyjson.h"

#define S(literal) STR_INIT(literal)

/* kwargs as Python would print them: their order says nothing. */
static const struct {
	const char *name, *op;
	struct str body, want;
	bool watsonx;
} rows[] = {
	{ "as it is", "chat.completions",
	  S("{\"model\":\"m\",\"stream\":false,\"messages\":[{\"role\":\"user\","
	    "\"content\":\"hi\"}]}"),
	  S("{\"messages\": [{\"content\": \"hi\", \"role\": \"user\"}], "
	    "\"model\": \"m\", \"stream\": false}"),
	  false },
	{ "nulls are dropped", "chat.completions",
	  S("{\"model\":\"m\",\"seed\":null,\"messages\":[{\"role\":"
	    "\"assistant\",\"content\":null,\"reasoning\":\"x\"}]}"),
	  S("{\"messages\": [{\"reasoning\": \"x\", \"role\": \"assistant\"}], "
	    "\"model\": \"m\"}"),
	  false },
	{ "floats", "chat.completions",
	  S("{\"temperature\":0,\"top_p\":1e0,\"presence_penalty\":-1,"
	    "\"seed\":7,\"logit_bias\":{\"50256\":-100}}"),
	  S("{\"logit_bias\": {\"50256\": -100.0}, \"presence_penalty\": -1.0, "
	    "\"seed\": 7, \"temperature\": 0.0, \"top_p\": 1.0}"),
	  false },
	{ "what OGX does not know", "chat.completions",
	  S("{\"model\":\"m\",\"metadata\":{\"a\":null},\"top_k\":5}"),
	  S("{\"extra_body\": {\"metadata\": {\"a\": null}, \"top_k\": 5}, "
	    "\"model\": \"m\"}"),
	  false },
	{ "members of messages", "chat.completions",
	  S("{\"messages\":[{\"role\":\"user\",\"name\":\"n\",\"x\":1,"
	    "\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":"
	    "{}},{\"type\":\"image_url\",\"image_url\":{\"url\":\"u\","
	    "\"detail\":null,\"y\":1}}]},{\"role\":\"tool\",\"name\":\"n\","
	    "\"tool_call_id\":\"c\",\"content\":\"r\"}]}"),
	  S("{\"messages\": [{\"content\": [{\"text\": \"a\", \"type\": "
	    "\"text\"}, {\"image_url\": {\"url\": \"u\"}, \"type\": "
	    "\"image_url\"}], \"name\": \"n\", \"role\": \"user\"}, "
	    "{\"content\": \"r\", \"role\": \"tool\", \"tool_call_id\": "
	    "\"c\"}]}"),
	  false },
	{ "tool calls", "chat.completions",
	  S("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"
	    "\"c\",\"type\":\"function\",\"z\":1,\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{}\",\"z\":1}}]}]}"),
	  S("{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": "
	    "[{\"function\": {\"arguments\": \"{}\", \"name\": \"f\"}, \"id\": "
	    "\"c\", \"type\": \"function\"}]}]}"),
	  false },
	{ "no tools", "chat.completions",
	  S("{\"tools\":[{}],\"tool_choice\":\"none\",\"n\":1}"),
	  S("{\"n\": 1}"), false },
	{ "a choice without tools stays", "chat.completions",
	  S("{\"tool_choice\":\"none\"}"), S("{\"tool_choice\": \"none\"}"),
	  false },
	{ "a format", "chat.completions",
	  S("{\"response_format\":{\"type\":\"json_schema\",\"q\":1,"
	    "\"json_schema\":{\"name\":\"n\",\"strict\":null,\"q\":1,"
	    "\"schema\":{\"a\":null}}}}"),
	  S("{\"response_format\": {\"json_schema\": {\"name\": \"n\", "
	    "\"schema\": {\"a\": null}}, \"type\": \"json_schema\"}}"),
	  false },
	{ "a format of one word", "chat.completions",
	  S("{\"response_format\":{\"type\":\"text\"}}"),
	  S("{\"response_format\": {\"type\": \"text\"}}"), false },
	{ "watsonx", "chat.completions",
	  S("{\"parallel_tool_calls\":true,\"project_id\":\"p\"}"),
	  S("{\"extra_body\": {\"project_id\": \"p\"}}"), true },
	{ "completions", "completions",
	  S("{\"prompt\":\"p\",\"temperature\":1,\"messages\":1}"),
	  S("{\"extra_body\": {\"messages\": 1}, \"prompt\": \"p\", "
	    "\"temperature\": 1.0}"),
	  false },
	{ "embeddings", "embeddings", S("{\"model\":\"m\",\"input\":\"x\"}"),
	  S("{\"encoding_format\": \"float\", \"input\": \"x\", \"model\": "
	    "\"m\"}"),
	  false },
	{ "a list of models", "models", S(""), S("{}"), false },
};

static void requests_become_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct ogx_request req = { .op = str_of(rows[i].op),
					   .base_url = STR("http://h/v1"),
					   .body = rows[i].body,
					   .is_watsonx = rows[i].watsonx };
		struct str url, kwargs;
		struct json_error e;
		struct json doc;
		struct arena a;
		struct buf out;

		arena_init(&a, 1 << 20);
		buf_init(&out, 1 << 20);
		check_int(rows[i].name, ogx_shape(&req, &a, &url, &kwargs), 0);
		check_int(rows[i].name, json_parse(kwargs, NULL, &doc, &e), 0);
		check_int(rows[i].name, pyjson_dump(&doc, 0, NULL, &out), 0);
		check_str(rows[i].name, buf_str(&out), rows[i].want);
		check_true(rows[i].name, str_starts(url, req.base_url));
		json_fini(&doc);
		buf_fini(&out);
		arena_fini(&a);
	}
}

static void other_bodies_are_refused(void **state)
{
	struct ogx_request req = { .op = STR("chat.completions"),
				   .body = STR("[]") };
	struct ogx_keys keys;
	struct str url, kwargs;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	check_int("list", ogx_shape(&req, &a, &url, &kwargs), RECORDING_BAD);
	check_int("keys", ogx_keys(&req, &keys), RECORDING_BAD);
	req.body = STR("{");
	check_int("torn", ogx_shape(&req, &a, &url, &kwargs), RECORDING_BAD);
	arena_fini(&a);
}

static void keys_of_a_model_list(void **state)
{
	struct ogx_request req = { .op = STR("models"),
				   .base_url =
					   STR("https://api.openai.com/v1") };
	struct ogx_keys keys;

	(void)state;
	check_int("keys", ogx_keys(&req, &keys), 0);
	check_str("first", ((struct str){ keys.keys[0], RECORDING_KEY_LEN }),
		  STR("64a2277c90f0f42576f60c1030e3a020403d34a95f56931b792d5939"
		      "f4cebc57"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_become_arguments),
		cmocka_unit_test(other_bodies_are_refused),
		cmocka_unit_test(keys_of_a_model_list),
	};

	return cmocka_run_group_tests_name("ogx_shape", tests, NULL, NULL);
}
