#include "provider/provider_data.h"

#include "tests/unit/table.h"

#define OGX "x-ogx-provider-data"
#define OLD "x-llamastack-provider-data"

static int parse(const char *fields, struct arena *a,
		 const struct provider_data **out, struct api_error *e)
{
	struct str text =
		arena_printf(a, "GET / HTTP/1.1\r\nhost: x\r\n%s\r\n", fields);
	struct http_fault fault;
	struct http_head head;

	assert_int_equal(http_parse_request(text, a, &head, &fault), 0);
	return provider_data_read(&head, a, out, e);
}

static void headers_are_read(void **state)
{
	static const struct {
		const char *name, *fields;
		int want;
		const char *key; /* openai_api_key, or part of the message */
	} cases[] = {
		{ "no header", "", 0, "" },
		{ "the header", OGX ": {\"openai_api_key\": \"k1\"}\r\n", 0,
		  "k1" },
		{ "the name in any case",
		  "X-OGX-Provider-Data: {\"openai_api_key\":\"k1\"}\r\n", 0,
		  "k1" },
		{ "its older name", OLD ": {\"openai_api_key\":\"k1\"}\r\n", 0,
		  "k1" },
		{ "both: the newer counts",
		  OLD ": nonsense\r\n" OGX ": {\"openai_api_key\":\"k2\"}\r\n",
		  0, "k2" },
		{ "escapes", OGX ": {\"openai\\u005fapi_key\":\"\\u006b\"}\r\n",
		  0, "k" },
		{ "the last of equal names",
		  OGX ": {\"openai_api_key\":\"a\",\"openai_api_key\":\"b\"}"
		      "\r\n",
		  0, "b" },
		{ "null is absent", OGX ": {\"openai_api_key\":null}\r\n", 0,
		  "" },
		{ "the last of equal names, when null",
		  OGX ": {\"openai_api_key\":\"a\",\"openai_api_key\":null}"
		      "\r\n",
		  0, "" },
		{ "other members", OGX ": {\"x\":{\"y\":[1]},\"z\":1}\r\n", 0,
		  "" },
		{ "an empty object", OGX ": {}\r\n", 0, "" },
		{ "twice", OGX ": {}\r\n" OGX ": {}\r\n", API_FAIL, "twice" },
		{ "no value", OGX ":\r\n", API_FAIL, "not valid JSON" },
		{ "no JSON", OGX ": sk-1\r\n", API_FAIL, "not valid JSON" },
		{ "half of it", OGX ": {\"a\":\"b\"\r\n", API_FAIL,
		  "not valid JSON" },
		{ "an array", OGX ": []\r\n", API_FAIL, "not a JSON object" },
		{ "a string", OGX ": \"k\"\r\n", API_FAIL,
		  "not a JSON object" },
		{ "null", OGX ": null\r\n", API_FAIL, "not a JSON object" },
		{ "the old name is told", OLD ": []\r\n", API_FAIL, OLD },
		{ "too deep", OGX ": {\"a\":[[[[[[[[[1]]]]]]]]]}\r\n", API_FAIL,
		  "not valid JSON" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct provider_data *data = NULL;
		struct api_error e = { 0 };
		struct str want = str_of(cases[i].key);
		struct arena a;

		arena_init(&a, 1 << 20);
		check_int(cases[i].name, parse(cases[i].fields, &a, &data, &e),
			  cases[i].want);
		if (cases[i].want == 0) {
			check_str(cases[i].name,
				  provider_data_get(data,
						    STR("openai_api_key")),
				  want);
		} else {
			check_int(cases[i].name, e.status, 400);
			check_true(cases[i].name,
				   str_find(e.message, want) < e.message.len);
		}
		arena_fini(&a);
	}
}

static void sizes_are_bounded(void **state)
{
	const struct provider_data *data;
	struct api_error e = { 0 };
	struct str text;
	struct arena a;

	(void)state;
	arena_init(&a, 8 << 20);
	text = arena_printf(&a, OGX ": {\"a\":\"%0*d\"}\r\n",
			    PROVIDER_DATA_BYTES_MAX, 0);
	assert_int_equal(parse(arena_cz(&a, text), &a, &data, &e), API_FAIL);
	check_true("its size",
		   str_find(e.message, STR("16 KB")) < e.message.len);

	text = STR(OGX ": {\"a\":1");
	for (int i = 1; i < PROVIDER_DATA_MEMBERS_MAX; i++)
		text = arena_printf(&a, STR_FMT ",\"a%d\":1", STR_ARG(text), i);
	assert_int_equal(parse(arena_cz(&a, arena_printf(&a, STR_FMT "}\r\n",
							 STR_ARG(text))),
			       &a, &data, &e),
			 0);
	assert_int_equal(data->count, PROVIDER_DATA_MEMBERS_MAX);
	assert_int_equal(
		parse(arena_cz(&a, arena_printf(&a, STR_FMT ",\"b\":1}\r\n",
						STR_ARG(text))),
		      &a, &data, &e),
		API_FAIL);
	arena_fini(&a);
}

static void fields_can_be_sent(void **state)
{
	static const struct {
		const char *name, *json;
		int want;
		const char *value;
	} cases[] = {
		{ "a key", "{\"k\":\"sk-1_~!\"}", 0, "sk-1_~!" },
		{ "none", "{\"j\":\"x\"}", 0, "" },
		{ "an empty one", "{\"k\":\"\"}", 0, "" },
		{ "a number", "{\"k\":5}", API_FAIL, "must be a string" },
		{ "an object", "{\"k\":{}}", API_FAIL, "must be a string" },
		{ "a line break", "{\"k\":\"a\\r\\nx: 1\"}", API_FAIL,
		  "visible ASCII" },
		{ "a NUL", "{\"k\":\"a\\u0000\"}", API_FAIL, "visible ASCII" },
		{ "a space", "{\"k\":\"a b\"}", API_FAIL, "visible ASCII" },
		{ "beyond ASCII", "{\"k\":\"\\u00e9\"}", API_FAIL,
		  "visible ASCII" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct provider_data *data = NULL;
		struct str value = STR("as it was"), field;
		struct api_error e = { 0 };
		struct arena a;
		int r;

		arena_init(&a, 1 << 20);
		field = arena_printf(&a, OGX ": %s\r\n", cases[i].json);
		assert_int_equal(parse(arena_cz(&a, field), &a, &data, &e), 0);
		r = provider_data_field(data, STR("k"), &a, &value, &e);
		check_int(cases[i].name, r, cases[i].want);
		if (r == 0) {
			check_str(cases[i].name, value, str_of(cases[i].value));
		} else {
			check_true(cases[i].name,
				   str_find(e.message, str_of(cases[i].value)) <
					   e.message.len);
		}
		arena_fini(&a);
	}
}

static void secrets_are_hidden(void **state)
{
	static const char header[] =
		OGX ": {\"openai_api_key\":\"secret-1\",\"b_token\":"
		    "\"secret-2\",\"azure_api_base\":\"https://a.b\","
		    "\"short\":\"is\"}\r\n";
	const struct provider_data *data = NULL;
	struct api_error e = { 0 };
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	assert_int_equal(parse(header, &a, &data, &e), 0);
	check_str("all of them",
		  provider_data_mask(data,
				     STR("secret-1 is not secret-2, "
					 "secret-1: https://a.b"),
				     &a),
		  STR("******** is not ********, ********: https://a.b"));
	check_str("nothing to hide", provider_data_mask(data, STR("fine"), &a),
		  STR("fine"));
	check_str("no data", provider_data_mask(NULL, STR("secret-1"), &a),
		  STR("secret-1"));
	check_str("one value",
		  provider_data_hide(STR("xsecret-9y"), STR("secret-9"), &a),
		  STR("x********y"));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read),
		cmocka_unit_test(sizes_are_bounded),
		cmocka_unit_test(fields_can_be_sent),
		cmocka_unit_test(secrets_are_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
