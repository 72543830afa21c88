/*
 * Any stream: where its pieces end changes nothing, the choices are JSON, and
 * are themselves again when they come as one chunk.  In an arena that is too
 * small what is left is JSON as well.
 */
#include "llm/assemble.h"

#include "http/sse.h"
#include "llm/chunk.h"

#include "tests/fuzz/require.h"

enum {
	OUT_MAX = 16 << 20,
	LEN_MAX = 64 << 10
};

struct result {
	struct arena arena;
	struct assembly as;
	struct buf choices, extra;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require_json(const struct buf *b)
{
	struct json_error bad;
	struct json doc;

	require(json_parse(buf_str(b), NULL, &doc, &bad) == 0);
	json_fini(&doc);
}

static void open_result(struct result *res, size_t arena_max)
{
	arena_init(&res->arena, arena_max);
	assemble_init(&res->as, &res->arena);
	buf_init(&res->choices, OUT_MAX);
	buf_init(&res->extra, OUT_MAX);
}

static void write_result(struct result *res)
{
	struct assemble_choice c;
	struct assemble_call call;
	size_t i, k;

	require(assemble_write_choices(&res->as, &res->choices) == 0);
	require(assemble_write_extra(&res->as, &res->extra) == 0);
	for (i = 0; assemble_choice(&res->as, i, &c); i++) {
		for (k = 0; assemble_call(&res->as, i, k, &call); k++)
			require(call.type.len > 0);
		require(k == c.call_count && k <= ASSEMBLE_CALLS_MAX);
	}
	require(i == assemble_choice_count(&res->as));
	require(i <= ASSEMBLE_CHOICES_MAX);
	require(res->as.bad_events <= res->as.events);
}

static void close_result(struct result *res)
{
	buf_fini(&res->choices);
	buf_fini(&res->extra);
	arena_fini(&res->arena);
}

static void check_pieces(struct str all, size_t step, const struct result *want)
{
	struct sse_parser p;
	struct sse_event ev;
	struct result got;

	open_result(&got, SIZE_MAX / 2);
	sse_init(&p, LEN_MAX + 1);
	for (; all.len > 0; all = str_drop(all, step)) {
		require(sse_feed(&p, str_take(all, step)) == 0);
		while (sse_next(&p, &ev) > 0) {
			if (ev.data.len > 0)
				(void)!assemble_event(&got.as, ev.data);
		}
	}
	write_result(&got);
	require(str_eq(buf_str(&got.choices), buf_str(&want->choices)));
	require(str_eq(buf_str(&got.extra), buf_str(&want->extra)));
	require(str_eq(got.as.error, want->as.error));
	require(assemble_is_complete(&got.as) ==
		assemble_is_complete(&want->as));
	sse_fini(&p);
	close_result(&got);
}

/* The choices as a whole answer, and that as a chunk. */
static void check_again(const struct result *want)
{
	struct json_error bad;
	struct json doc;
	struct result got;
	struct buf whole, chunk;

	require(want->choices.ptr != NULL);
	buf_init(&whole, OUT_MAX);
	buf_init(&chunk, OUT_MAX);
	require(buf_printf(&whole, "{\"choices\":" STR_FMT "}",
			   STR_ARG(buf_str(&want->choices))) == 0);
	require(json_parse(buf_str(&whole), NULL, &doc, &bad) == 0);
	require(chunk_write(&doc, STR("\"m\""), &chunk) == 0);
	json_fini(&doc);

	open_result(&got, SIZE_MAX / 2);
	require(assemble_event(&got.as, buf_str(&chunk)) == 0);
	write_result(&got);
	require(str_eq(buf_str(&got.choices), buf_str(&want->choices)));
	close_result(&got);

	open_result(&got, SIZE_MAX / 2);
	require(assemble_whole(&got.as, buf_str(&whole)) == 0);
	write_result(&got);
	require(str_eq(buf_str(&got.choices), buf_str(&want->choices)));
	close_result(&got);
	buf_fini(&whole);
	buf_fini(&chunk);
}

static void check_small(struct str all, size_t arena_max)
{
	struct result res;

	open_result(&res, arena_max);
	(void)!assemble_stream(&res.as, all);
	write_result(&res);
	require_json(&res.choices);
	require_json(&res.extra);
	close_result(&res);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str all = { (const char *)data, len };
	struct result res;

	if (len == 0 || len > LEN_MAX)
		return 0;
	open_result(&res, SIZE_MAX / 2);
	(void)!assemble_stream(&res.as, all);
	write_result(&res);
	require_json(&res.choices);
	require_json(&res.extra);
	check_pieces(all, 1, &res);
	check_pieces(all, 5, &res);
	if (!res.as.is_full)
		check_again(&res);
	check_small(all, 64 * (size_t)(1 + data[len / 2]));
	close_result(&res);
	return 0;
}
