#include "llm/squeeze.h"

#include "llm/assemble.h"
#include "tests/unit/table.h"

enum {
	EVENTS_MAX = 8,
	TEXT_MAX = 4096
};

#define A "{\"id\":\"x\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
#define Z "\"},\"logprobs\":null,\"finish_reason\":null}]}"
#define B "{\"choices\":[{\"delta\":{"
#define Y "\"},\"index\":0}],\"model\":\"m\"}"
#define ARGS                                                                    \
	"{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"" \
	"function\":{\"arguments\":\""
#define ARGS_END "\"}}]},\"finish_reason\":null}]}"
#define PAD(n)   ",\"obfuscation\":\"" n "\"}"

static const struct {
	const char *name;
	const char *events[EVENTS_MAX];
	const char *want; /* lines */
} cases[] = {
	{ "nothing", { NULL }, "" },
	{ "what is alike is one",
	  { A "a" Z, A "b" Z, A "" Z, A "c" Z },
	  A "abc" Z "\n" },
	{ "escapes and characters stay as they are",
	  { A "\\n" Z, A "\xc3\xa9" Z, A "\\\"\\\\" Z },
	  A "\\n\xc3\xa9\\\"\\\\" Z "\n" },
	{ "\\u is left to the parser",
	  { A "a" Z, A "\\ud83d" Z, A "\\ude00" Z, A "b" Z, A "c" Z },
	  A "a" Z "\n" A "\\ud83d" Z "\n" A "\\ude00" Z "\n" A "bc" Z "\n" },
	{ "half a character is no text",
	  { A "\xc3" Z, A "\xa9" Z },
	  A "\xc3" Z "\n" A "\xa9" Z "\n" },
	{ "a quote ends a text",
	  { A "a" Z, A "b\"},\"x\":{\"y\":\"c" Z },
	  A "a" Z "\n" A "b\"},\"x\":{\"y\":\"c" Z "\n" },
	{ "a backslash at the end does not hide the quote",
	  { A "a" Z, A "b\\" Z },
	  A "a" Z "\n" A "b\\" Z "\n" },
	{ "another time is another chunk",
	  { "{\"created\":1,\"choices\":[{\"delta\":{\"content\":\"a" Y,
	    "{\"created\":2,\"choices\":[{\"delta\":{\"content\":\"b" Y },
	  "{\"created\":1,\"choices\":[{\"delta\":{\"content\":\"a" Y "\n"
	  "{\"created\":2,\"choices\":[{\"delta\":{\"content\":\"b" Y "\n" },
	{ "a role before it",
	  { B "\"role\":\"assistant\",\"content\":\"a" Y,
	    B "\"role\":\"assistant\",\"content\":\"b" Y },
	  B "\"role\":\"assistant\",\"content\":\"ab" Y "\n" },
	{ "reasoning",
	  { B "\"reasoning_content\":\"a" Y, B "\"reasoning_content\":\"b" Y,
	    B "\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"c" Y,
	    B "\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"d" Y },
	  B "\"reasoning_content\":\"ab" Y "\n" B
	    "\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"cd" Y
	    "\n" },
	{ "arguments of a call",
	  { ARGS "{" ARGS_END, ARGS "\\\"a\\\"" ARGS_END, ARGS "}" ARGS_END },
	  ARGS "{\\\"a\\\"}" ARGS_END "\n" },
	{ "logprobs add up",
	  { A "a\"},\"logprobs\":{\"content\":[1]}}]}",
	    A "b\"},\"logprobs\":{\"content\":[1]}}]}" },
	  A "a\"},\"logprobs\":{\"content\":[1]}}]}\n" A
	    "b\"},\"logprobs\":{\"content\":[1]}}]}\n" },
	{ "a second choice adds up",
	  { A "a\"}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}",
	    A "b\"}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}" },
	  A "a\"}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n" A
	    "b\"}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}\n" },
	{ "so does what else a delta has",
	  { A "a\",\"y\":\"z\"}}]}", A "b\",\"y\":\"z\"}}]}" },
	  A "a\",\"y\":\"z\"}}]}\n" A "b\",\"y\":\"z\"}}]}\n" },
	{ "and a second list of choices",
	  { A "a\"}}],\"choices\":[{\"text\":\"t\"}]}",
	    A "b\"}}],\"choices\":[{\"text\":\"t\"}]}" },
	  A "a\"}}],\"choices\":[{\"text\":\"t\"}]}\n" A
	    "b\"}}],\"choices\":[{\"text\":\"t\"}]}\n" },
	{ "padding is left out of a run",
	  { A "a\"}}]" PAD("xyz"), A "b\"}}]" PAD("1"), A "c\"}}]" PAD("") },
	  A "abc\"}}]}\n" },
	{ "with and without padding",
	  { A "a\"}}]" PAD("xyz"), A "b\"}}]}" },
	  A "a\"}}]}\n" A "b\"}}]}\n" },
	{ "what is no chunk",
	  { "[DONE]", "", "{}", "{" },
	  "[DONE]\n\n{}\n{\n" },
	{ "an end between",
	  { A "a" Z, A "b" Z, "{\"choices\":[]}", A "c" Z },
	  A "ab" Z "\n{\"choices\":[]}\n" A "c" Z "\n" },
};

static void runs_become_one_chunk(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct squeeze s;
		struct str event;
		struct buf got;

		squeeze_init(&s, TEXT_MAX);
		buf_init(&got, TEXT_MAX);
		for (size_t j = 0; cases[i].events[j] != NULL; j++) {
			check_int(cases[i].name,
				  squeeze_add(&s, str_of(cases[i].events[j])),
				  0);
		}
		squeeze_close(&s);
		while (squeeze_next(&s, &event)) {
			assert_int_equal(buf_add(&got, event), 0);
			assert_int_equal(buf_add(&got, STR("\n")), 0);
		}
		check_str(cases[i].name, buf_str(&got), str_of(cases[i].want));
		squeeze_release(&s);
		buf_fini(&got);
	}
}

static void write_all(struct assembly *as, struct buf *out)
{
	buf_init(out, TEXT_MAX);
	assert_int_equal(assemble_write_choices(as, out), 0);
	assert_int_equal(assemble_write_extra(as, out), 0);
	assert_int_equal(buf_add(out, assemble_id(as)), 0);
	assert_int_equal(buf_add(out, assemble_model(as)), 0);
}

static void what_is_assembled_is_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct assembly plain, squeezed;
		struct arena a, b;
		struct buf want, got;
		struct str event;
		struct squeeze s;

		arena_init(&a, 1 << 20);
		arena_init(&b, 1 << 20);
		assemble_init(&plain, &a);
		assemble_init(&squeezed, &b);
		squeeze_init(&s, TEXT_MAX);
		for (size_t j = 0; cases[i].events[j] != NULL; j++) {
			event = str_of(cases[i].events[j]);
			assert_int_equal(assemble_event(&plain, event), 0);
			assert_int_equal(squeeze_add(&s, event), 0);
		}
		squeeze_close(&s);
		while (squeeze_next(&s, &event))
			assert_int_equal(assemble_event(&squeezed, event), 0);
		write_all(&plain, &want);
		write_all(&squeezed, &got);
		check_str(cases[i].name, buf_str(&got), buf_str(&want));
		squeeze_release(&s);
		buf_fini(&want);
		buf_fini(&got);
		arena_fini(&a);
		arena_fini(&b);
	}
}

static void a_limit_leaves_whole_events(void **state)
{
	struct str event;
	struct squeeze s;
	size_t len = strlen(A "a" Z);

	(void)state;
	squeeze_init(&s, len + 3);
	assert_int_equal(squeeze_add(&s, STR(A "a" Z)), 0);
	assert_int_equal(squeeze_add(&s, STR(A "bc" Z)), 0);
	check_true("no room", squeeze_add(&s, STR(A "d" Z)) < 0);
	check_true("nor for another", squeeze_add(&s, STR("{}")) < 0);
	squeeze_close(&s);
	check_true("there is one", squeeze_next(&s, &event));
	check_str("it", event, STR(A "abc" Z));
	check_true("no more", !squeeze_next(&s, &event));
	squeeze_release(&s);
}

static void a_nul_is_left_out(void **state)
{
	struct str event;
	struct squeeze s;

	(void)state;
	squeeze_init(&s, TEXT_MAX);
	assert_int_equal(squeeze_add(&s, STR("{}\0{\"error\":{}}")), 0);
	assert_int_equal(squeeze_add(&s, STR(A "a\0b" Z)), 0);
	squeeze_close(&s);
	check_true("nothing", !squeeze_next(&s, &event));
	squeeze_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_become_one_chunk),
		cmocka_unit_test(what_is_assembled_is_the_same),
		cmocka_unit_test(a_limit_leaves_whole_events),
		cmocka_unit_test(a_nul_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
