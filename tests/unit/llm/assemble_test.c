#include "tests/unit/llm/assembled.h"

struct stream_case {
	const char *name;
	const char *events; /* a line each */
	const char *choices;
	const char *extra; /* NULL: {} */
	const char *usage; /* NULL: none */
	const char *error; /* NULL: none */
	size_t bad;
	bool cut;
};

static const struct stream_case cases[] = {
	{ "a role, pieces of content, an end",
	  DELTA("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}")
		  DELTA("{\"content\":\"Hel\"}") DELTA("{\"content\":\"lo\"}")
			  END("stop") "[DONE]\n",
	  WHOLE("{\"role\":\"assistant\",\"content\":\"Hello\","
		"\"refusal\":null}",
		"\"stop\"") },
	{ "escapes are undone and made anew",
	  DELTA("{\"content\":\"a\\u00e9\\n\"}") DELTA(
		  "{\"cont\\u0065nt\":\"\\\"\\\\\\/\\u0001\"}") END("stop"),
	  WHOLE("{\"role\":\"assistant\",\"content\":"
		"\"a\xc3\xa9\\n\\\"\\\\/\\u0001\",\"refusal\":null}",
		"\"stop\"") },
	{ "without an end or [DONE] it was cut", DELTA("{\"content\":\"Hel\"}"),
	  WHOLE("{\"role\":\"assistant\",\"content\":\"Hel\","
		"\"refusal\":null}",
		"null"),
	  .cut = true },
	{ "[DONE] is an end too", DELTA("{\"content\":\"x\"}") " [DONE] \n",
	  WHOLE("{\"role\":\"assistant\",\"content\":\"x\","
		"\"refusal\":null}",
		"null") },
	{ "nothing counts after [DONE]",
	  END("stop") "[DONE]\n" DELTA("{\"content\":\"x\"}") "garbage\n",
	  WHOLE(SAYS(""), "\"stop\"") },
	{ "nothing at all", "", "[]", .cut = true },
	{ "usage comes in a last chunk without choices",
	  END("stop") "{\"id\":\"c1\",\"choices\":[],\"usage\":{\"total_tokens\""
		      ":3}}\n{\"usage\":null}\n[DONE]\n",
	  WHOLE(SAYS(""), "\"stop\""), .usage = "{\"total_tokens\":3}" },
	{ "of several usages the last counts",
	  "{\"usage\":{\"total_tokens\":1},\"choices\":[]}\n"
	  "{\"usage\":{\"total_tokens\":22},\"choices\":[]}\n"
	  "{\"usage\":{},\"choices\":[]}\n[DONE]\n",
	  "[]", .usage = "{\"total_tokens\":22}" },
	{ "Azure's first chunk has empty names and no choices",
	  "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\","
	  "\"object\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n" CHUNK(
		  "{\"content_filter_results\":{},\"delta\":{\"content\":"
		  "\"a\"},\"finish_reason\":null,\"index\":0}")
		  CHUNK("{\"content_filter_results\":{\"hate\":{\"a\":"
			"1}},\"delta\":{},\"index\":0,"
			"\"finish_reason\":\"stop\"}"),
	  "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\","
	  "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\","
	  "\"content_filter_results\":{\"hate\":{\"a\":1}}}]",
	  .extra = "{\"prompt_filter_results\":[{\"prompt_index\":0}]}" },
	{ "what stands beside is kept, the last of it, but padding",
	  "{\"service_tier\":null,\"system_fingerprint\":\"fp_1\",\"x_y\":1,"
	  "\"obfuscation\":\"ab\",\"citations\":[\"u\"],\"choices\":["
	  "{\"index\":0,\"obfuscation\":\"z\",\"stop_reason\":null,\"delta\":{}}"
	  "]}\n{\"service_tier\":\"default\",\"system_fingerprint\":\"fp_2\","
	  "\"citations\":[\"u\",\"v\"],\"choices\":[{\"index\":0,\"stop_reason\""
	  ":5,\"token_ids\":[1, 2]}]}\n"
	  "{\"choices\":[{\"index\":0,\"token_ids\":[ 3 ],\"finish_reason\":"
	  "\"stop\"}]}\n",
	  "[{\"index\":0,\"message\":" SAYS(
		  "") ",\"logprobs\":null,\"finish_reason\":\"stop\","
		      "\"stop_reason\":5,\"token_ids\":[1, 2,3]}]",
	  .extra = "{\"system_fingerprint\":\"fp_2\",\"x_y\":1,\"citations\":"
		   "[\"u\",\"v\"],\"service_tier\":\"default\"}" },
	{ "choices come in turns and in any order",
	  CHUNK("{\"index\":2,\"delta\":{\"content\":\"c\"}}")
		  CHUNK("{\"index\":0,\"delta\":{\"content\":\"a\"}},"
			"{\"index\":2,\"delta\":{\"content\":\"C\"}}")
			  CHUNK("{\"index\":1,\"delta\":{\"content\":\"b\"},"
				"\"finish_reason\":\"length\"}")
				  CHUNK("{\"index\":2,\"delta\":{},"
					"\"finish_reason\":\"stop\"}")
					  DELTA("{\"content\":\"A\"}"),
	  "[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"aA\","
	  "\"refusal\":null},\"logprobs\":null,\"finish_reason\":null},"
	  "{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":\"b\","
	  "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"length\"},"
	  "{\"index\":2,\"message\":{\"role\":\"assistant\",\"content\":\"cC\","
	  "\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}]",
	  .cut = true },
	{ "a choice without an index is the first",
	  CHUNK("{\"delta\":{\"content\":\"a\"}}") DELTA("{\"content\":\"b\"}")
		  END("stop"),
	  WHOLE("{\"role\":\"assistant\",\"content\":\"ab\","
		"\"refusal\":null}",
		"\"stop\"") },
	{ "a refusal",
	  DELTA("{\"role\":\"assistant\",\"content\":null,\"refusal\":\"\"}")
		  DELTA("{\"refusal\":\"I can\"}")
			  DELTA("{\"refusal\":\"not\"}") END("stop"),
	  WHOLE("{\"role\":\"assistant\",\"content\":null,"
		"\"refusal\":\"I cannot\"}",
		"\"stop\"") },
	{ "reasoning under both of its names",
	  DELTA("{\"reasoning_content\":\"thi\",\"reasoning\":\"a\"}") DELTA(
		  "{\"reasoning_content\":\"nk\",\"reasoning\":\"b\","
		  "\"content\":null}") DELTA("{\"content\":\"x\"}") END("stop"),
	  WHOLE("{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":null,"
		"\"reasoning_content\":\"think\",\"reasoning\":\"ab\"}",
		"\"stop\"") },
	{ "a tool call in pieces",
	  DELTA("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
		"{\"index\":0,\"id\":\"call_1\",\"type\":\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}")
		  DELTA("{\"tool_calls\":[{\"index\":0,\"function\":"
			"{\"arguments\":\"{\\\"a\\\"\"}}]}")
			  DELTA("{\"tool_calls\":[{\"index\":0,\"id\":null,"
				"\"type\":null,\"function\":{\"name\":null,"
				"\"arguments\":\":1}\"}}]}") END("tool_calls"),
	  WHOLE(SAYS(",\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\","
		     "\"function\":{\"name\":\"f\",\"arguments\":"
		     "\"{\\\"a\\\":1}\"}}]"),
		"\"tool_calls\"") },
	{ "tool calls in turns",
	  DELTA("{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"function\":"
		"{\"name\":\"g\",\"arguments\":\"1\"}},{\"index\":0,\"id\":"
		"\"a\",\"function\":{\"name\":\"f\"}}]}")
		  DELTA("{\"tool_calls\":[{\"index\":0,\"function\":"
			"{\"arguments\":\"2\"}}]}")
			  DELTA("{\"tool_calls\":[{\"index\":1,\"function\":"
				"{\"arguments\":\"3\"}},{\"index\":0,"
				"\"function\":{\"arguments\":\"4\"}}]}")
				  END("tool_calls"),
	  WHOLE(SAYS(",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
		     "\"function\":{\"name\":\"f\",\"arguments\":\"24\"}},"
		     "{\"id\":\"b\",\"type\":\"function\",\"function\":"
		     "{\"name\":\"g\",\"arguments\":\"13\"}}]"),
		"\"tool_calls\"") },
	{ "ids and names that are repeated",
	  DELTA("{\"role\":\"assistant\",\"tool_calls\":[{\"index\":0,\"id\":"
		"\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"1\"}}]}")
		  DELTA("{\"role\":\"assistant\",\"tool_calls\":[{\"index\":0,"
			"\"id\":\"a\",\"type\":\"function\",\"function\":"
			"{\"name\":\"f\",\"arguments\":\"2\"}}]}")
			  END("tool_calls"),
	  WHOLE(SAYS(",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
		     "\"function\":{\"name\":\"f\",\"arguments\":\"12\"}}]"),
		"\"tool_calls\"") },
	{ "an id for each piece does not make a call of it",
	  DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":"
		"{\"name\":\"f\"}}]}")
		  DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"b\","
			"\"function\":{\"arguments\":\"{}\"}}]}")
			  END("tool_calls"),
	  WHOLE(SAYS(",\"tool_calls\":[{\"id\":\"b\",\"type\":\"function\","
		     "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]"),
		"\"tool_calls\"") },
	{ "all calls are numbered 0",
	  DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":"
		"{\"name\":\"f\",\"arguments\":\"1\"}},{\"index\":0,\"id\":"
		"\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"2\"}}]}")
		  DELTA("{\"tool_calls\":[{\"index\":0,\"function\":"
			"{\"arguments\":\"3\"}}]}") END("tool_calls"),
	  WHOLE(SAYS(",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
		     "\"function\":{\"name\":\"f\",\"arguments\":\"1\"}},"
		     "{\"id\":\"b\",\"type\":\"function\",\"function\":"
		     "{\"name\":\"f\",\"arguments\":\"23\"}}]"),
		"\"tool_calls\"") },
	{ "no call is numbered",
	  DELTA("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\"}},"
		"{\"id\":\"b\",\"function\":{\"name\":\"g\"}}]}")
		  DELTA("{\"tool_calls\":[{\"function\":{\"arguments\":\"2\"}}"
			",{\"id\":\"\",\"function\":{\"name\":\"h\","
			"\"arguments\":{\"b\": [1]}}}]}") END("tool_calls"),
	  WHOLE(SAYS(",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\","
		     "\"function\":{\"name\":\"f\",\"arguments\":\"\"}},"
		     "{\"id\":\"b\",\"type\":\"function\",\"function\":"
		     "{\"name\":\"g\",\"arguments\":\"2\"}},{\"type\":"
		     "\"function\",\"function\":{\"name\":\"h\",\"arguments\":"
		     "\"{\\\"b\\\": [1]}\"}}]"),
		"\"tool_calls\"") },
	{ "a custom tool, and what a provider adds to a call",
	  DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"custom\""
		",\"custom\":{\"name\":\"f\",\"input\":\"x\"},"
		"\"extra_content\":{\"google\":{\"s\":\"t\"}}}]}")
		  DELTA("{\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":"
			"\"y\"}}]}") END("tool_calls"),
	  WHOLE(SAYS(",\"tool_calls\":[{\"id\":\"a\",\"type\":\"custom\","
		     "\"custom\":{\"name\":\"f\",\"input\":\"xy\"},"
		     "\"extra_content\":{\"google\":{\"s\":\"t\"}}}]"),
		"\"tool_calls\"") },
	{ "a function call of old",
	  DELTA("{\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}}")
		  DELTA("{\"function_call\":{\"arguments\":\"{\"}}")
			  DELTA("{\"function_call\":{\"arguments\":\"}\"}}")
				  END("function_call"),
	  WHOLE(SAYS(",\"function_call\":{\"name\":\"f\",\"arguments\":"
		     "\"{}\"}"),
		"\"function_call\"") },
	{ "annotations are appended",
	  DELTA("{\"annotations\":[]}") DELTA("{\"annotations\":[{\"a\":1}]}")
		  DELTA("{\"annotations\":[{\"a\":2},{\"a\":3}]}") END("stop"),
	  WHOLE(SAYS(",\"annotations\":[{\"a\":1},{\"a\":2},{\"a\":3}]"),
		"\"stop\"") },
	{ "audio",
	  DELTA("{\"audio\":{\"id\":\"a1\",\"transcript\":\"Hel\"}}")
		  DELTA("{\"audio\":{\"data\":\"AAAA\",\"id\":\"a1\"}}") DELTA(
			  "{\"audio\":{\"data\":\"BBBB\","
			  "\"transcript\":\"lo\"}}")
			  DELTA("{\"audio\":{\"expires_at\":9}}") END("stop"),
	  WHOLE(SAYS(",\"audio\":{\"id\":\"a1\",\"transcript\":\"Hello\","
		     "\"data\":\"AAAABBBB\",\"expires_at\":9}"),
		"\"stop\"") },
	{ "members nobody knows",
	  DELTA("{\"s\":\"a\",\"l\":[1],\"n\":1,\"o\":{\"a\":1},\"z\":null}")
		  DELTA("{\"s\":\"b\",\"l\":[2],\"n\":2,\"o\":{\"b\":2},"
			"\"\":true}") END("stop"),
	  WHOLE(SAYS(",\"s\":\"ab\",\"l\":[1,2],\"n\":2,\"o\":{\"b\":2},"
		     "\"\":true"),
		"\"stop\"") },
	{ "strings among arrays are parts",
	  DELTA("{\"content\":\"a\\\"\"}")
		  DELTA("{\"content\":[{\"type\":\"thinking\"}]}")
			  DELTA("{\"content\":\"b\"}")
				  DELTA("{\"content\":\"c\"}") END("stop"),
	  WHOLE("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
		"\"text\":\"a\\\"\"},{\"type\":\"thinking\"},{\"type\":\"text\""
		",\"text\":\"bc\"}],\"refusal\":null}",
		"\"stop\"") },
	{ "and arrays among strings, of which the empty ones are nothing",
	  DELTA("{\"content\":[],\"x\":[]}") DELTA("{\"content\":\"a\"}") DELTA(
		  "{\"content\":[],\"x\":\"b\"}") DELTA("{\"content\":[1]}")
		  DELTA("{\"content\":\"b\"}") DELTA("{\"content\":[]}")
			  DELTA("{\"content\":\"c\"}") DELTA(
				  "{\"content\":[2,3],\"x\":[]}") END("stop"),
	  WHOLE("{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
		"\"text\":\"a\"},1,{\"type\":\"text\",\"text\":\"bc\"},2,3],"
		"\"refusal\":null,\"x\":\"b\"}",
		"\"stop\"") },
	{ "what is no object is no choice",
	  "{\"choices\":[1,null,[2]]}\n[DONE]\n", "[]" },
	{ "a member that changes what it is",
	  DELTA("{\"x\":\"a\",\"y\":[1],\"function_call\":{\"name\":\"f\"}}")
		  DELTA("{\"x\":1,\"y\":true,\"function_call\":2}")
			  DELTA("{\"x\":\"b\",\"y\":[2]}") END("stop"),
	  WHOLE(SAYS(",\"function_call\":2,\"x\":\"b\",\"y\":[2]"),
		"\"stop\"") },
	{ "logprobs are appended",
	  CHUNK("{\"index\":0,\"delta\":{},\"logprobs\":{\"content\":[{\"token\""
		":\"a\"}],\"refusal\":null}}")
		  CHUNK("{\"index\":0,\"logprobs\":{\"content\":[],\"refusal\":"
			"null}}")
			  CHUNK("{\"index\":0,\"logprobs\":{\"content\":"
				"[{\"token\":\"b\"},{\"token\":\"c\"}]}}")
				  END("stop"),
	  "[{\"index\":0,\"message\":" SAYS(
		  "") ",\"logprobs\":{\"content\":[{\"token\":\"a\"},{\"token\":"
		      "\"b\"},{\"token\":\"c\"}],\"refusal\":null},"
		      "\"finish_reason\":\"stop\"}]" },
	{ "a text completion",
	  "{\"id\":\"t\",\"object\":\"text_completion\",\"choices\":[{\"index\":"
	  "0,\"text\":\"He\",\"logprobs\":{\"tokens\":[\"H\"],\"text_offset\":"
	  "[0]},\"finish_reason\":null}]}\n{\"choices\":[{\"index\":0,\"text\":"
	  "\"y\",\"logprobs\":{\"tokens\":[\"y\"],\"text_offset\":[2]},"
	  "\"finish_reason\":\"stop\"}]}\n",
	  "[{\"index\":0,\"text\":\"Hey\",\"logprobs\":{\"tokens\":[\"H\",\"y\""
	  "],\"text_offset\":[0,2]},\"finish_reason\":\"stop\"}]" },
	{ "a whole message in a stream",
	  CHUNK("{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
		"\"x\",\"tool_calls\":[]},\"finish_reason\":\"stop\"}"),
	  WHOLE("{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":null}",
		"\"stop\"") },
	{ "an error", END("stop") "{\"error\":{\"message\":\"m\"}}\n[DONE]\n",
	  WHOLE(SAYS(""), "\"stop\""), .error = "{\"message\":\"m\"}",
	  .cut = true },
	{ "the first error counts, however it looks",
	  "{\"error\":null}\n{\"object\":\"error\",\"message\":\"a\"}\n"
	  "{\"error\":\"b\"}\n",
	  "[]", .error = "{\"object\":\"error\",\"message\":\"a\"}",
	  .cut = true },
	{ "garbage is left out and counted",
	  DELTA("{\"content\":\"a\"}") "{\"choices\":[{\"index\":0,\n[1]\n\n"
				       "\xff\nping\n" DELTA(
					       "{\"content\":\"b\"}")
					       END("stop"),
	  WHOLE("{\"role\":\"assistant\",\"content\":\"ab\",\"refusal\":null}",
		"\"stop\""),
	  .bad = 5 },
	{ "members of another kind than they should be",
	  "{\"choices\":{\"index\":0},\"usage\":[],\"created\":\"x\"}\n"
	  "{\"choices\":[1,null,[],{\"index\":\"0\",\"delta\":[],\"logprobs\":"
	  "1,\"finish_reason\":2}],\"id\":5}\n"
	  "{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":{\"a\":1},"
	  "\"role\":[],\"audio\":\"x\"}}]}\n[DONE]\n",
	  "[{\"index\":0,\"message\":[],\"logprobs\":1,\"finish_reason\":2},"
	  "{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":null,"
	  "\"refusal\":null,\"audio\":\"x\"},\"logprobs\":null,"
	  "\"finish_reason\":null}]" },
};

static void check_case(const struct stream_case *c, struct result *res)
{
	write_result(res);
	check_str(c->name, buf_str(&res->choices), str_of(c->choices));
	check_str(c->name, buf_str(&res->extra),
		  c->extra != NULL ? str_of(c->extra) : STR("{}"));
	check_str(c->name, assemble_usage(&res->as), str_of(c->usage));
	check_str(c->name, res->as.error, str_of(c->error));
	check_int(c->name, res->as.bad_events, c->bad);
	check_int(c->name, assemble_is_complete(&res->as), !c->cut);
	close_result(res);
}

static void streams_become_choices(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf body;
		struct result res;

		make_stream(cases[i].events, &body);
		for (size_t step = 1; step <= body.len; step++) {
			open_result(&res, MEGA);
			check_int(cases[i].name,
				  feed(&res, buf_str(&body), step), 0);
			check_case(&cases[i], &res);
		}
		open_result(&res, MEGA);
		check_int(cases[i].name,
			  assemble_stream(&res.as, buf_str(&body)), 0);
		check_case(&cases[i], &res);
		buf_fini(&body);
	}
}

/* In arenas of every size: full or not, what is there is JSON. */
static void an_arena_may_end_anywhere(void **state)
{
	size_t full = 0, done = 0;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct buf body;

		make_stream(cases[i].events, &body);
		for (size_t max = 16; max < 8192; max += 16) {
			struct result res;
			struct json_error bad;
			struct json doc;
			int r;

			open_result(&res, max);
			r = assemble_stream(&res.as, buf_str(&body));
			*(r == 0 ? &done : &full) += 1;
			write_result(&res);
			check_int(cases[i].name,
				  json_parse(buf_str(&res.choices), NULL, &doc,
					     &bad),
				  0);
			json_fini(&doc);
			check_int(cases[i].name,
				  json_parse(buf_str(&res.extra), NULL, &doc,
					     &bad),
				  0);
			json_fini(&doc);
			close_result(&res);
		}
		buf_fini(&body);
	}
	assert_true(full > 1000 && done > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_become_choices),
		cmocka_unit_test(an_arena_may_end_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
