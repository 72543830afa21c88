#include "responses/turn.h"

#include "tests/unit/table.h"
#include "turn_run.h"

#include <errno.h>

static void what_is_no_chunk_is_told(void **state)
{
	static const struct {
		const char *name, *chunk;
		int r;
		const char *what;
	} rows[] = {
		{ "an error of the upstream", "{\"error\":{\"message\":\"x\"}}",
		  TURN_ERROR, NULL },
		{ "an error that is none", "{\"error\":null}", 0, NULL },
		{ "an object of something else", "{\"type\":\"ping\"}", 0,
		  NULL },
		{ "an array", "[]", TURN_BAD, "it is no object" },
		{ "choices", "{\"choices\":{}}", TURN_BAD,
		  "its choices are no array" },
		{ "no choices", "{\"choices\":null}", 0, NULL },
		{ "a choice", "{\"choices\":[1]}", TURN_BAD,
		  "a choice in it is no object" },
		{ "a delta", "{\"choices\":[{\"delta\":\"a\"}]}", TURN_BAD,
		  "its delta is no object" },
		{ "no delta", "{\"choices\":[{\"delta\":null}]}", 0, NULL },
		{ "content", "{\"content\":1}", TURN_BAD,
		  "its content is no string" },
		{ "a refusal", "{\"refusal\":{}}", TURN_BAD,
		  "a text in it is no string" },
		{ "reasoning", "{\"reasoning_content\":[]}", TURN_BAD,
		  "a text in it is no string" },
		{ "tool calls", "{\"tool_calls\":{}}", TURN_BAD,
		  "its tool calls are no array" },
		{ "a tool call", "{\"tool_calls\":[7]}", TURN_BAD,
		  "a tool call in it is no object" },
		{ "a function", "{\"tool_calls\":[{\"function\":7}]}", TURN_BAD,
		  "a tool call in it is no object" },
		{ "an id", "{\"tool_calls\":[{\"id\":7}]}", TURN_BAD,
		  "a text in it is no string" },
		{ "a name", "{\"tool_calls\":[{\"function\":{\"name\":7}}]}",
		  TURN_BAD, "a text in it is no string" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct turn_run run;

		turn_run_init(&run, NULL);
		turn_run_chunk(&run, str_of(rows[i].chunk));
		check_int(rows[i].name, run.r, rows[i].r);
		check_str(rows[i].name, str_of(run.turn.what),
			  str_of(rows[i].what));
		check_int(rows[i].name, run.frames.len, 0);
		turn_run_fini(&run);
	}
}

static void frames_have_these_bytes(void **state)
{
	struct turn_run run;
	struct buf all;
	struct str rest;

	(void)state;
	turn_run_init(&run, &(struct turn_setup){ .output_index = 7 });
	run.e.sequence = 41;
	turn_run_chunks(&run, STR("{\"content\":\"a \\u00e9\"}"));
	buf_init(&all, 4096);
	rest = buf_str(&run.frames);
	for (struct event_frame f; events_take(&rest, &f);) {
		if (f.sequence == 43)
			assert_int_equal(buf_add(&all, f.raw), 0);
	}
	check_str("delta", buf_str(&all),
		  STR("event: response.output_text.delta\n"
		      "data: {\"content_index\":0,\"delta\":\"a \\u00e9\","
		      "\"item_id\":\"msg_"
		      "531aa8cba36daa64315d3ff6b268761ee8a45fa4e8b065fe\","
		      "\"logprobs\":[],\"output_index\":7,"
		      "\"sequence_number\":43,"
		      "\"type\":\"response.output_text.delta\"}\n\n"));
	buf_fini(&all);
	turn_run_fini(&run);
}

/* Deltas cut a text anywhere but in an escape. */
static const char thought[] = "th\\u00f6ught \\\"x\\\"";
static const char said[] = "s\xc3\xa4id\\n";
static const char arguments[] = "{\\\"q\\\":\\\"\\u00e9\\\"}";

static bool may_cut(const char *text, size_t at)
{
	for (size_t i = 0; i < at;) {
		size_t len = text[i] != '\\' ? 1 : text[i + 1] == 'u' ? 6 : 2;

		while ((text[i + len] & 0xc0) == 0x80)
			len++;
		i += len;
		if (i > at)
			return false;
	}
	return true;
}

static void feed(struct turn_run *run, const char *before, struct str text,
		 const char *after)
{
	struct buf chunk;

	buf_init(&chunk, 4096);
	assert_int_equal(buf_printf(&chunk, "%s\"" STR_FMT "\"%s", before,
				    STR_ARG(text), after),
			 0);
	turn_run_chunk(run, buf_str(&chunk));
	buf_fini(&chunk);
}

static void feed_cut(struct turn_run *run, const char *text, size_t at,
		     const char *const around[2])
{
	if (at >= strlen(text) || !may_cut(text, at))
		at = 0;
	if (at > 0)
		feed(run, around[0], (struct str){ text, at }, around[1]);
	feed(run, around[0], str_drop(str_of(text), at), around[1]);
}

static void run_cut(struct turn_run *run, size_t at)
{
	static const char *const reasoning[] = { "{\"reasoning\":", "}" };
	static const char *const content[] = { "{\"content\":", "}" };
	static const char *const call[] = {
		"{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":",
		"}}]}"
	};

	turn_run_init(run, NULL);
	feed_cut(run, thought, at, reasoning);
	feed_cut(run, said, at, content);
	turn_run_chunk(run, STR("{\"tool_calls\":[{\"index\":0,\"id\":\"c\","
				"\"function\":{\"name\":\"f\"}}]}"));
	feed_cut(run, arguments, at, call);
	turn_run_chunk(run, STR("=tool_calls"));
	turn_run_end(run);
	assert_int_equal(run->r, 0);
}

static void where_deltas_are_cut_does_not_matter(void **state)
{
	struct turn_run whole, cut;

	(void)state;
	run_cut(&whole, 0);
	for (size_t at = 1; at < sizeof(arguments); at++) {
		run_cut(&cut, at);
		check_str("output", buf_str(&cut.output),
			  buf_str(&whole.output));
		check_str("message", buf_str(&cut.message),
			  buf_str(&whole.message));
		turn_run_fini(&cut);
	}
	assert_true(str_find(buf_str(&whole.output), str_of(thought)) <
		    whole.output.len);
	assert_true(str_find(buf_str(&whole.output), str_of(said)) <
		    whole.output.len);
	assert_true(str_find(buf_str(&whole.output), str_of(arguments)) <
		    whole.output.len);
	turn_run_fini(&whole);
}

static void a_whole_answer_needs_no_events(void **state)
{
	struct turn_run with, without;
	static const char chunks[] =
		"{\"reasoning\":\"r\"}\n{\"content\":\"t\"}\n"
		"{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":"
		"{\"name\":\"f\",\"arguments\":\"{}\"}}]}\n=tool_calls";

	(void)state;
	turn_run_init(&with, NULL);
	turn_run_chunks(&with, str_of(chunks));
	turn_run_end(&with);
	turn_run_init(&without, NULL);
	without.e.out = NULL;
	turn_run_chunks(&without, str_of(chunks));
	turn_run_end(&without);
	assert_int_equal(without.r, 0);
	assert_int_equal(without.frames.len, 0);
	assert_int_equal(without.e.sequence, 0);
	check_str("output", buf_str(&without.output), buf_str(&with.output));
	turn_run_fini(&with);
	turn_run_fini(&without);
}

static void limits_are_kept(void **state)
{
	struct turn_run run;
	struct buf chunk;

	(void)state;
	turn_run_init(&run, &(struct turn_setup){ .bytes_max = 4 });
	turn_run_chunks(&run, STR("{\"content\":\"ab\"}\n"
				  "{\"reasoning\":\"cd\"}\n"));
	assert_int_equal(run.r, 0);
	turn_run_chunks(&run, STR("{\"content\":\"e\"}"));
	assert_int_equal(run.r, TURN_FULL);
	assert_string_equal(run.turn.what, "more text than may be kept");
	turn_run_fini(&run);

	turn_run_init(&run, NULL);
	buf_init(&chunk, 4096);
	for (int i = 0; i <= TURN_CALLS_MAX; i++) {
		assert_int_equal(run.r, 0);
		buf_clear(&chunk);
		assert_int_equal(
			buf_printf(&chunk,
				   "{\"tool_calls\":[{\"index\":%d,\"id\":"
				   "\"c\",\"function\":{\"name\":\"f\"}}]}",
				   i),
			0);
		turn_run_chunk(&run, buf_str(&chunk));
	}
	assert_int_equal(run.r, TURN_FULL);
	assert_string_equal(run.turn.what, "more tool calls than may be");
	assert_int_equal(turn_call_count(&run.turn), TURN_CALLS_MAX);
	buf_fini(&chunk);
	turn_run_fini(&run);

	/* Frames that do not fit leave no half of one. */
	turn_run_init(&run, NULL);
	run.frames.max = 500;
	turn_run_chunks(&run, STR("{\"content\":\"a\"}\n{\"content\":\"b\"}"));
	assert_int_equal(run.r, -EMSGSIZE);
	turn_run_end(&run);
	assert_true(str_starts(buf_str(&run.shown), STR("output_item.added")));
	assert_true(str_ends(buf_str(&run.shown), STR("}\n")));
	turn_run_fini(&run);
}

static void the_rest_is_noted(void **state)
{
	struct turn_run run;

	(void)state;
	turn_run_init(&run, NULL);
	assert_int_equal(run.turn.usage.total_tokens, -1);
	assert_false(turn_has_text(&run.turn));
	check_str("no reason", turn_incomplete_reason(&run.turn), STR_NULL);
	turn_run_chunks(
		&run, STR("{\"content\":\"a\"}\n=content_filter\n"
			  "{\"service_tier\":\"flex\",\"choices\":[],\"usage\":"
			  "{\"prompt_tokens\":1,\"completion_tokens\":2,"
			  "\"total_tokens\":3,\"completion_tokens_details\":"
			  "{\"reasoning_tokens\":1}}}\n"
			  "{\"service_tier\":\"much longer than any tier\"}\n"
			  "{\"service_tier\":7}"));
	assert_int_equal(run.r, 0);
	check_str("tier", turn_tier(&run.turn), STR("\"flex\""));
	check_str("reason", turn_incomplete_reason(&run.turn),
		  STR("content_filter"));
	assert_int_equal(run.turn.usage.total_tokens, 3);
	assert_int_equal(run.turn.usage.reasoning_tokens, 1);
	assert_true(turn_has_text(&run.turn));
	turn_run_chunks(&run, STR("=length"));
	check_str("reason", turn_incomplete_reason(&run.turn),
		  STR("max_output_tokens"));
	turn_run_fini(&run);
}

static void calls_are_given_as_plain_text(void **state)
{
	struct turn_run run;
	struct turn_call call;
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	turn_run_init(&run, NULL);
	turn_run_chunks(&run, STR("{\"content\":\"t\"}\n{\"tool_calls\":[{"
				  "\"index\":0,\"id\":\"c\\u0031\","
				  "\"function\":{\"name\":\"f\"}},{\"index\":1,"
				  "\"id\":\"c2\",\"function\":{\"name\":\"g\","
				  "\"arguments\":\"{\\\"a\\\":\\\"\\\\n\\\"}\""
				  "}}]}"));
	assert_int_equal(turn_end(&run.turn, &run.e), 0);
	assert_int_equal(turn_call_count(&run.turn), 2);
	call = turn_call(&run.turn, 0, &a);
	check_str("id", call.call_id, STR("c1"));
	check_str("name", call.name, STR("f"));
	check_str("arguments", call.arguments, STR("{}"));
	assert_true(id_is(call.item_id, STR("fc_")));
	call = turn_call(&run.turn, 1, &a);
	check_str("name", call.name, STR("g"));
	check_str("arguments", call.arguments, STR("{\"a\":\"\\n\"}"));
	turn_run_fini(&run);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_chunk_is_told),
		cmocka_unit_test(frames_have_these_bytes),
		cmocka_unit_test(where_deltas_are_cut_does_not_matter),
		cmocka_unit_test(a_whole_answer_needs_no_events),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(the_rest_is_noted),
		cmocka_unit_test(calls_are_given_as_plain_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
