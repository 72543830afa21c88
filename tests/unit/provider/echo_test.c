#include "config/config.h"
#include "http/sse.h"
#include "provider/provider.h"

#include "tests/unit/table.h"

#include <stdio.h>

#define CREATED 1777636800
#define U(text) "{\"role\":\"user\",\"content\":\"" text "\"}"
#define REQUEST(messages, more) \
	"{\"model\":\"echo\",\"messages\":[" messages "]" more "}"
#define TOOLS                                                                \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get\"," \
	"\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{"     \
	"\"type\":\"string\"},\"days\":{\"type\":\"integer\",\"minimum\":2"  \
	"},\"no\":{\"type\":\"string\"}},\"required\":[\"days\",\"city\"]}"  \
	"}},{\"type\":\"function\",\"function\":{\"name\":\"put\"}}]"
#define SCHEMA(schema)                                                     \
	",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{" \
	"\"name\":\"n\",\"schema\":" schema "}}"

struct run {
	struct arena arena;
	struct buf body; /* all that was answered */
	struct api_error error;
	int64_t waited_ns;
	size_t calls;
	int r; /* of the last call */
};

static const int64_t pace_ns = 5000000;

static void run(struct run *t, const char *name, const char *request)
{
	const struct provider_type *type =
		provider_type_find(STR("inline::echo"));
	struct config_provider config = { .id = STR("echo") };
	struct provider p = { .type = type,
			      .id = STR("echo"),
			      .config = &config,
			      .state = (void *)(uintptr_t)&pace_ns };
	struct provider_request req = { .op = LLM_CHAT,
					.model = STR("echo"),
					.wall_ns =
						CREATED * INT64_C(1000000000) };
	struct json_error bad;
	struct json doc;
	struct provider_reply reply = { .arena = &t->arena,
					.out = &t->body,
					.error = &t->error };
	struct provider_stream *stream;

	*t = (struct run){ .r = 1 };
	arena_init(&t->arena, 1 << 26);
	buf_init(&t->body, 1 << 24);
	stream = arena_zalloc(&t->arena, type->stream_size);
	if (json_parse(str_of(request), &(struct json_limits){ 0 }, &doc,
		       &bad) != 0)
		fail_msg("%s: the row is not JSON", name);
	req.doc = &doc;
	while (t->r == 1) {
		t->r = type->generate(&p, &req, stream, &reply);
		t->waited_ns += reply.wait_ns;
		t->calls++;
	}
	json_fini(&doc);
}

static void fini(struct run *t)
{
	buf_fini(&t->body);
	arena_fini(&t->arena);
}

static void parse(const char *name, struct str text, struct json *doc)
{
	struct json_error bad;

	if (json_parse(text, &(struct json_limits){ 0 }, doc, &bad) != 0)
		fail_msg("%s: not JSON: " STR_FMT, name, STR_ARG(text));
}

static struct str text_at(const struct json *doc, const char *path,
			  struct arena *a)
{
	uint32_t v = json_path(doc, json_root(doc), str_of(path));

	if (json_type(doc, v) == JSON_STRING)
		return json_string(doc, v, a);
	return json_raw(doc, v);
}

static void answers_follow_from_the_request(void **state)
{
	static const struct {
		const char *name, *request, *path, *want;
	} cases[] = {
		{ "the text comes back", REQUEST(U("hello you"), ""),
		  "choices.0.message.content", "hello you" },
		{ "of the last user",
		  REQUEST(U("a") ",{\"role\":\"assistant\",\"content\":\"b\"}"
				 "," U("c"),
			  ""),
		  "choices.0.message.content", "c" },
		{ "or of a tool",
		  REQUEST(U("a") ",{\"role\":\"tool\",\"tool_call_id\":\"x\","
				 "\"content\":\"15 C\"}",
			  ""),
		  "choices.0.message.content", "15 C" },
		{ "nothing is said so",
		  REQUEST("{\"role\":\"system\",\"content\":\"x\"}", ""),
		  "choices.0.message.content", "(nothing to echo)" },
		{ "it stopped by itself", REQUEST(U("a"), ""),
		  "choices.0.finish_reason", "stop" },
		{ "a limit cuts", REQUEST(U("a b c"), ",\"max_tokens\":2"),
		  "choices.0.message.content", "a b" },
		{ "and is the reason", REQUEST(U("a b c"), ",\"max_tokens\":2"),
		  "choices.0.finish_reason", "length" },
		{ "the new name of the limit",
		  REQUEST(U("a b c"), ",\"max_completion_tokens\":1"),
		  "choices.0.message.content", "a" },
		{ "a limit that is just enough",
		  REQUEST(U("a b c"), ",\"max_tokens\":3"),
		  "choices.0.finish_reason", "stop" },
		{ "a stop word cuts", REQUEST(U("a b c"), ",\"stop\":\" c\""),
		  "choices.0.message.content", "a b" },
		{ "the first of several stop words",
		  REQUEST(U("a b c"), ",\"stop\":[\"c\",\"b\",\"\"]"),
		  "choices.0.message.content", "a " },
		{ "n answers", REQUEST(U("a"), ",\"n\":3"), "choices.2.index",
		  "2" },
		{ "tokens of the prompt", REQUEST(U("a b c"), ""),
		  "usage.prompt_tokens", "3" },
		{ "tokens of all answers", REQUEST(U("a b"), ",\"n\":3"),
		  "usage.completion_tokens", "6" },
		{ "their sum", REQUEST(U("a b"), ",\"n\":3"),
		  "usage.total_tokens", "8" },
		{ "the time", REQUEST(U("a"), ""), "created", "1777636800" },
		{ "the object", REQUEST(U("a"), ""), "object",
		  "chat.completion" },
		{ "tools alone call nothing", REQUEST(U("a"), TOOLS),
		  "choices.0.message.content", "a" },
		{ "a required tool is the first",
		  REQUEST(U("a"), TOOLS ",\"tool_choice\":\"required\""),
		  "choices.0.message.tool_calls.0.function.name", "get" },
		{ "its arguments have what is required",
		  REQUEST(U("a"), TOOLS ",\"tool_choice\":\"required\""),
		  "choices.0.message.tool_calls.0.function.arguments",
		  "{\"city\":\"text\",\"days\":2}" },
		{ "it is the reason",
		  REQUEST(U("a"), TOOLS ",\"tool_choice\":\"required\""),
		  "choices.0.finish_reason", "tool_calls" },
		{ "there is no content beside",
		  REQUEST(U("a"), TOOLS ",\"tool_choice\":\"required\""),
		  "choices.0.message.content", "null" },
		{ "a named tool is called",
		  REQUEST(U("a"),
			  TOOLS ",\"tool_choice\":{\"type\":\"function\","
				"\"function\":{\"name\":\"put\"}}"),
		  "choices.0.message.tool_calls.0.function.name", "put" },
		{ "a tool without parameters gets none",
		  REQUEST(U("a"),
			  TOOLS ",\"tool_choice\":{\"type\":\"function\","
				"\"function\":{\"name\":\"put\"}}"),
		  "choices.0.message.tool_calls.0.function.arguments", "{}" },
		{ "a JSON object",
		  REQUEST(U("say \\\"x\\\""),
			  ",\"response_format\":{\"type\":\"json_object\"}"),
		  "choices.0.message.content", "{\"echo\":\"say \\\"x\\\"\"}" },
	};
	struct run t;
	struct json doc;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		run(&t, cases[i].name, cases[i].request);
		check_int(cases[i].name, t.r, 0);
		check_int(cases[i].name, t.calls, 1);
		parse(cases[i].name, buf_str(&t.body), &doc);
		check_str(cases[i].name, text_at(&doc, cases[i].path, &t.arena),
			  str_of(cases[i].want));
		json_fini(&doc);
		fini(&t);
	}
}

static void schemas_are_filled(void **state)
{
	static const struct {
		const char *name, *request, *want;
	} cases[] = {
		{ "types",
		  REQUEST(U("a"),
			  SCHEMA("{\"type\":\"object\",\"properties\":{\"s\":"
				 "{\"type\":\"string\"},\"b\":{\"type\":"
				 "\"boolean\"},\"z\":{\"type\":\"null\"},"
				 "\"l\":{\"type\":\"array\",\"items\":{"
				 "\"type\":\"number\"},\"minItems\":2}},"
				 "\"required\":[\"s\",\"b\",\"z\",\"l\"]}")),
		  "{\"s\":\"text\",\"b\":true,\"z\":null,\"l\":[0,0]}" },
		{ "values that are given",
		  REQUEST(U("a"),
			  SCHEMA("{\"type\":\"object\",\"properties\":{\"c\":"
				 "{\"const\":[1]},\"e\":{\"enum\":[\"x\","
				 "\"y\"]},\"d\":{\"default\":5}},"
				 "\"required\":[\"c\",\"e\",\"d\"]}")),
		  "{\"c\":[1],\"e\":\"x\",\"d\":5}" },
		{ "bounds",
		  REQUEST(U("a"),
			  SCHEMA("{\"type\":\"object\",\"properties\":{\"a\":"
				 "{\"type\":\"string\",\"minLength\":6},"
				 "\"b\":{\"type\":\"string\",\"maxLength\":2}"
				 ",\"c\":{\"type\":\"integer\","
				 "\"exclusiveMinimum\":4},\"d\":{\"type\":"
				 "\"number\",\"maximum\":-1.5}},\"required\":"
				 "[\"a\",\"b\",\"c\",\"d\"]}")),
		  "{\"a\":\"textxx\",\"b\":\"te\",\"c\":5,\"d\":-1.5}" },
		{ "formats and lists of types",
		  REQUEST(U("a"),
			  SCHEMA("{\"type\":\"object\",\"properties\":{\"a\":"
				 "{\"type\":[\"null\",\"string\"],\"format\":"
				 "\"date\"}},\"required\":[\"a\"]}")),
		  "{\"a\":\"2025-01-01\"}" },
		{ "references and choices",
		  REQUEST(U("a"),
			  SCHEMA("{\"$defs\":{\"p\":{\"type\":\"object\","
				 "\"properties\":{\"n\":{\"anyOf\":[{\"type\":"
				 "\"integer\"},{\"type\":\"null\"}]}},"
				 "\"required\":[\"n\"]}},\"type\":\"array\","
				 "\"minItems\":1,\"items\":{\"$ref\":"
				 "\"#/$defs/p\"}}")),
		  "[{\"n\":0}]" },
		{ "no schema is an object",
		  REQUEST(U("a"),
			  ",\"response_format\":{\"type\":\"json_schema\","
			  "\"json_schema\":{\"name\":\"n\"}}"),
		  "{}" },
	};
	struct run t;
	struct json doc;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		run(&t, cases[i].name, cases[i].request);
		check_int(cases[i].name, t.r, 0);
		parse(cases[i].name, buf_str(&t.body), &doc);
		check_str(cases[i].name,
			  text_at(&doc, "choices.0.message.content", &t.arena),
			  str_of(cases[i].want));
		json_fini(&doc);
		fini(&t);
	}
}

/* Schemas that refer to themselves, once and eightfold. */
static void schemas_without_end_end(void **state)
{
	static const char *const requests[] = {
		REQUEST(U("a"), SCHEMA("{\"$ref\":\"#\"}")),
		REQUEST(U("a"), SCHEMA("{\"type\":\"array\",\"minItems\":8,"
				       "\"items\":{\"$ref\":\"#\"}}")),
		REQUEST(U("a"),
			SCHEMA("{\"type\":\"object\",\"properties\":{\"a\":{"
			       "\"$ref\":\"#\"},\"b\":{\"$ref\":\"#\"}},"
			       "\"required\":[\"a\",\"b\"]}")),
		REQUEST(U("a"), SCHEMA("{\"$ref\":\"http://x/\"}")),
		REQUEST(U("a"), SCHEMA("{\"$ref\":\"#/a//b/\"}")),
	};
	struct run t;
	struct json doc, inner;

	(void)state;
	for (size_t i = 0; i < countof(requests); i++) {
		run(&t, requests[i], requests[i]);
		check_int(requests[i], t.r, 0);
		parse(requests[i], buf_str(&t.body), &doc);
		parse(requests[i],
		      text_at(&doc, "choices.0.message.content", &t.arena),
		      &inner);
		json_fini(&inner);
		json_fini(&doc);
		fini(&t);
	}
}

#define DATA(choices, more)                                                 \
	"data: {\"id\":\"ID\",\"object\":\"chat.completion.chunk\","        \
	"\"created\":1777636800,\"model\":\"echo\",\"system_fingerprint\":" \
	"\"fp_echo\",\"choices\":[" choices "]" more "}\n\n"
#define CHOICE(index, delta, reason)                                    \
	"{\"index\":" index ",\"delta\":{" delta "},\"logprobs\":null," \
	"\"finish_reason\":" reason "}"

/* The ids are hashes: put a name in the place of those with that prefix. */
static struct str with_name(struct str text, const char *prefix,
			    const char *name, struct arena *a)
{
	struct str mark = arena_printf(a, "\"%s", prefix), id;
	struct str all = STR_NULL;

	for (;;) {
		size_t at = str_find(text, mark);

		all = arena_printf(a, STR_FMT STR_FMT, STR_ARG(all),
				   STR_ARG(str_take(text, at)));
		if (at == text.len)
			return all;
		all = arena_printf(a, STR_FMT "\"%s\"", STR_ARG(all), name);
		text = str_drop(text, at + 1);
		(void)str_cut(text, '"', &id, &text);
	}
}

static void streams_are_chunks(void **state)
{
	static const struct {
		const char *name, *request, *want;
		int64_t waits;
	} cases[] = {
		{ "words", REQUEST(U("a  b"), ",\"stream\":true"),
		  DATA(CHOICE("0", "\"role\":\"assistant\",\"content\":\"\"",
			      "null"),
		       "") DATA(CHOICE("0", "\"content\":\"a\"", "null"), "")
			  DATA(CHOICE("0", "\"content\":\"  b\"", "null"), "")
				  DATA(CHOICE("0", "", "\"stop\""),
				       "") "data: [DONE]\n\n",
		  2 },
		{ "two choices and usage",
		  REQUEST(U("a"),
			  ",\"stream\":true,\"n\":2,\"stream_options\":{"
			  "\"include_usage\":true}"),
		  DATA(CHOICE("0", "\"role\":\"assistant\",\"content\":\"\"",
			      "null"),
		       ",\"usage\":null") DATA(CHOICE("1",
						      "\"role\":\"assistant\",\"content\":\"\"",
						      "null"),
					       ",\"usage\":null")
			  DATA(CHOICE("0", "\"content\":\"a\"", "null"),
			       ",\"usage\":null") DATA(CHOICE("1",
							      "\"content\":\"a\"",
							      "null"),
						       ",\"usage\":null")
				  DATA(CHOICE("0", "", "\"stop\""),
				       ",\"usage\":null") DATA(CHOICE("1", "",
								      "\"stop\""),
							       ",\"usage\":null")
					  DATA("",
					       ",\"usage\":{\"prompt_tokens\":1,"
					       "\"completion_tokens\":2,\"total_tokens\":3}") "data: [DONE]\n\n",
		  1 },
		{ "a tool's call",
		  REQUEST(U("a"), ",\"stream\":true,\"tool_choice\":"
				  "\"required\",\"tools\":[{\"type\":"
				  "\"function\",\"function\":{\"name\":\"f\"}}"
				  "]"),
		  DATA(CHOICE("0",
			      "\"role\":\"assistant\",\"content\":null,"
			      "\"tool_calls\":[{\"index\":0,\"id\":\"CALL\","
			      "\"type\":\"function\",\"function\":{\"name\":"
			      "\"f\",\"arguments\":\"\"}}]",
			      "null"),
		       "")
			  DATA(CHOICE("0",
				      "\"tool_calls\":[{\"index\":0,\"function\":{"
				      "\"arguments\":\"{}\"}}]",
				      "null"),
			       "") DATA(CHOICE("0", "", "\"tool_calls\""),
					"") "data: [DONE]\n\n",
		  1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct run t;
		struct str all;

		run(&t, cases[i].name, cases[i].request);
		check_int(cases[i].name, t.r, 0);
		check_int(cases[i].name, t.waited_ns, cases[i].waits * pace_ns);

		all = with_name(buf_str(&t.body), "chatcmpl-", "ID", &t.arena);
		all = with_name(all, "call_", "CALL", &t.arena);
		check_str(cases[i].name, all, str_of(cases[i].want));
		fini(&t);
	}
}

/* What the whole says and what the stream says are the same. */
static void streams_add_up(void **state)
{
	static const char text[] =
		"Grüße, Welt!  A_word_that_is_longer_than_one_piece_may_be, "
		"日本語日本語日本語日本語日本語 and\\n\\n\\tmore.  ";
	static char request[1000], streamed[1000];
	struct run t, whole;
	struct json doc;
	struct sse_parser p;
	struct sse_event ev;
	struct str all = STR_NULL;

	(void)state;
	(void)snprintf(request, sizeof(request), REQUEST(U("%s"), ""), text);
	(void)snprintf(streamed, sizeof(streamed),
		       REQUEST(U("%s"), ",\"stream\":true"), text);
	run(&whole, "whole", request);
	run(&t, "stream", streamed);
	sse_init(&p, 1 << 20);
	assert_int_equal(sse_feed(&p, buf_str(&t.body)), 0);
	while (sse_next(&p, &ev) > 0) {
		if (str_eq(ev.data, STR("[DONE]")))
			break;
		parse("chunk", ev.data, &doc);
		all = arena_printf(&t.arena, STR_FMT STR_FMT, STR_ARG(all),
				   STR_ARG(text_at(&doc,
						   "choices.0.delta.content",
						   &t.arena)));
		json_fini(&doc);
	}
	sse_fini(&p);
	parse("whole", buf_str(&whole.body), &doc);
	check_str("the same", all,
		  text_at(&doc, "choices.0.message.content", &t.arena));
	assert_true(t.calls > 10);
	json_fini(&doc);
	fini(&t);
	fini(&whole);
}

static void the_same_request_has_the_same_answer(void **state)
{
	struct run one, same, other;

	(void)state;
	run(&one, "one", REQUEST(U("a"), ""));
	run(&same, "same", REQUEST(U("a"), ""));
	run(&other, "other", REQUEST(U("a"), " "));
	check_str("same", buf_str(&same.body), buf_str(&one.body));
	check_true("other", !str_eq(buf_str(&other.body), buf_str(&one.body)));
	fini(&one);
	fini(&same);
	fini(&other);
}

static void pace_may_be_asked_for(void **state)
{
	struct run t;

	(void)state;
	run(&t, "whole", REQUEST(U("a b c"), ",\"echo_pace_ms\":7"));
	assert_int_equal(t.waited_ns, 3 * 7000000);
	fini(&t);
	run(&t, "stream",
	    REQUEST(U("a b c"), ",\"echo_pace_ms\":0,\"stream\":true"));
	assert_int_equal(t.waited_ns, 0);
	fini(&t);
	run(&t, "a bad pace is none of ours",
	    REQUEST(U("a"), ",\"echo_pace_ms\":-1"));
	assert_int_equal(t.waited_ns, pace_ns);
	fini(&t);
}

static void what_cannot_be_answered_is_told(void **state)
{
	static const struct {
		const char *name, *request, *param;
	} cases[] = {
		{ "no messages", "{\"model\":\"echo\"}", "messages" },
		{ "too many answers", REQUEST(U("a"), ",\"n\":129"), "n" },
		{ "a tool that is not there",
		  REQUEST(U("a"),
			  TOOLS ",\"tool_choice\":{\"type\":\"function\","
				"\"function\":{\"name\":\"nope\"}}"),
		  "tool_choice" },
	};
	struct run t;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		run(&t, cases[i].name, cases[i].request);
		check_int(cases[i].name, t.r, API_FAIL + 1);
		check_int(cases[i].name, t.error.status, 400);
		check_str(cases[i].name, t.error.param, str_of(cases[i].param));
		check_int(cases[i].name, t.body.len, 0);
		fini(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_follow_from_the_request),
		cmocka_unit_test(schemas_are_filled),
		cmocka_unit_test(schemas_without_end_end),
		cmocka_unit_test(streams_are_chunks),
		cmocka_unit_test(streams_add_up),
		cmocka_unit_test(the_same_request_has_the_same_answer),
		cmocka_unit_test(pace_may_be_asked_for),
		cmocka_unit_test(what_cannot_be_answered_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
