/*
 * assembled - what the tests of assemble share.
 */
#ifndef TESTS_ASSEMBLED_H
#define TESTS_ASSEMBLED_H

#include "llm/assemble.h"

#include "http/sse.h"

#include "tests/unit/table.h"

#define MEGA (1 << 20)

/* What is said about a stream or an answer, as text. */
struct result {
	struct arena arena;
	struct assembly as;
	struct buf choices, extra;
};

static inline void open_result(struct result *res, size_t arena_max)
{
	arena_init(&res->arena, arena_max);
	assemble_init(&res->as, &res->arena);
	buf_init(&res->choices, 16 * MEGA);
	buf_init(&res->extra, 16 * MEGA);
}

static inline void write_result(struct result *res)
{
	assert_int_equal(assemble_write_choices(&res->as, &res->choices), 0);
	assert_int_equal(assemble_write_extra(&res->as, &res->extra), 0);
}

static inline void close_result(struct result *res)
{
	buf_fini(&res->choices);
	buf_fini(&res->extra);
	arena_fini(&res->arena);
}

/* Pieces of step bytes through the SSE parser. */
static inline int feed(struct result *res, struct str body, size_t step)
{
	struct sse_parser p;
	struct sse_event ev;
	int r = 0, event;

	sse_init(&p, 16 * MEGA);
	for (; body.len > 0; body = str_drop(body, step)) {
		assert_int_equal(sse_feed(&p, str_take(body, step)), 0);
		while ((event = sse_next(&p, &ev)) > 0) {
			if (event == SSE_EVENT)
				r = assemble_event(&res->as, ev.data);
		}
		assert_int_equal(event, 0);
	}
	sse_fini(&p);
	return r;
}

/* Each line is an event. */
static inline void make_stream(const char *lines, struct buf *out)
{
	struct str line, rest = str_of(lines);

	buf_init(out, 16 * MEGA);
	while (rest.len > 0) {
		(void)str_cut(rest, '\n', &line, &rest);
		assert_int_equal(buf_printf(out, "data: " STR_FMT "\n\n",
					    STR_ARG(line)),
				 0);
	}
}

#define CHUNK(choice)                                          \
	"{\"id\":\"c1\",\"object\":\"chat.completion.chunk\"," \
	"\"created\":7,\"model\":\"m\",\"choices\":[" choice "]}\n"
#define DELTA(delta)                                                \
	CHUNK("{\"index\":0,\"delta\":" delta ",\"logprobs\":null," \
	      "\"finish_reason\":null}")
#define END(why) \
	CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" why "\"}")
#define WHOLE(message, why)                                        \
	"[{\"index\":0,\"message\":" message ",\"logprobs\":null," \
	"\"finish_reason\":" why "}]"
#define SAYS(more) \
	"{\"role\":\"assistant\",\"content\":null,\"refusal\":null" more "}"

#endif
