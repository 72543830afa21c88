#include "recording/transcript.h"

#include "tests/unit/table.h"

#include <stdlib.h>

#include "base/buf.h"
#include "recording/timeline.h"

#define S(literal) STR_INIT(literal)

/* A whole transcript as one line of text, for the tables. */
static struct str flatten(const struct transcript *t, struct arena *a)
{
	struct str s = STR("");

	for (size_t i = 0; i < t->asked_count + t->answer_count; i++) {
		const struct transcript_turn *turn =
			i < t->asked_count ? &t->asked[i]
					   : &t->answers[i - t->asked_count];

		s = arena_printf(a, STR_FMT "%s" STR_FMT ":" STR_FMT,
				 STR_ARG(s), i < t->asked_count ? "<" : ">",
				 STR_ARG(turn->role), STR_ARG(turn->text));
		if (turn->reasoning.len > 0)
			s = arena_printf(a, STR_FMT "~" STR_FMT, STR_ARG(s),
					 STR_ARG(turn->reasoning));
		if (turn->refusal.len > 0)
			s = arena_printf(a, STR_FMT "!" STR_FMT, STR_ARG(s),
					 STR_ARG(turn->refusal));
		for (size_t k = 0; k < turn->call_count; k++) {
			s = arena_printf(a, STR_FMT "+" STR_FMT "(" STR_FMT ")",
					 STR_ARG(s),
					 STR_ARG(turn->calls[k].name),
					 STR_ARG(turn->calls[k].arguments));
		}
		if (turn->finish.len > 0)
			s = arena_printf(a, STR_FMT "=" STR_FMT, STR_ARG(s),
					 STR_ARG(turn->finish));
	}
	if (t->usage.known) {
		s = arena_printf(a, STR_FMT " %lld/%lld", STR_ARG(s),
				 (long long)t->usage.in,
				 (long long)t->usage.out);
	}
	if (t->note.len > 0)
		s = arena_printf(a, STR_FMT "#" STR_FMT, STR_ARG(s),
				 STR_ARG(t->note));
	if (t->error.len > 0)
		s = arena_printf(a, STR_FMT "E" STR_FMT, STR_ARG(s),
				 STR_ARG(t->error));
	return s;
}

static const struct {
	const char *name;
	struct str body, want;
} answers[] = {
	{ "a chat",
	  S("{\"choices\":[{\"index\":0,\"message\":{\"role\":"
	    "\"assistant\",\"content\":\"hi\"},\"finish_reason\":"
	    "\"stop\"}],\"usage\":{\"prompt_tokens\":3,"
	    "\"completion_tokens\":4}}"),
	  S(">assistant:hi=stop 3/4") },
	{ "a refusal and a thought",
	  S("{\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"no\","
	    "\"reasoning_content\":\"hm\",\"reasoning\":\"hm\"}}]}"),
	  S(">:~hm!no") },
	{ "a completion",
	  S("{\"choices\":[{\"index\":1,\"text\":\"b\"},"
	    "{\"index\":0,\"text\":\"a\"}]}"),
	  S(">:b>:a") },
	{ "an answer of Anthropic's",
	  S("{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{"
	    "\"type\":\"thinking\",\"thinking\":\"t\"},{\"type\":\"text\","
	    "\"text\":\"x\"},{\"type\":\"tool_use\",\"id\":\"i\",\"name\":"
	    "\"f\",\"input\":{\"a\":1}}],\"stop_reason\":\"tool_use\","
	    "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}"),
	  S(">assistant:x~t+f({\"a\":1})=tool_use 1/2") },
	{ "a response",
	  S("{\"object\":\"response\",\"status\":\"completed\","
	    "\"output\":[{\"type\":\"reasoning\",\"summary\":[{"
	    "\"text\":\"s\"}]},{\"type\":\"message\",\"role\":"
	    "\"assistant\",\"content\":[{\"type\":\"output_text\""
	    ",\"text\":\"y\"}]},{\"type\":\"function_call\","
	    "\"name\":\"g\",\"arguments\":\"{}\"}]}"),
	  S(">assistant:y~s+g({})=completed") },
	{ "Gemini's array",
	  S("[{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{"
	    "\"text\":\"a\"}]}}]},{\"candidates\":[{\"content\":{\"parts\":[{"
	    "\"functionCall\":{\"name\":\"f\",\"args\":{}}}]},\"finishReason\""
	    ":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":5,"
	    "\"candidatesTokenCount\":6}}]"),
	  S(">model:a+f({})=STOP 5/6") },
	{ "Converse",
	  S("{\"output\":{\"message\":{\"role\":\"assistant\","
	    "\"content\":[{\"text\":\"c\"}]}},\"stopReason\":"
	    "\"end_turn\",\"usage\":{\"inputTokens\":1,"
	    "\"outputTokens\":2}}"),
	  S(">assistant:c=end_turn 1/2") },
	{ "vectors",
	  S("{\"data\":[{\"embedding\":[1,2,3]},{\"embedding\":[4,5,6]}]}"),
	  S("#2 vectors of 3 numbers") },
	{ "models", S("{\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}]}"),
	  S("#2 in a list: a, b") },
	{ "an error", S("{\"error\":{\"message\":\"bad\"}}"), S("Ebad") },
	{ "an error in a word", S("{\"error\":\"bad\"}"), S("Ebad") },
	{ "vLLM's error", S("{\"object\":\"error\",\"message\":\"bad\"}"),
	  S("Ebad") },
	{ "wrong types",
	  S("{\"choices\":[1,{\"delta\":7},{\"message\":{"
	    "\"content\":3,\"tool_calls\":{\"a\":1}}}],"
	    "\"usage\":[],\"data\":5,\"error\":null}"),
	  S(">:+()") },
	{ "no JSON", S("<html>"), S("") },
	{ "nothing", S(""), S("") },
};

static void answers_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(answers); i++) {
		struct recording r = { .response.body = answers[i].body };
		struct transcript t;
		struct arena a;

		arena_init(&a, 1 << 20);
		transcript_make(&r, &a, &t);
		check_str(answers[i].name, flatten(&t, &a), answers[i].want);
		arena_fini(&a);
	}
}

static const struct {
	const char *name;
	enum recording_framing framing;
	struct str body, want;
} streams[] = {
	{ "two choices and calls in pieces", RECORDING_SSE,
	  S("data: {\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\""
	    ",\"content\":\"\"}}]}\n\n: ping\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"}}]}"
	    "\n\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{"
	    "\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{\\\"a\"}}]}}]}\n\n"
	    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\u00e9"
	    "\"},\"finish_reason\":\"stop\"}]}\n\n"
	    "data: {\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{"
	    "\"index\":0,\"function\":{\"arguments\":\"\\\":1}\"}}]}}]}\n\n"
	    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,"
	    "\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"),
	  S(">assistant:+f({\"a\":1})>:H\xc3\xa9=stop 1/2") },
	{ "Anthropic's events", RECORDING_SSE,
	  S("event: message_start\ndata: {\"type\":\"message_start\","
	    "\"message\":{\"role\":\"assistant\",\"content\":[],\"usage\":{"
	    "\"input_tokens\":9,\"output_tokens\":1}}}\n\n"
	    "data: {\"type\":\"content_block_start\",\"index\":0,"
	    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{"
	    "\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"
	    "data: {\"type\":\"content_block_start\",\"index\":1,"
	    "\"content_block\":{\"type\":\"tool_use\",\"id\":\"i\",\"name\":"
	    "\"f\",\"input\":{}}}\n\n"
	    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{"
	    "\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}\n\n"
	    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
	    "\"tool_use\"},\"usage\":{\"output_tokens\":7}}\n\n"),
	  S(">assistant:hi+f({})=tool_use 9/7") },
	{ "a response's events; the end counts", RECORDING_SSE,
	  S("data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}"
	    "\n\ndata: {\"type\":\"response.completed\",\"response\":{"
	    "\"status\":\"completed\",\"output\":[{\"type\":\"message\","
	    "\"role\":\"assistant\",\"content\":[{\"text\":\"ab\"}]}]}}\n\n"),
	  S(">assistant:ab=completed") },
	{ "a response that broke", RECORDING_SSE,
	  S("data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}"
	    "\n\n"),
	  S(">:a") },
	{ "an error in the middle", RECORDING_SSE,
	  S("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
	    "data: {\"error\":{\"message\":\"gone\"}}\n\n"),
	  S(">:aEgone") },
	{ "Ollama's lines", RECORDING_NDJSON,
	  S("{\"message\":{\"role\":\"assistant\",\"content\":\"a\"}}\n"
	    "{\"message\":{\"content\":\"b\"},\"done\":true,\"done_reason\":"
	    "\"stop\",\"prompt_eval_count\":1,\"eval_count\":2}\n"),
	  S(">assistant:ab=stop 1/2") },
	{ "a frame of AWS", RECORDING_EVENTSTREAM,
	  S("\0\0\0\x3c\0\0\0\0XXXX{\"contentBlockIndex\":0,\"delta\":{"
	    "\"text\":\"a\"}}YYYY"),
	  S(">:a") },
	{ "a torn frame", RECORDING_EVENTSTREAM,
	  S("\0\0\1\0\0\0\0\0XXXX{}YYYY"), S("") },
	{ "a frame whose headers are longer than it", RECORDING_EVENTSTREAM,
	  S("\0\0\0\x12\xff\xff\xff\xffXXXX{}YYYY"), S("") },
};

static void streams_are_put_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(streams); i++) {
		struct recording r = {
			.response = { .body = streams[i].body,
				      .framing = streams[i].framing }
		};
		struct transcript t;
		struct arena a;

		arena_init(&a, 1 << 20);
		transcript_make(&r, &a, &t);
		check_str(streams[i].name, flatten(&t, &a), streams[i].want);
		arena_fini(&a);
	}
}

static const struct {
	const char *name;
	struct str body, want;
} requests[] = {
	{ "messages",
	  S("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":"
	    "\"s\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\""
	    ":\"a\"},{\"type\":\"image_url\",\"image_url\":{}}]},{\"role\":"
	    "\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\","
	    "\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"content\":\"r\"}]}"),
	  S("<system:s<user:a[image_url]<assistant:+f({})<tool:r") },
	{ "Anthropic's",
	  S("{\"system\":\"s\",\"messages\":[{\"role\":\"user\","
	    "\"content\":[{\"type\":\"tool_result\","
	    "\"tool_use_id\":\"i\",\"content\":[{\"text\":"
	    "\"r\"}]}]}]}"),
	  S("<system:s<user:r") },
	{ "a response's input",
	  S("{\"instructions\":\"s\",\"input\":[{\"role\":\"user\",\"content\":"
	    "\"a\"},{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":"
	    "\"{}\"},{\"type\":\"function_call_output\",\"output\":\"r\"}]}"),
	  S("<system:s<user:a<assistant:+f({})<tool:r") },
	{ "Gemini's",
	  S("{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},"
	    "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"
	    "\"a\"}]}]}"),
	  S("<system:s<user:a") },
	{ "texts to embed", S("{\"input\":[\"a\",\"b\"]}"),
	  S("<user:a<user:b") },
	{ "tokens", S("{\"input\":[1,2,3]}"),
	  S("<user:[3 tokens or lists of them]") },
	{ "a prompt", S("{\"prompt\":\"p\"}"), S("<user:p") },
	{ "wrong types",
	  S("{\"messages\":[1,[],{\"content\":{}}],\"input\":7,"
	    "\"tools\":{\"a\":1}}"),
	  S("<user:<user:<user:[?]") },
};

static void requests_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(requests); i++) {
		struct recording r = { .request.body = requests[i].body };
		struct transcript t;
		struct arena a;

		arena_init(&a, 1 << 20);
		transcript_make(&r, &a, &t);
		check_str(requests[i].name, flatten(&t, &a), requests[i].want);
		arena_fini(&a);
	}
}

static void settings_and_tools_are_named(void **state)
{
	struct recording r = {
		.request.body = STR("{\"model\":\"m\",\"n\":2,\"stop\":[\"a\", "
				    "\"b\"],\"tools\":[{\"function\":{\"name\":"
				    "\"f\"}},{\"name\":\"g\"},{\"type\":"
				    "\"web_search\"}]}")
	};
	struct transcript t;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	transcript_make(&r, &a, &t);
	check_str("model", t.model, STR("m"));
	check_str("settings", t.options, STR("n 2, stop [\"a\",\"b\"]"));
	check_str("tools", t.tools, STR("f, g, web_search"));
	arena_fini(&a);
}

static void the_bar_is_as_long_as_the_exchange(void **state)
{
	static const struct recording_mark marks[] = {
		{ 1, 50 }, { 2, 0 }, { 3, 25 }, { 4, 24 }
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	check_int("total", timeline_ms(marks, 4), 99);
	check_int("draw", timeline_draw(marks, 4, 4, &out), 0);
	check_str("bar", buf_str(&out), STR("..██"));
	buf_clear(&out);
	check_int("draw", timeline_draw(marks, 4, 8, &out), 0);
	check_str("bar", buf_str(&out), STR("....█ ▄▄"));
	buf_clear(&out);
	check_int("no time", timeline_draw(marks, 0, 8, &out), 0);
	check_str("bar", buf_str(&out), STR(""));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(streams_are_put_together),
		cmocka_unit_test(requests_are_read),
		cmocka_unit_test(settings_and_tools_are_named),
		cmocka_unit_test(the_bar_is_as_long_as_the_exchange),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
