#include "llm/disassemble.h"

#include "tests/unit/table.h"

#include "llm/assemble.h"

enum {
	MAX = 1 << 20
};

#define MESSAGE(more)                                                                \
	"{\"role\":\"assistant\",\"content\":\"h\\n\xc3\xa9\",\"refusal\":null" more \
	"}"
#define CHOICE(index, more, why)                     \
	"{\"index\":" index ",\"message\":" MESSAGE( \
		more) ",\"logprobs\":null,\"finish_reason\":" why "}"
#define CALLS                                                               \
	",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","             \
	"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1.0}\"}}," \
	"{\"id\":\"b\",\"type\":\"function\",\"function\":"                 \
	"{\"name\":\"g\",\"arguments\":\"\"}}]"

static const struct {
	const char *name, *choices, *usage, *extra;
} cases[] = {
	{ "one choice", "[" CHOICE("0", "", "\"stop\"") "]", "", "" },
	{ "several, and not all ended",
	  "[" CHOICE("0", "", "\"stop\"") "," CHOICE("1", "", "null") "]", "",
	  "{\"service_tier\":\"default\"}" },
	{ "calls", "[" CHOICE("0", CALLS, "\"tool_calls\"") "]",
	  "{\"total_tokens\":7.0}", "{}" },
	{ "what nobody knows",
	  "[" CHOICE("0", ",\"reasoning\":\"hm\"", "\"length\"") "]", "", "" },
	{ "none", "[]", "{\"total_tokens\":1}", "" },
};

/* Assembled again, it is what it was. */
static void streams_come_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		const struct disassemble_parts parts = {
			.id = STR("chatcmpl-1"),
			.model = STR("m\"1"),
			.created = 1700000000,
			.choices = str_of(cases[i].choices),
			.usage = str_of(cases[i].usage),
			.extra = str_of(cases[i].extra),
		};
		struct assembly as;
		struct buf stream, choices;
		struct arena a;

		arena_init(&a, MAX);
		buf_init(&stream, MAX);
		buf_init(&choices, MAX);
		check_int(cases[i].name,
			  disassemble_stream(&parts, true, &stream), 0);
		assemble_init(&as, &a);
		check_int(cases[i].name, assemble_stream(&as, buf_str(&stream)),
			  0);
		check_true(cases[i].name, assemble_is_complete(&as));
		check_int(cases[i].name, assemble_write_choices(&as, &choices),
			  0);
		check_str(cases[i].name, buf_str(&choices), parts.choices);
		check_int("bad", as.bad_events, 0);
		if (choices.len > 2 || parts.usage.len > 0) {
			check_str("id", assemble_id(&as), parts.id);
			check_str("model", assemble_model(&as), parts.model);
			check_int("created", as.created, parts.created);
		}
		check_str("usage", assemble_usage(&as), parts.usage);
		buf_fini(&choices);
		buf_fini(&stream);
		arena_fini(&a);
	}
}

static void an_object_is_whole(void **state)
{
	const struct disassemble_parts parts = {
		.id = STR("c\n"),
		.model = STR("m"),
		.created = 7,
		.choices = STR("[ {\"a\":1.0} ]"),
		.usage = STR("{\"t\":1}"),
		.extra = STR("{\"x\" : [1.50]}"),
	};
	struct buf out;

	(void)state;
	buf_init(&out, MAX);
	check_int("whole", disassemble_whole(&parts, &out), 0);
	check_str("whole", buf_str(&out),
		  STR("{\"id\":\"c\\n\",\"object\":\"chat.completion\","
		      "\"created\":7,\"model\":\"m\",\"x\":[1.50],"
		      "\"choices\":[ {\"a\":1.0} ],\"usage\":{\"t\":1}}"));
	buf_fini(&out);
}

static void parts_that_are_none(void **state)
{
	static const struct {
		const char *choices, *extra;
	} bad[] = { { "", "" },      { "{}", "" },     { "[1", "" },
		    { "[1]", "" },   { "[{}]", "[]" }, { "[{}]", "{" },
		    { "[null]", "" } };

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		const struct disassemble_parts parts = {
			.choices = str_of(bad[i].choices),
			.extra = str_of(bad[i].extra),
		};
		struct buf out;

		buf_init(&out, MAX);
		check_int(bad[i].choices,
			  disassemble_stream(&parts, false, &out),
			  DISASSEMBLE_BAD);
		buf_fini(&out);
		buf_init(&out, 8);
		check_true("room", disassemble_whole(&parts, &out) != 0);
		buf_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_come_back),
		cmocka_unit_test(an_object_is_whole),
		cmocka_unit_test(parts_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
