#include "responses/view.h"

#include "responses/events.h"
#include "responses/id.h"
#include "tests/unit/table.h"

#include <errno.h>

/* The members of an object that follow a name, up to another. */
static struct str between(struct str all, const char *from, const char *to)
{
	struct str rest = str_drop(all, str_find(all, str_of(from)));

	return str_take(rest, str_find(rest, str_of(to)));
}

static const struct response_view plain = {
	.id = STR_INIT("resp_1"),
	.created_at = 1700000000,
	.model = STR_INIT("\"openai/gpt-4o\""),
	.store = true,
};

static void write_object(const struct response_view *view,
			 const struct response_now *now, struct buf *out)
{
	buf_clear(out);
	assert_int_equal(object_write(view, now, out), 0);
}

static void all_members_are_there(void **state)
{
	struct response_now now = { .status = RESPONSE_IN_PROGRESS,
				    .completed_at = 7,
				    .usage = USAGE_NONE };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	write_object(&plain, &now, &out);
	check_str("in progress", buf_str(&out),
		  STR("{\"background\":false,\"created_at\":1700000000,"
		      "\"completed_at\":null,\"error\":null,"
		      "\"frequency_penalty\":0.0,\"id\":\"resp_1\","
		      "\"incomplete_details\":null,"
		      "\"model\":\"openai/gpt-4o\",\"object\":\"response\","
		      "\"output\":[],\"parallel_tool_calls\":true,"
		      "\"previous_response_id\":null,"
		      "\"prompt_cache_key\":null,\"prompt\":null,"
		      "\"status\":\"in_progress\",\"temperature\":1.0,"
		      "\"text\":{\"format\":{\"type\":\"text\"}},"
		      "\"top_p\":1.0,\"top_logprobs\":0,\"tools\":[],"
		      "\"tool_choice\":\"auto\",\"truncation\":\"disabled\","
		      "\"usage\":null,\"instructions\":null,"
		      "\"max_tool_calls\":null,\"reasoning\":null,"
		      "\"max_output_tokens\":null,"
		      "\"safety_identifier\":null,"
		      "\"service_tier\":\"default\",\"metadata\":{},"
		      "\"presence_penalty\":0.0,\"store\":true,"
		      "\"conversation\":null}"));
	out.max = out.len - 1;
	buf_clear(&out);
	assert_int_equal(object_write(&plain, &now, &out), -EMSGSIZE);
	buf_fini(&out);
}

static void the_state_shows(void **state)
{
	struct response_view view = plain;
	struct response_now now = {
		.status = RESPONSE_COMPLETED,
		.completed_at = 1700000003,
		.output = STR("{\"a\":1},{\"b\":2}"),
		.service_tier = STR("\"flex\""),
		.usage = { 5, 7, 12, 3, -1 },
	};
	struct buf out;

	(void)state;
	view.conversation = STR("conv_1");
	view.service_tier = STR("\"auto\"");
	view.background = true;
	buf_init(&out, 4096);
	write_object(&view, &now, &out);
	check_str("first", between(buf_str(&out), "{\"back", ",\"freq"),
		  STR("{\"background\":true,\"created_at\":1700000000,"
		      "\"completed_at\":1700000003,\"error\":null"));
	check_str("output", between(buf_str(&out), "\"output\"", ",\"par"),
		  STR("\"output\":[{\"a\":1},{\"b\":2}]"));
	check_str("usage", between(buf_str(&out), "\"usage\"", ",\"instr"),
		  STR("\"usage\":{\"input_tokens\":5,\"output_tokens\":7,"
		      "\"total_tokens\":12,\"input_tokens_details\":"
		      "{\"cached_tokens\":3},\"output_tokens_details\":"
		      "{\"reasoning_tokens\":0}}"));
	check_str("tier", between(buf_str(&out), "\"service_t", ",\"meta"),
		  STR("\"service_tier\":\"flex\""));
	check_str("conversation", between(buf_str(&out), "\"conv", "\n"),
		  STR("\"conversation\":{\"id\":\"conv_1\"}}"));

	now = (struct response_now){ .status = RESPONSE_FAILED,
				     .completed_at = 7,
				     .error_code = STR("server_error"),
				     .error_message = STR("it \"broke\""),
				     .usage = USAGE_NONE };
	write_object(&view, &now, &out);
	check_str("failed", between(buf_str(&out), "\"completed", ",\"freq"),
		  STR("\"completed_at\":null,\"error\":{\"code\":"
		      "\"server_error\",\"message\":\"it \\\"broke\\\"\"}"));
	check_str("tier", between(buf_str(&out), "\"service_t", ",\"meta"),
		  STR("\"service_tier\":\"auto\""));

	now = (struct response_now){ .status = RESPONSE_INCOMPLETE,
				     .incomplete_reason =
					     STR("max_output_tokens"),
				     .usage = USAGE_NONE };
	write_object(&view, &now, &out);
	check_str("incomplete", between(buf_str(&out), "\"incom", ",\"model"),
		  STR("\"incomplete_details\":{\"reason\":"
		      "\"max_output_tokens\"}"));
	buf_fini(&out);
}

static void statuses_have_words_and_ends(void **state)
{
	static const struct {
		enum response_status status;
		const char *word, *terminal;
	} rows[] = {
		{ RESPONSE_QUEUED, "queued", "" },
		{ RESPONSE_IN_PROGRESS, "in_progress", "" },
		{ RESPONSE_COMPLETED, "completed", "response.completed" },
		{ RESPONSE_INCOMPLETE, "incomplete", "response.incomplete" },
		{ RESPONSE_FAILED, "failed", "response.failed" },
		{ RESPONSE_CANCELLED, "cancelled", "" },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		check_str(rows[i].word, object_status(rows[i].status),
			  str_of(rows[i].word));
		check_str(rows[i].word, events_terminal(rows[i].status),
			  str_of(rows[i].terminal));
	}
}

static void usage_is_summed_with_its_details(void **state)
{
	struct usage sum = USAGE_NONE, none = USAGE_NONE;

	(void)state;
	object_sum_usage(&sum, &none);
	assert_int_equal(sum.total_tokens, -1);
	object_sum_usage(&sum, &(struct usage){ 10, 5, 15, 8, -1 });
	object_sum_usage(&sum, &none);
	object_sum_usage(&sum, &(struct usage){ 20, 6, 26, 1, 4 });
	assert_int_equal(sum.prompt_tokens, 30);
	assert_int_equal(sum.completion_tokens, 11);
	assert_int_equal(sum.total_tokens, 41);
	assert_int_equal(sum.cached_tokens, 9);
	assert_int_equal(sum.reasoning_tokens, 4);
}

struct echo_row {
	const char *name, *member, *next, *want;
};

static const char echoed[] =
	"{\"model\": \"m\", \"input\": \"x\", \"store\": false,\n"
	" \"instructions\": \"be \\u00e9\", \"temperature\": 0.70,\n"
	" \"metadata\": {\n  \"a\": \"b\\n\"\r\n},\n"
	" \"previous_response_id\": \"resp_0\",\n"
	" \"reasoning\": {\"effort\": \"low\"},\n"
	" \"text\": {\"format\": {\"type\": \"json_schema\", \"name\": \"n\","
	" \"schema\": {\n\"type\": \"object\"}}, \"verbosity\": \"low\"},\n"
	" \"tools\": [{\"name\": \"f\", \"type\": \"function\",\n"
	" \"parameters\": {\"type\": \"object\"}}],\n"
	" \"tool_choice\": {\"type\": \"function\", \"name\": \"f\"},\n"
	" \"top_logprobs\": null, \"max_output_tokens\": 16}";

static const struct echo_row echo_rows[] = {
	{ "false", "\"store\"", ",\"conv", "\"store\":false" },
	{ "as written", "\"instr", ",\"max_t",
	  "\"instructions\":\"be \\u00e9\"" },
	{ "a number's text", "\"temp", ",\"text", "\"temperature\":0.70" },
	{ "in a line", "\"meta", ",\"pres",
	  "\"metadata\":{   \"a\": \"b\\n\"  }" },
	{ "previous", "\"prev", ",\"prompt",
	  "\"previous_response_id\":\"resp_0\"" },
	{ "reasoning", "\"reasoning\"", ",\"max_o",
	  "\"reasoning\":{\"effort\":\"low\",\"summary\":null}" },
	{ "a schema", "\"text\"", ",\"top_p",
	  "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\","
	  "\"description\":null,\"schema\":{ \"type\": \"object\"},"
	  "\"strict\":false},\"verbosity\":\"low\"}" },
	{ "a tool", "\"tools\"", ",\"tool_choice",
	  "\"tools\":[{\"type\":\"function\",\"name\":\"f\","
	  "\"description\":null,\"parameters\":{\"type\": \"object\"},"
	  "\"strict\":null}]" },
	{ "a choice", "\"tool_choice\"", ",\"trunc",
	  "\"tool_choice\":{\"type\": \"function\", \"name\": \"f\"}" },
	{ "null", "\"top_log", ",\"tools", "\"top_logprobs\":0" },
	{ "a limit", "\"max_output", ",\"safety", "\"max_output_tokens\":16" },
};

static void a_request_is_echoed(void **state)
{
	struct response_now now = { .usage = USAGE_NONE };
	struct response_request request;
	struct response_view view;
	struct api_error e = { 0 };
	struct json_error bad;
	struct arena a;
	struct json doc;
	struct buf out;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&out, 4096);
	assert_int_equal(json_parse(str_of(echoed), &(struct json_limits){ 0 },
				    &doc, &bad),
			 0);
	if (responses_read(&doc, &a, &request, &e) != 0)
		fail_msg(STR_FMT, STR_ARG(e.message));
	view_make(&request, &a, &view);
	view.id = STR("resp_1");
	write_object(&view, &now, &out);
	for (size_t i = 0; i < countof(echo_rows); i++) {
		const struct echo_row *row = &echo_rows[i];

		check_str(row->name,
			  between(buf_str(&out), row->member, row->next),
			  str_of(row->want));
	}
	assert_null(memchr(out.ptr, '\n', out.len));
	assert_null(memchr(out.ptr, '\r', out.len));
	json_fini(&doc);
	buf_fini(&out);
	arena_fini(&a);
}

static void ids_are_random_or_repeatable(void **state)
{
	struct id_source random = ID_RANDOM, one = id_fixed(STR("a")),
			 same = id_fixed(STR("a")), other = id_fixed(STR("b"));
	struct id x, y;

	(void)state;
	id_make(&random, STR("resp_"), &x);
	id_make(&random, STR("resp_"), &y);
	assert_true(id_is(id_str(&x), STR("resp_")));
	assert_false(str_eq(id_str(&x), id_str(&y)));
	id_make(&one, STR("msg_"), &x);
	id_make(&same, STR("msg_"), &y);
	check_str("the same seed", id_str(&y), id_str(&x));
	id_make(&one, STR("msg_"), &x);
	assert_false(str_eq(id_str(&x), id_str(&y)));
	id_make(&other, STR("msg_"), &x);
	assert_false(str_eq(id_str(&x), id_str(&y)));

	assert_false(id_is(id_str(&x), STR("resp_")));
	assert_false(id_is(str_take(id_str(&x), x.len - 1U), STR("msg_")));
	x.text[10] = 'A';
	assert_false(id_is(id_str(&x), STR("msg_")));
	x.text[10] = 'g';
	assert_false(id_is(id_str(&x), STR("msg_")));
	assert_false(id_is(STR("msg_"), STR("msg_")));
}

static void frames_are_taken_one_by_one(void **state)
{
	struct str rest = STR("event: response.a\ndata: {\"n\":1,"
			      "\"sequence_number\":12,\"type\":\"response.a\""
			      "}\n\nevent: b\ndata: {\"sequence_number\":3,"
			      "\"type\":\"b\"}\n\nevent: c\ndata: {}\n\nevent");
	struct event_frame frame;

	(void)state;
	assert_true(events_take(&rest, &frame));
	assert_int_equal(frame.sequence, 12);
	check_str("data", frame.data,
		  STR("{\"n\":1,\"sequence_number\":12,"
		      "\"type\":\"response.a\"}"));
	assert_true(str_ends(frame.raw, STR("\"}\n\n")));
	assert_true(events_take(&rest, &frame));
	assert_int_equal(frame.sequence, 3);
	assert_true(events_take(&rest, &frame));
	assert_int_equal(frame.sequence, -1);
	check_str("raw", frame.raw, STR("event: c\ndata: {}\n\n"));
	assert_false(events_take(&rest, &frame));
	check_str("what is no frame stays", rest, STR("event"));
}

static void responses_have_frames(void **state)
{
	struct response_now now = { .status = RESPONSE_QUEUED,
				    .usage = USAGE_NONE };
	struct event_frame frame;
	struct buf out;
	struct events e = { .out = &out, .response_id = STR("resp_1") };
	struct str rest;

	(void)state;
	buf_init(&out, 4096);
	events_response(&e, STR("response.queued"), &plain, &now);
	assert_int_equal(e.error, 0);
	rest = buf_str(&out);
	assert_true(events_take(&rest, &frame));
	assert_int_equal(rest.len, 0);
	assert_true(str_starts(frame.raw,
			       STR("event: response.queued\n"
				   "data: {\"response\":{\"background\":")));
	assert_true(str_ends(frame.data, STR("},\"sequence_number\":0,"
					     "\"type\":\"response.queued\"}")));

	/* A frame that does not fit is none, and none comes after it. */
	out.max = out.len + 100;
	events_response(&e, STR("response.created"), &plain, &now);
	assert_int_equal(e.error, -EMSGSIZE);
	assert_int_equal(out.len, frame.raw.len);
	out.max = 4096;
	events_response(&e, STR("response.created"), &plain, &now);
	assert_int_equal(out.len, frame.raw.len);
	assert_int_equal(e.sequence, 1);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_members_are_there),
		cmocka_unit_test(the_state_shows),
		cmocka_unit_test(statuses_have_words_and_ends),
		cmocka_unit_test(usage_is_summed_with_its_details),
		cmocka_unit_test(a_request_is_echoed),
		cmocka_unit_test(ids_are_random_or_repeatable),
		cmocka_unit_test(frames_are_taken_one_by_one),
		cmocka_unit_test(responses_have_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
