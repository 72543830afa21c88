/*
 * Under which keys a recording is looked for: by what is sent, and OGX's by what
 * OGX would have sent instead.
 */
#include "core/library_impl.h"
#include "recording/key.h"

#include "tests/unit/table.h"

#define WIRE "{\"model\":\"m\",\"messages\":[]}"
#define OGX  "{\"model\":\"m\",\"messages\":[],\"service_tier\":\"default\"}"

static void find(struct str wire, struct str ogx, struct library_keys *out)
{
	struct recording_request req = { .method = STR("POST"),
					 .path = STR("/v1/chat/completions"),
					 .upstream = STR("openai"),
					 .body = wire };
	const struct library_query q = {
		.op = STR("chat.completions"),
		.base_url = STR("https://api.openai.com/v1"),
		.request = &req,
		.ogx_body = ogx,
	};

	library_all_keys(&q, STR("tests/a.py::b"), false, out);
	check_str("first", str_of(out->names[0]), STR("exact"));
	check_str("second", str_of(out->names[1]), STR("normalised"));
	check_str("third", str_of(out->names[2]), STR("ogx"));
}

static void by_what_ogx_sends(void **state)
{
	static struct library_keys wire, ogx, both;

	(void)state;
	find(STR(WIRE), STR_NULL, &wire);
	find(STR(OGX), STR_NULL, &ogx);
	find(STR(WIRE), STR(OGX), &both);
	check_int("count", both.count, ogx.count);
	assert_memory_equal(both.text[0], wire.text[0], RECORDING_KEY_LEN);
	assert_memory_equal(both.text[1], wire.text[1], RECORDING_KEY_LEN);
	for (size_t i = 2; i < both.count; i++) {
		assert_memory_equal(both.text[i], ogx.text[i],
				    RECORDING_KEY_LEN);
		assert_memory_not_equal(both.text[i], wire.text[i],
					RECORDING_KEY_LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_what_ogx_sends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
