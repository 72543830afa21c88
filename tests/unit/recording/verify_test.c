#include "recording/verify.h"

#include "base/buf.h"

#include "tests/unit/table.h"

#define MEGA (1 << 20)

#define CALL(name)                                         \
	"{\"tool_calls\":[{\"function\":{\"name\":\"" name \
	"\",\"arguments\":\"{}\"}}]}"
#define SSE(data) "data: " data "\n\n"

static const struct {
	const char *name;
	enum recording_framing framing;
	const char *was, *now;
	size_t count;
	const char *said; /* a part of it */
} rows[] = {
	{ "the same", RECORDING_WHOLE, "{\"a\":1}", "{\"a\":1}", 0, "" },
	{ "other words and numbers", RECORDING_WHOLE, "{\"a\":1,\"b\":\"x\"}",
	  "{ \"b\": \"yy\", \"a\": 2.5 }", 0, "" },
	{ "null is nothing", RECORDING_WHOLE, "{\"a\":1}",
	  "{\"a\":1,\"b\":null}", 0, "" },
	{ "another type", RECORDING_WHOLE, "{\"a\":1}", "{\"a\":\"1\"}", 2,
	  "a new shape {\"a\":string }" },
	{ "a word of the protocol", RECORDING_WHOLE, "{\"type\":\"a\"}",
	  "{\"type\":\"b\"}", 2, "no longer a shape {\"type\":\"a\" }" },
	{ "more elements", RECORDING_WHOLE, "[{\"a\":1}]",
	  "[{\"a\":1},{\"a\":2}]", 0, "" },
	{ "other elements", RECORDING_WHOLE, "[{\"a\":1}]",
	  "[{\"a\":1},{\"b\":2}]", 2, "a new shape" },
	{ "no JSON any more", RECORDING_WHOLE, "{}", "<html>", 2,
	  "a new shape no JSON" },
	{ "what a model made up", RECORDING_WHOLE, "{\"input\":{\"a\":1}}",
	  "{\"input\":{\"b\":[]}}", 0, "" },
	{ "the same tool", RECORDING_WHOLE, CALL("f"), CALL("f"), 0, "" },
	{ "another tool", RECORDING_WHOLE, CALL("f"), CALL("g"), 2,
	  "a new tool \"g\"" },
	{ "Anthropic's tools", RECORDING_WHOLE,
	  "{\"content\":{\"type\":\"tool_use\",\"name\":\"f\"}}",
	  "{\"content\":{\"type\":\"tool_use\",\"name\":\"g\"}}", 2,
	  "no longer a tool \"f\"" },
	{ "another reason", RECORDING_WHOLE, "{\"finish_reason\":\"stop\"}",
	  "{\"finish_reason\":\"length\"}", 2,
	  "a new finish reason \"length\"" },
	{ "a reason more", RECORDING_WHOLE, "[{\"stop_reason\":\"a\"}]",
	  "[{\"stop_reason\":\"a\"},{\"stop_reason\":\"a\"}]", 1,
	  "2 times a finish reason, not 1" },
	{ "a few tokens more", RECORDING_WHOLE,
	  "{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":40}}",
	  "{\"usage\":{\"prompt_tokens\":115,\"completion_tokens\":85}}", 0,
	  "" },
	{ "many tokens more", RECORDING_WHOLE,
	  "{\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":40}}",
	  "{\"usage\":{\"prompt_tokens\":116,\"completion_tokens\":86}}", 2,
	  "116 input tokens, not 100; 86 output tokens, not 40" },
	{ "many tokens less", RECORDING_WHOLE,
	  "{\"usage\":{\"input_tokens\":100,\"output_tokens\":40}}",
	  "{\"usage\":{\"input_tokens\":85,\"output_tokens\":14}}", 2,
	  "85 input tokens" },
	{ "usage is not told", RECORDING_WHOLE,
	  "{\"usage\":{\"prompt_tokens\":1}}", "{\"usage\":{}}", 3,
	  "input tokens are no longer told" },
	{ "events of other numbers and order", RECORDING_SSE,
	  SSE("{\"a\":1}") SSE("{\"b\":1}") SSE("[DONE]"),
	  SSE("{\"b\":1}") SSE("{\"a\":1}") SSE("{\"a\":2}"), 0, "" },
	{ "an event of another name", RECORDING_SSE,
	  "event: x\n" SSE("{\"a\":1}"), "event: y\n" SSE("{\"a\":1}"), 2,
	  "a new shape y" },
	{ "an event that is gone", RECORDING_SSE,
	  SSE("{\"a\":1}") SSE("{\"error\":{}}"), SSE("{\"a\":1}"), 1,
	  "no longer a shape" },
};

static struct recording answer(enum recording_framing framing, const char *body)
{
	return (struct recording){ .response = { .status = 200,
						 .framing = framing,
						 .body = str_of(body) } };
}

static bool contains(struct str s, const char *part)
{
	struct str p = str_of(part);

	return p.len == 0 || str_find(s, p) < s.len;
}

static void bodies_are_compared(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct recording was = answer(rows[i].framing, rows[i].was);
		struct recording now = answer(rows[i].framing, rows[i].now);
		struct verify v;
		struct arena a;

		arena_init(&a, 64 * MEGA);
		verify_compare(&was, &now, &a, &v);
		if (v.count != rows[i].count ||
		    !contains(v.text, rows[i].said)) {
			fail_msg("%s: %zu: " STR_FMT, rows[i].name, v.count,
				 STR_ARG(v.text));
		}
		arena_fini(&a);
	}
}

static void answers_are_compared(void **state)
{
	struct recording was = answer(RECORDING_WHOLE, "{}"), now = was;
	struct verify v;
	struct arena a;

	(void)state;
	arena_init(&a, MEGA);
	now.response.status = 503;
	verify_compare(&was, &now, &a, &v);
	check_str("status", v.text, STR("status 503, not 200"));
	now = was;
	now.response.framing = RECORDING_SSE;
	verify_compare(&was, &now, &a, &v);
	check_str("framing", v.text, STR("sse, not whole"));
	now = was;
	now.response.end = RECORDING_END_RESET;
	verify_compare(&was, &now, &a, &v);
	check_str("end", v.text, STR("it ends with reset, not eof"));
	now = was;
	now.response.fail = RECORDING_DNS;
	verify_compare(&was, &now, &a, &v);
	check_str("no answer", v.text, STR("dns, not an answer"));
	arena_fini(&a);
}

static void much_is_cut_short(void **state)
{
	struct recording was = answer(RECORDING_SSE, ""), now = was;
	struct verify v;
	struct arena a;
	struct buf body;

	(void)state;
	buf_init(&body, MEGA);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(buf_printf(&body,
					    "data: {\"member_%d\":1}\n\n", i),
				 0);
	}
	now.response.body = buf_str(&body);
	arena_init(&a, 64 * MEGA);
	verify_compare(&was, &now, &a, &v);
	assert_int_equal(v.count, VERIFY_LIST_MAX);
	assert_true(v.text.len > 1000 && v.text.len <= VERIFY_TEXT_MAX);
	arena_fini(&a);
	buf_fini(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_compared),
		cmocka_unit_test(answers_are_compared),
		cmocka_unit_test(much_is_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
