#include "recording/key.h"

#include "tests/unit/table.h"

#define S(literal) STR_INIT(literal)

enum {
	EXACT = 1,
	NORMAL = 2,
	NEVER = 0
};

/* Two bodies, and by which key they are the same. */
static const struct {
	const char *name;
	struct str a, b;
	int same;
} bodies[] = {
	{ "order and space", S("{\"a\":1,\"b\":[ 2 ]}"),
	  S("{\"b\":[2], \"a\":1}"), EXACT },
	{ "order in a list", S("[1,2]"), S("[2,1]"), NEVER },
	{ "numbers of one value", S("[1,0.5,100,0,-2e3]"),
	  S("[1.0,5e-1,1E2,0.00,-2000]"), EXACT },
	{ "numbers of another value", S("[1]"), S("[1.0000000000000000001]"),
	  NEVER },
	{ "large numbers", S("[12345678901234567890]"),
	  S("[12345678901234567891]"), NEVER },
	{ "a sign", S("[1]"), S("[-1]"), NEVER },
	{ "a number and its text", S("[1]"), S("[\"1\"]"), NEVER },
	{ "escapes", S("[\"a\\u0062/\"]"), S("[\"ab\\/\"]"), EXACT },
	{ "another word", S("[\"hello\"]"), S("[\"Hello\"]"), NEVER },
	{ "null and absent", S("{\"a\":null}"), S("{}"), NEVER },
	{ "obfuscation",
	  S("{\"stream_options\":{\"include_usage\":true,"
	    "\"include_obfuscation\":false}}"),
	  S("{\"stream_options\":{\"include_usage\":true}}"), NORMAL },
	{ "options that say no more",
	  S("{\"stream_options\":{"
	    "\"include_obfuscation\":false}}"),
	  S("{}"), NORMAL },
	{ "ids", S("[{\"id\":\"call_abcdefgh\"},\"call_abcdefgh\"]"),
	  S("[{\"id\":\"call_01234567\"},\"call_01234567\"]"), NORMAL },
	{ "ids that are not the same twice",
	  S("[\"call_abcdefgh\",\"call_abcdefgh\"]"),
	  S("[\"call_01234567\",\"call_12345678\"]"), NEVER },
	{ "ids in a sentence", S("[\"see call_abcdefgh\"]"),
	  S("[\"see call_01234567\"]"), NEVER },
	{ "secrets", S("[\"sk-a1b2c3d4e5f6g7h8i9\"]"),
	  S("[\"sk-z1b2c3d4e5f6g7h8i0\"]"), EXACT },
	{ "what is no JSON", S("a"), S("b"), NEVER },
	{ "nothing and null", S(""), S("null"), EXACT },
};

static struct str key_of(const char *name, struct recording_request *req,
			 enum key_tier tier, char out[RECORDING_KEY_LEN])
{
	struct key_input input = { STR("chat.completions"), req };

	check_int(name, key_make(&input, tier, out, NULL), 0);
	return (struct str){ out, RECORDING_KEY_LEN };
}

static int compare(const char *name, struct recording_request *a,
		   struct recording_request *b)
{
	char x[RECORDING_KEY_LEN], y[RECORDING_KEY_LEN];

	if (str_eq(key_of(name, a, KEY_EXACT, x),
		   key_of(name, b, KEY_EXACT, y)))
		return EXACT;
	return str_eq(key_of(name, a, KEY_NORMAL, x),
		      key_of(name, b, KEY_NORMAL, y))
		       ? NORMAL
		       : NEVER;
}

static struct recording_request some(struct str body)
{
	return (struct recording_request){
		.method = STR("POST"),
		.path = STR("/v1/chat/completions"),
		.upstream = STR("openai"),
		.body = body,
	};
}

static void bodies_are_the_same_or_not(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bodies); i++) {
		struct recording_request a = some(bodies[i].a);
		struct recording_request b = some(bodies[i].b);

		check_int(bodies[i].name, compare(bodies[i].name, &a, &b),
			  bodies[i].same);
	}
}

static void other_parts_count_too(void **state)
{
	struct http_header version = { .name = STR("Anthropic-Version"),
				       .value = STR("2023-06-01") };
	struct http_header agent = { .name = STR("user-agent"),
				     .value = STR("x") };
	struct recording_request a = some(STR("{}")), b = a;

	(void)state;
	check_int("the same", compare("the same", &a, &b), EXACT);
	b.headers = &agent;
	b.header_count = 1;
	check_int("a header", compare("a header", &a, &b), EXACT);
	b.headers = &version;
	check_int("a version", compare("a version", &a, &b), NEVER);
	b = a;
	b.upstream = STR("azure");
	check_int("upstream", compare("upstream", &a, &b), NEVER);
	b = a;
	b.path = STR("/v1/chat/completions?api-version=1");
	check_int("version", compare("version", &a, &b), NEVER);
	b.path = STR("/v1/chat/completions?key=abc&X-Amz-Date=1");
	check_int("key", compare("key", &a, &b), EXACT);
	b = a;
	b.method = STR("GET");
	check_int("method", compare("method", &a, &b), NEVER);
}

static void boundaries_are_not_compared(void **state)
{
	struct http_header one = {
		.name = STR("content-type"),
		.value = STR("multipart/form-data; boundary=abc")
	};
	struct http_header two = {
		.name = STR("content-type"),
		.value = STR("multipart/form-data; boundary=\"x-y\"")
	};
	struct recording_request a = some(STR("--abc\r\n\r\nhi\r\n--abc--"));
	struct recording_request b = some(STR("--x-y\r\n\r\nhi\r\n--x-y--"));
	struct key_input input = { STR("files"), &a };
	struct key_counts counts;

	(void)state;
	a.headers = &one;
	b.headers = &two;
	a.header_count = 1;
	b.header_count = 1;
	check_int("same", compare("same", &a, &b), NORMAL);
	check_int("count", key_count(&input, &counts), 0);
	check_int("boundaries", counts.counts[KEY_BOUNDARY], 2);
	check_int("ids", counts.counts[KEY_IDS], 0);
	b.body = STR("--x-y\r\n\r\nho\r\n--x-y--");
	check_int("other", compare("other", &a, &b), NEVER);
}

static void what_is_summed(void **state)
{
	struct recording_request a =
		some(STR("{\"n\":1.50,\"\xc3\xa9\":\"call_abcdefgh\"}"));
	struct key_input input = { STR("chat.completions"), &a };
	char key[RECORDING_KEY_LEN];
	struct buf text;

	(void)state;
	buf_init(&text, 4096);
	check_int("make", key_make(&input, KEY_NORMAL, key, &text), 0);
	check_str("text", buf_str(&text),
		  STR("{\"body\": {\"n\": 15e-1, \"\\u00e9\": \"<id 1>\"}, "
		      "\"headers\": {}, \"method\": \"POST\", \"op\": "
		      "\"chat.completions\", \"path\": "
		      "\"/v1/chat/completions\", \"upstream\": \"openai\"}"));
	buf_fini(&text);
}

static void ids_are_known_by_their_shape(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} rows[] = {
		{ "call_abcdef", true },
		{ "toolu_01A09q90qw90lq917835lq9", true },
		{ "resp_1234567890", true },
		{ "call_x", false },
		{ "call_ab cdef", false },
		{ "caller", false },
		{ "", false },
		{ "chatcmpl-tool-0123456789", true },
		{ "0b7d2b0e-1f0c-4b9a-9a58-3b8f3f6f0d11", true },
		{ "0b7d2b0e-1f0c-4b9a-9a58-3b8f3f6f0d1g", false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++)
		check_int(rows[i].text, key_is_id(str_of(rows[i].text)),
			  rows[i].is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_the_same_or_not),
		cmocka_unit_test(other_parts_count_too),
		cmocka_unit_test(boundaries_are_not_compared),
		cmocka_unit_test(what_is_summed),
		cmocka_unit_test(ids_are_known_by_their_shape),
	};

	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
