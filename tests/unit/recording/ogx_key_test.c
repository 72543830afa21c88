#include "recording/ogx.h"

#include "tests/unit/table.h"

#include "recording/digest.h"
#include "recording/pyjson.h"

#define S(literal) STR_INIT(literal)

enum {
	OUT_MAX = 1 << 20
};

static const struct {
	const char *name;
	struct str json, want;
} dumps[] = {
	{ "separators and sorted keys",
	  S("{\"b\":[1,2],\"a\":{\"d\":null,\"c\":true}}"),
	  S("{\"a\": {\"c\": true, \"d\": null}, \"b\": [1, 2]}") },
	{ "of equal keys the last counts", S("{\"a\":1,\"b\":2,\"a\":3}"),
	  S("{\"a\": 3, \"b\": 2}") },
	{ "keys are ordered by code point",
	  S("{\"\\ud83d\\ude00\":1,\"\\uffee\":2,\"a\":3,\"Z\":4,\"\":5}"),
	  S("{\"\": 5, \"Z\": 4, \"a\": 3, \"\\uffee\": 2, "
	    "\"\\ud83d\\ude00\": 1}") },
	{ "empty containers", S("[{},[]]"), S("[{}, []]") },
	{ "escapes", S("\"\\/\\b\\f\\n\\r\\t\\\"\\\\\\u0001\\u007f\""),
	  S("\"/\\b\\f\\n\\r\\t\\\"\\\\\\u0001\\u007f\"") },
	{ "text outside ASCII", S("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""),
	  S("\"\\u00e9\\u20ac\\ud83d\\ude00\"") },
	{ "half a pair", S("\"\\ud83d x \\ude00\""),
	  S("\"\\ud83d x \\ude00\"") },
	{ "integers stay", S("[0,-0,1,12345678901234567890123]"),
	  S("[0, 0, 1, 12345678901234567890123]") },
	{ "floats stay floats", S("[0.0,1.0,-0.0,1e2,1E+2,100.50]"),
	  S("[0.0, 1.0, -0.0, 100.0, 100.0, 100.5]") },
	{ "small and large floats",
	  S("[0.0001,0.00001,1.5e-7,1e15,1e16,123456789012345678.0,1e22]"),
	  S("[0.0001, 1e-05, 1.5e-07, 1000000000000000.0, 1e+16, "
	    "1.2345678901234568e+17, 1e+22]") },
	{ "the fewest digits that read back",
	  S("[0.1,0.30000000000000004,2.5,5e-324,1.7976931348623157e308]"),
	  S("[0.1, 0.30000000000000004, 2.5, 5e-324, "
	    "1.7976931348623157e+308]") },
	{ "what is no number", S("[1e999,-1e999]"),
	  S("[Infinity, -Infinity]") },
};

static struct json parse(const char *name, struct str text)
{
	struct json_error error;
	struct json doc;

	check_int(name, json_parse(text, NULL, &doc, &error), 0);
	return doc;
}

static void json_is_printed_as_python_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(dumps); i++) {
		struct json doc = parse(dumps[i].name, dumps[i].json);
		struct buf out;

		buf_init(&out, OUT_MAX);
		check_int(dumps[i].name, pyjson_dump(&doc, 0, NULL, &out), 0);
		check_str(dumps[i].name, buf_str(&out), dumps[i].want);
		buf_fini(&out);
		json_fini(&doc);
	}
}

#define UUID  "0123abcd-0123-abcd-0123-0123456789ab"
#define UPPER "0123ABCD-0123-abcd-0123-0123456789ab"

static const struct {
	const char *name;
	struct str text, want; /* want "": it stays */
} texts[] = {
	{ "nothing to do", S("hello 1.234"), S("") },
	{ "a score", S("a score: 0.7 b"), S("a score: __NORMALIZED__ b") },
	{ "scores of all kinds",
	  S("score:1 score:\n-2.5e-3, score: .5 score: 7."),
	  S("score: __NORMALIZED__ score: __NORMALIZED__, score: "
	    "__NORMALIZED__ score: __NORMALIZED__") },
	{ "no score", S("score: high score:"), S("") },
	{ "a score with an e that is no exponent", S("score: 1em"),
	  S("score: __NORMALIZED__em") },
	{ "attributes", S("x, attributes: {'a': 1}, y"), S("x, y") },
	{ "attributes without a comma", S("x \n attributes:{}y"), S("xy") },
	{ "attributes twice", S("x, attributes: {}, attributes: {}z"),
	  S("xz") },
	{ "attributes that do not end", S("attributes: {"), S("") },
	{ "a document", S("document_id: " UUID "x"),
	  S("document_id: __NORMALIZED__x") },
	{ "a document in capitals", S("document_id: " UPPER), S("") },
	{ "a marker", S("a <|" UUID "|> b"), S("a <|__NORMALIZED__|> b") },
	{ "no marker", S("<|" UUID "| <|x|>"), S("") },
	{ "decimals", S("1.23456789 and -0.1000 and 3.1415"),
	  S("1.23457 and -0.10000 and 3.14150") },
	{ "half to even", S("0.000005 0.0000150"), S("0.00001 0.00002") },
	{ "a version", S("1.2.34567.8"), S("1.2.34567.8") },
	{ "few decimals", S("1.234 -5. .12345"), S("") },
	{ "all of it", S("score: 0.12345, attributes: {} 9.99999"),
	  S("score: __NORMALIZED__ 9.99999") },
};

static void texts_are_normalised(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		struct buf out;
		bool changed;

		buf_init(&out, OUT_MAX);
		changed = ogx_normalise(texts[i].text, &out, NULL);
		check_int(texts[i].name, changed, texts[i].want.len > 0);
		check_str(texts[i].name, buf_str(&out), texts[i].want);
		buf_fini(&out);
	}
}

static const struct {
	const char *name;
	const char *url, *body, *test_id, *want;
} keys[] = {
	{ "a chat", "https://api.openai.com/v1/v1/chat/completions",
	  "{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":"
	  "\"Which planet do humans live on?\"}],\"stream\":true,"
	  "\"stream_options\":{\"include_usage\":true}}",
	  "tests/integration/responses/test_basic_responses.py::"
	  "test_response_non_streaming_basic[openai_client-txt=openai/"
	  "gpt-4o-earth]",
	  "a99db6a17bb74960fab54946774974f0e958acfe389ee5d43d58fd39c20e194c" },
	{ "a model list", "https://api.openai.com/v1/v1/models", "{}", NULL,
	  "64a2277c90f0f42576f60c1030e3a020403d34a95f56931b792d5939f4cebc57" },
	{ "no test id", "https://api.openai.com/v1/v1/chat/completions",
	  "{\"messages\":[{\"content\":\"Say hello in exactly 3 words.\","
	  "\"role\":\"user\"}],\"model\":\"gpt-4o-mini\",\"stream\":true,"
	  "\"stream_options\":{\"include_usage\":true}}",
	  NULL,
	  "820da126137b9202a258d501c62ff0143ec1e063725192da3ff1f928b4ac77c7" },
	{ "an empty extra_body, and project_id out of it",
	  "https://us-south.ml.cloud.ibm.com/ml/v1/v1/chat/completions",
	  "{\"extra_body\":{\"project_id\":\"x\"},\"messages\":[{\"content\":"
	  "\"What is the largest ocean on Earth?\",\"role\":\"user\"}],"
	  "\"model\":\"meta-llama/llama-3-3-70b-instruct\",\"stream\":true,"
	  "\"stream_options\":{\"include_usage\":true}}",
	  "tests/integration/responses/test_openai_responses.py::"
	  "TestOpenAIResponses::test_openai_response_with_truncation_disabled"
	  "[txt=watsonx/meta-llama/llama-3-3-70b-instruct]",
	  "0791f2de9772c3f535004fa8e01caf7b1d0f4cdb31c8ee4121a318c2189b66f9" },
};

static void keys_are_those_of_ogx(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++) {
		struct json doc = parse(keys[i].name, str_of(keys[i].body));
		struct ogx_call call = {
			.url = str_of(keys[i].url),
			.doc = &doc,
			.test_id = str_of(keys[i].test_id),
			.has_test_id = keys[i].test_id != NULL,
		};
		char key[RECORDING_KEY_LEN];

		check_int(keys[i].name, ogx_key(&call, OGX_KEY_NOW, key, NULL),
			  0);
		check_str(keys[i].name,
			  ((struct str){ key, RECORDING_KEY_LEN }),
			  str_of(keys[i].want));
		json_fini(&doc);
	}
}

static const struct {
	const char *name, *url, *body, *want;
} summed[] = {
	{ "bedrock's stream_options are left out",
	  "https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1/v1/chat/"
	  "completions",
	  "{\"stream_options\":{\"include_usage\":true},\"a\":{"
	  "\"stream_options\":1}}",
	  "{\"body\": {\"a\": {\"stream_options\": 1}}, \"endpoint\": "
	  "\"/openai/v1/v1/chat/completions\", \"method\": \"POST\", "
	  "\"test_id\": \"t\"}" },
	{ "not by a path that says bedrock", "http://h/bedrock/x",
	  "{\"stream_options\":1}",
	  "{\"body\": {\"stream_options\": 1}, \"endpoint\": \"/bedrock/x\", "
	  "\"method\": \"POST\", \"test_id\": \"t\"}" },
	{ "some model lists have no test id", "http://localhost:8080/v1/models",
	  "{}",
	  "{\"body\": {}, \"endpoint\": \"/v1/models\", \"method\": \"POST\"}" },
	{ "a query and a fragment are no path", "http://h/a?b=c#d", "{}",
	  "{\"body\": {}, \"endpoint\": \"/a\", \"method\": \"POST\", "
	  "\"test_id\": \"t\"}" },
	{ "no host", "vertexai:///generate_content_stream", "{}",
	  "{\"body\": {}, \"endpoint\": \"/generate_content_stream\", "
	  "\"method\": \"POST\", \"test_id\": \"t\"}" },
	{ "databricks", "https://dbc-1.cloud.databricks.com/serving/v1/x", "{}",
	  "{\"body\": {}, \"endpoint\": \"__databricks__/serving/v1/x\", "
	  "\"method\": \"POST\", \"test_id\": \"t\"}" },
	{ "floats have five decimals, integers stay", "http://h/x",
	  "{\"t\":0.1234567,\"i\":1,\"f\":1.0,\"l\":[1e-7]}",
	  "{\"body\": {\"f\": 1.0, \"i\": 1, \"l\": [0.0], \"t\": 0.12346}, "
	  "\"endpoint\": \"/x\", \"method\": \"POST\", \"test_id\": \"t\"}" },
	{ "texts are normalised, keys are not", "http://h/x",
	  "{\"score: 1\":\"score: 1\"}",
	  "{\"body\": {\"score: 1\": \"score: __NORMALIZED__\"}, "
	  "\"endpoint\": \"/x\", \"method\": \"POST\", \"test_id\": \"t\"}" },
	{ "a project in an element of a list", "http://h/x",
	  "{\"a\":[{\"extra_query\":{\"project_id\":1}}],\"b\":{\"extra_body\":"
	  "{\"project_id\":2}}}",
	  "{\"body\": {\"a\": [{\"extra_query\": {}}], \"b\": {\"extra_body\": "
	  "{\"project_id\": 2}}}, \"endpoint\": \"/x\", \"method\": \"POST\", "
	  "\"test_id\": \"t\"}" },
};

static void what_is_summed(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(summed); i++) {
		struct json doc = parse(summed[i].name, str_of(summed[i].body));
		struct ogx_call call = { .url = str_of(summed[i].url),
					 .doc = &doc,
					 .test_id = STR("t"),
					 .has_test_id = true };
		char key[RECORDING_KEY_LEN], sum[DIGEST_LEN];
		struct buf text;

		buf_init(&text, OUT_MAX);
		check_int(summed[i].name,
			  ogx_key(&call, OGX_KEY_NOW, key, &text), 0);
		check_str(summed[i].name, buf_str(&text),
			  str_of(summed[i].want));
		check_str(summed[i].name, digest_hex(buf_str(&text), sum),
			  ((struct str){ key, RECORDING_KEY_LEN }));
		buf_fini(&text);
		json_fini(&doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_printed_as_python_does),
		cmocka_unit_test(texts_are_normalised),
		cmocka_unit_test(keys_are_those_of_ogx),
		cmocka_unit_test(what_is_summed),
	};

	return cmocka_run_group_tests_name("ogx_key", tests, NULL, NULL);
}
