#include "tests/unit/llm/assembled.h"

#include <errno.h>

static void an_event_that_is_cut_is_left_out(void **state)
{
	struct result res;

	(void)state;
	open_result(&res, MEGA);
	assert_int_equal(
		assemble_stream(&res.as,
				STR(": hi\n\ndata: " DELTA(
					"{\"content\":\"a\"}") "\nevent: x\n"
							       "data: {\"cho")),
		0);
	write_result(&res);
	check_str("choices", buf_str(&res.choices),
		  STR(WHOLE("{\"role\":\"assistant\",\"content\":\"a\","
			    "\"refusal\":null}",
			    "null")));
	check_int("events", res.as.events, 1);
	check_int("bad", res.as.bad_events, 0);
	close_result(&res);
}

static void names_and_times_are_told(void **state)
{
	struct result res;

	(void)state;
	open_result(&res, MEGA);
	check_str("nothing yet", assemble_id(&res.as), STR(""));
	check_int("events",
		  assemble_event(&res.as, STR("{\"id\":\"\",\"created\":0}")),
		  0);
	check_int("events", assemble_event(&res.as, STR(END("stop"))), 0);
	check_int("events",
		  assemble_event(&res.as, STR("{\"id\":\"c2\",\"model\":\"n\","
					      "\"created\":8}")),
		  0);
	check_int("events", assemble_event(&res.as, STR("[DONE]")), 0);
	check_str("id", assemble_id(&res.as), STR("c1"));
	check_str("model", assemble_model(&res.as), STR("m"));
	check_int("created", res.as.created, 7);
	check_int("events", res.as.events, 3);
	check_true("done", res.as.is_done);
	close_result(&res);
}

static void a_choice_can_be_read_while_it_grows(void **state)
{
	static const char *const events[] = {
		DELTA("{\"content\":\"Hel\",\"reasoning\":\"r\"}"),
		DELTA("{\"content\":\"lo\",\"tool_calls\":[{\"index\":3,\"id\":"
		      "\"a\",\"function\":{\"name\":\"f\",\"arguments\":"
		      "\"{\\\"\"}}]}"),
		DELTA("{\"tool_calls\":[{\"index\":3,\"function\":"
		      "{\"arguments\":\"}\"}},{\"index\":4,\"id\":\"b\","
		      "\"custom\":{\"name\":\"g\",\"input\":\"i\"}}]}"),
		END("tool_calls"),
	};
	static const char *const contents[] = { "Hel", "Hello", "Hello",
						"Hello" };
	static const char *const arguments[] = { "", "{\"", "{\"}", "{\"}" };
	static const size_t calls[] = { 0, 1, 2, 2 };
	struct assemble_choice c;
	struct assemble_call call;
	struct result res;

	(void)state;
	open_result(&res, MEGA);
	check_int("choices", assemble_choice_count(&res.as), 0);
	check_true("none", !assemble_choice(&res.as, 0, &c));
	for (size_t i = 0; i < countof(events); i++) {
		check_int("r", assemble_event(&res.as, str_of(events[i])), 0);
		check_int("choices", assemble_choice_count(&res.as), 1);
		check_true("choice", assemble_choice(&res.as, 0, &c));
		check_str("content", c.content, str_of(contents[i]));
		check_str("reasoning", c.reasoning, STR("r"));
		check_int("calls", c.call_count, calls[i]);
		check_str("finish", c.finish_reason,
			  i == 3 ? STR("tool_calls") : STR(""));
		check_int("call", assemble_call(&res.as, 0, 0, &call),
			  calls[i] > 0);
		if (calls[i] > 0)
			check_str("arguments", call.arguments,
				  str_of(arguments[i]));
	}
	check_int("index", call.index, 3);
	check_str("id", call.id, STR("a"));
	check_str("type", call.type, STR("function"));
	check_str("name", call.name, STR("f"));
	check_true("second", assemble_call(&res.as, 0, 1, &call));
	check_str("type", call.type, STR("custom"));
	check_str("name", call.name, STR("g"));
	check_str("input", call.arguments, STR("i"));
	check_true("third", !assemble_call(&res.as, 0, 2, &call));
	check_true("other", !assemble_call(&res.as, 1, 0, &call));
	close_result(&res);
}

static void a_whole_answer_keeps_its_choices(void **state)
{
	struct str body = STR(
		"{ \"id\":\"c\", \"created\":5, \"model\":\"m\", \"choices\": "
		"[ {\"message\":{\"content\":\"x\",\"tool_calls\":[{\"id\":"
		"\"a\",\"function\":{\"name\":\"f\"}},{\"id\":\"b\","
		"\"function\":{\"name\":\"f\"}}]}} ], \"usage\":{\"a\":1},"
		"\"object\":\"chat.completion\",\"service_tier\":\"t\"}");
	struct assemble_call call;
	struct assemble_choice c;
	struct result res;

	(void)state;
	open_result(&res, MEGA);
	check_int("r", assemble_whole(&res.as, body), 0);
	write_result(&res);
	check_str("choices", buf_str(&res.choices),
		  STR("[ {\"message\":{\"content\":\"x\",\"tool_calls\":["
		      "{\"id\":\"a\",\"function\":{\"name\":\"f\"}},{\"id\":"
		      "\"b\",\"function\":{\"name\":\"f\"}}]}} ]"));
	check_str("extra", buf_str(&res.extra),
		  STR("{\"service_tier\":\"t\"}"));
	check_str("usage", assemble_usage(&res.as), STR("{\"a\":1}"));
	check_str("id", assemble_id(&res.as), STR("c"));
	check_int("created", res.as.created, 5);
	check_true("complete", assemble_is_complete(&res.as));
	check_true("choice", assemble_choice(&res.as, 0, &c));
	check_str("content", c.content, STR("x"));
	check_int("calls", c.call_count, 2);
	check_true("call", assemble_call(&res.as, 0, 1, &call));
	check_int("index", call.index, 1);
	check_str("id", call.id, STR("b"));
	close_result(&res);

	open_result(&res, MEGA);
	check_int("no JSON", assemble_whole(&res.as, STR("<html>")),
		  ASSEMBLE_BAD);
	check_int("no object", assemble_whole(&res.as, STR("[]")),
		  ASSEMBLE_BAD);
	check_true("complete", !assemble_is_complete(&res.as));
	check_int("error",
		  assemble_whole(&res.as, STR("{\"error\":{\"a\":1}}")), 0);
	check_str("error", res.as.error, STR("{\"a\":1}"));
	check_true("complete", !assemble_is_complete(&res.as));
	close_result(&res);
}

/* One more than max of what format makes of a number is too much. */
static void check_limit(const char *name, const char *format, size_t max)
{
	struct result res;
	struct buf event;

	open_result(&res, 8 * MEGA);
	buf_init(&event, MEGA);
	for (size_t i = 0; i <= max; i++) {
		struct str before, after;

		(void)str_cut(str_of(format), '#', &before, &after);
		buf_clear(&event);
		check_int(name,
			  buf_printf(&event, STR_FMT "%zu" STR_FMT,
				     STR_ARG(before), i, STR_ARG(after)),
			  0);
		check_int(name, assemble_event(&res.as, buf_str(&event)),
			  i < max ? 0 : ASSEMBLE_FULL);
	}
	check_int(name, assemble_event(&res.as, STR(END("stop"))),
		  ASSEMBLE_FULL);
	check_true(name, res.as.is_full && !res.as.is_done);
	check_int(name, assemble_event(&res.as, STR("{\"error\":{\"a\":1}}")),
		  ASSEMBLE_FULL);
	check_str(name, res.as.error, STR("{\"a\":1}"));
	check_int(name, assemble_event(&res.as, STR("[DONE]")), ASSEMBLE_FULL);
	check_true(name, res.as.is_done);
	write_result(&res);
	buf_fini(&event);
	close_result(&res);
}

static void counts_are_limited(void **state)
{
	(void)state;
	check_limit("choices", "{\"choices\":[{\"index\":#}]}",
		    ASSEMBLE_CHOICES_MAX);
	check_limit(
		"calls",
		"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":#}]}}]"
		"}",
		ASSEMBLE_CALLS_MAX);
	check_limit("members", "{\"x#\":1}", ASSEMBLE_MEMBERS_MAX);
}

static void the_outputs_limit_holds(void **state)
{
	struct result res;

	(void)state;
	open_result(&res, MEGA);
	check_int("r", assemble_event(&res.as, STR(END("stop"))), 0);
	res.choices.max = 10;
	check_int("choices", assemble_write_choices(&res.as, &res.choices),
		  -EMSGSIZE);
	res.extra.max = 1;
	check_int("extra", assemble_write_extra(&res.as, &res.extra),
		  -EMSGSIZE);
	close_result(&res);
}

/* Memory is that of the text, not of its square. */
static void many_small_deltas_take_little(void **state)
{
	enum {
		DELTAS = 100000
	};
	struct assemble_choice c;
	struct result res;

	(void)state;
	open_result(&res, MEGA);
	for (int i = 0; i < DELTAS; i++) {
		check_int("r",
			  assemble_event(&res.as,
					 STR(DELTA("{\"content\":\"ab\"}"))),
			  0);
	}
	check_true("choice", assemble_choice(&res.as, 0, &c));
	check_int("length", c.content.len, 2 * DELTAS);
	check_true("memory", res.arena.used < 3 * 2 * DELTAS);
	close_result(&res);
}

static void errors_are_seen_where_there_is_no_room(void **state)
{
	struct result res;

	(void)state;
	open_result(&res, 16);
	check_int("none", assemble_event(&res.as, STR("{\"error\":false}")), 0);
	check_str("none", res.as.error, STR(""));
	check_int("long",
		  assemble_event(&res.as,
				 STR("{\"error\":\"longer than 16 bytes\"}")),
		  0);
	check_str("long", res.as.error, STR("{}"));
	close_result(&res);
}

/* Each much longer than all that came before. */
static void long_deltas_fit(void **state)
{
	struct buf want, event;
	struct assemble_choice c;
	struct result res;

	(void)state;
	open_result(&res, MEGA);
	buf_init(&want, MEGA);
	buf_init(&event, MEGA);
	for (int len = 1; len < 100000; len *= 7) {
		check_int("want", buf_printf(&want, "%0*d", len, 7), 0);
		buf_clear(&event);
		check_int("event",
			  buf_printf(&event,
				     "{\"choices\":[{\"delta\":{\"content\":"
				     "\"%0*d\"}}]}",
				     len, 7),
			  0);
		check_int("r", assemble_event(&res.as, buf_str(&event)), 0);
		check_true("choice", assemble_choice(&res.as, 0, &c));
		check_str("content", c.content, buf_str(&want));
	}
	buf_fini(&event);
	buf_fini(&want);
	close_result(&res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_that_is_cut_is_left_out),
		cmocka_unit_test(names_and_times_are_told),
		cmocka_unit_test(a_choice_can_be_read_while_it_grows),
		cmocka_unit_test(a_whole_answer_keeps_its_choices),
		cmocka_unit_test(counts_are_limited),
		cmocka_unit_test(the_outputs_limit_holds),
		cmocka_unit_test(many_small_deltas_take_little),
		cmocka_unit_test(errors_are_seen_where_there_is_no_room),
		cmocka_unit_test(long_deltas_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
