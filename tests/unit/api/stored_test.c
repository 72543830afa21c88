#include "api/stored.h"
#include "api/stored_messages.h"
#include "json/json.h"

#include "tests/unit/table.h"

#define Q(text) STR_INIT(text)

static const struct store_completion plain = {
	.id = Q("c1"),
	.created = 7,
	.model_asked = Q("p/m"),
	.choices = Q("[]"),
	.first_byte_us = -1,
	.total_us = 9,
};

#define PLAIN_HEAD                                                     \
	"{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":7," \
	"\"model\":\"p/m\",\"choices\":[],\"usage\":null,"             \
	"\"service_tier\":null,\"system_fingerprint\":null,"           \
	"\"metadata\":{},\"input_user\":null,"                         \
	"\"tool_choice\":null,\"seed\":null,\"top_p\":null,\"temperature\":null,\"presence_penalty\":null,\"frequency_penalty\":null,\"tools\":null,\"response_format\":null,"
#define PLAIN                                                             \
	PLAIN_HEAD                                                        \
	"\"quipu\":{\"status\":\"completed\",\"provider\":null,"          \
	"\"provider_model\":null,\"first_byte_us\":null,\"total_us\":9}," \
	"\"input_messages\":[]}"

static void the_least_has_all_members(void **state)
{
	struct json_writer w;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	json_writer_init(&w, &out);
	check_int("r", stored_write(&w, &plain), 0);
	check_int("done", json_writer_done(&w), 0);
	check_str("text", buf_str(&out), STR(PLAIN));
	buf_fini(&out);
}

/* Odd numbers, escapes, spaces and unknown members come back as they were. */
static void what_was_kept_is_spliced_in(void **state)
{
	static const struct store_completion full = {
		.id = Q("a\"b"),
		.created = 1,
		.model_asked = Q("m"),
		.model_served = Q("m-2024"),
		.provider = Q("up"),
		.status = STORE_CANCELLED,
		.request =
			Q("[ {\"role\":\"user\", \"content\":\"\\u00e9\"} ]"),
		.choices = Q("[{\"index\":0,\"x\":1.0e+2}]"),
		.usage = Q("{ \"total_tokens\" : 3.0 }"),
		.params = Q("{\"n\":2,\"seed\":4944116822809979520,\"top_p\" : "
			    "1.0,\"tools\":[ 1 ]}"),
		.extra = Q("{\"seed\":7,\"id\":\"no\",\"cost\" : 1e-0,"
			   "\"system_fingerprint\":\"fp\",\"choices\":1,"
			   "\"\\u0071uipu\":2,"
			   "\"service_tier\":\"default\"}"),
		.metadata = Q("{\"k\": \"v\"}"),
		.user = Q("u"),
		.first_byte_us = 0,
		.total_us = 5,
	};
	static const char want[] =
		"{\"id\":\"a\\\"b\",\"object\":\"chat.completion\","
		"\"created\":1,\"model\":\"m\","
		"\"choices\":[{\"index\":0,\"x\":1.0e+2}],"
		"\"usage\":{ \"total_tokens\" : 3.0 },"
		"\"service_tier\":\"default\",\"system_fingerprint\":\"fp\","
		"\"metadata\":{\"k\": \"v\"},\"input_user\":\"u\","
		"\"tool_choice\":null,\"seed\":4944116822809979520,"
		"\"top_p\":1.0,\"temperature\":null,"
		"\"presence_penalty\":null,\"frequency_penalty\":null,"
		"\"tools\":[ 1 ],\"response_format\":null,\"cost\":1e-0,"
		"\"quipu\":{\"status\":\"cancelled\",\"provider\":\"up\","
		"\"provider_model\":\"m-2024\",\"first_byte_us\":0,"
		"\"total_us\":5},"
		"\"input_messages\":"
		"[ {\"role\":\"user\", \"content\":\"\\u00e9\"} ]}";
	struct json_writer w;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	json_writer_init(&w, &out);
	check_int("r", stored_write(&w, &full), 0);
	check_int("done", json_writer_done(&w), 0);
	check_str("text", buf_str(&out), str_of(want));
	buf_fini(&out);
}

static void lists_name_their_ends(void **state)
{
	struct store_completion rows[2] = { plain, plain };
	struct store_page page = { rows, 2, true };
	struct json_writer w;
	struct buf out;

	(void)state;
	rows[0].id = STR("c1");
	rows[1].extra = STR("{not json");
	buf_init(&out, 1 << 16);
	json_writer_init(&w, &out);
	check_int("damaged", stored_write_list(&w, &page), STORED_DAMAGED);
	buf_clear(&out);
	json_writer_init(&w, &out);
	rows[1].extra = STR_NULL;
	rows[1].params = STR("[1]");
	check_int("damaged", stored_write_list(&w, &page), STORED_DAMAGED);
	buf_clear(&out);
	json_writer_init(&w, &out);
	rows[1].params = STR_NULL;
	rows[1].id = STR("c2");
	page.count = 1;
	check_int("one", stored_write_list(&w, &page), 0);
	check_int("done", json_writer_done(&w), 0);
	check_str("one", buf_str(&out),
		  STR("{\"object\":\"list\",\"data\":[" PLAIN "],"
		      "\"first_id\":\"c1\",\"last_id\":\"c1\","
		      "\"has_more\":true}"));
	buf_clear(&out);
	json_writer_init(&w, &out);
	page = (struct store_page){ 0 };
	check_int("none", stored_write_list(&w, &page), 0);
	check_int("done", json_writer_done(&w), 0);
	check_str("none", buf_str(&out),
		  STR("{\"object\":\"list\",\"data\":[],\"first_id\":\"\","
		      "\"last_id\":\"\",\"has_more\":false}"));
	buf_fini(&out);
}

#define NULLS                                                      \
	"\"name\":null,\"tool_calls\":null,\"tool_call_id\":null," \
	"\"refusal\":null,\"function_call\":null,"                 \
	"\"annotations\":null,\"audio\":null"
#define M0                                                               \
	"{\"id\":\"c-0\",\"role\":\"system\",\"content\":\"be\\u0020\"," \
	"\"content_parts\":null," NULLS "}"
#define M1                                                            \
	"{\"id\":\"c-1\",\"role\":\"user\",\"content\":null,"         \
	"\"content_parts\":[ {\"type\":\"text\",\"text\":\"a\"} ],"   \
	"\"name\":\"bob\",\"tool_calls\":null,\"tool_call_id\":null," \
	"\"refusal\":null,\"function_call\":null,"                    \
	"\"annotations\":null,\"audio\":null,\"x\":1e0}"
#define M2                                                            \
	"{\"id\":\"c-2\",\"role\":\"assistant\",\"content\":\"one\"," \
	"\"content_parts\":null," NULLS ",\"reasoning\":\"r\"}"
#define M3                                                         \
	"{\"id\":\"c-3\",\"role\":\"assistant\",\"content\":null," \
	"\"content_parts\":null," NULLS "}"

static const struct store_completion talk = {
	.id = Q("c"),
	.request = Q("[{\"role\":\"system\",\"content\":\"be\\u0020\"},"
		     "{\"x\":1e0,\"name\":\"bob\",\"id\":\"mine\",\"content\":"
		     "[ {\"type\":\"text\",\"text\":\"a\"} ],"
		     "\"role\":\"user\"}]"),
	.choices = Q("[{\"index\":0,\"message\":{\"role\":\"assistant\","
		     "\"reasoning\":\"r\",\"content\":\"one\"}},"
		     "{\"index\":1}]"),
};

static void messages_come_in_pages(void **state)
{
	static const struct {
		const char *name;
		unsigned limit;
		bool newest_first;
		const char *after, *before, *data, *ends;
		bool has_more;
	} cases[] = {
		{ "all", 20, false, "", "", M0 "," M1 "," M2 "," M3,
		  "\"c-0\",\"last_id\":\"c-3\"", false },
		{ "all backwards", 20, true, "", "", M3 "," M2 "," M1 "," M0,
		  "\"c-3\",\"last_id\":\"c-0\"", false },
		{ "the first two", 2, false, "", "", M0 "," M1,
		  "\"c-0\",\"last_id\":\"c-1\"", true },
		{ "the other two", 2, false, "c-1", "", M2 "," M3,
		  "\"c-2\",\"last_id\":\"c-3\"", false },
		{ "behind the last", 2, false, "c-3", "", "",
		  "\"\",\"last_id\":\"\"", false },
		{ "backwards from the third", 1, true, "c-2", "", M1,
		  "\"c-1\",\"last_id\":\"c-1\"", true },
		{ "ahead of the third", 1, false, "", "c-2", M1,
		  "\"c-1\",\"last_id\":\"c-1\"", true },
		{ "backwards ahead of the third", 5, true, "", "c-2", M3,
		  "\"c-3\",\"last_id\":\"c-3\"", false },
	};
	struct arena a;
	struct buf out;

	(void)state;
	arena_init(&a, 1 << 20);
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct store_query q = {
			.limit = cases[i].limit,
			.newest_first = cases[i].newest_first,
			.after = str_of(cases[i].after),
			.before = str_of(cases[i].before),
		};
		struct json_writer w;

		buf_clear(&out);
		json_writer_init(&w, &out);
		check_int(cases[i].name, stored_messages_write(&w, &talk, &q),
			  0);
		check_int(cases[i].name, json_writer_done(&w), 0);
		check_str(cases[i].name, buf_str(&out),
			  arena_printf(&a,
				       "{\"object\":\"list\",\"data\":[%s],"
				       "\"first_id\":%s,\"has_more\":%s}",
				       cases[i].data, cases[i].ends,
				       cases[i].has_more ? "true" : "false"));
	}
	buf_fini(&out);
	arena_fini(&a);
}

static void cursors_of_no_message_are_told(void **state)
{
	static const char *const cursors[] = {
		"c",    "c-",
		"c-4",  "c--0",
		"c--1", "c-00",
		"d-0",  "c-0x",
		"c-01", "c1",
		"-0",   "x",
		"cc-0", "c-18446744073709551616",
	};
	struct store_completion bad = talk;
	struct store_query q = { .limit = 5 };
	struct json_writer w;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < countof(cursors); i++) {
		q.after = str_of(cursors[i]);
		json_writer_init(&w, &out);
		check_int(cursors[i], stored_messages_write(&w, &talk, &q),
			  STORED_MESSAGES_BAD_CURSOR);
	}
	q.after = STR_NULL;
	bad.choices = STR("[");
	json_writer_init(&w, &out);
	check_int("torn", stored_messages_write(&w, &bad, &q),
		  STORED_MESSAGES_DAMAGED);
	bad.request = STR("]");
	check_int("torn", stored_messages_write(&w, &bad, &q),
		  STORED_MESSAGES_DAMAGED);
	buf_fini(&out);
}

/* What no API would have written must not be able to do harm. */
static void odd_rows_are_shown(void **state)
{
	static const struct {
		const char *name, *request, *choices;
	} cases[] = {
		{ "nothing", "", "" },
		{ "null", "null", "null" },
		{ "objects", "{\"a\":{\"role\":1}}", "{\"a\":1,\"b\":[]}" },
		{ "messages that are none", "[1,[2,3],\"x\",null,[]]",
		  "[1,{\"message\":[4,5]},{\"message\":null}]" },
		{ "a string", "\"x\"", "7" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < countof(cases); i++) {
		struct store_completion c = talk;
		struct store_query q = { .limit = 50 };
		struct json_error bad;
		struct json_writer w;
		struct json doc;

		c.request = str_of(cases[i].request);
		c.choices = str_of(cases[i].choices);
		buf_clear(&out);
		json_writer_init(&w, &out);
		check_int(cases[i].name, stored_messages_write(&w, &c, &q), 0);
		check_int(cases[i].name, json_writer_done(&w), 0);
		check_int(cases[i].name,
			  json_parse(buf_str(&out), NULL, &doc, &bad), 0);
		json_fini(&doc);
	}
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_has_all_members),
		cmocka_unit_test(what_was_kept_is_spliced_in),
		cmocka_unit_test(lists_name_their_ends),
		cmocka_unit_test(messages_come_in_pages),
		cmocka_unit_test(cursors_of_no_message_are_told),
		cmocka_unit_test(odd_rows_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
