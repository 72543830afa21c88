/*
 * assemble_bench [FILE] - how fast a stream becomes the whole completion.
 *
 * Streams of 20,000 small events, or a file of Server-Sent Events.  MB/s are of
 * the stream's bytes, the best of many rounds; the arena's use is beside it.
 */
#include "base/clock.h"
#include "llm/assemble.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	EVENTS = 20000,
	ROUNDS = 30,
	BODY_MAX = 64 << 20,
};

#define HEAD                                                                   \
	"data: {\"id\":\"chatcmpl-Cn3VZ0mXyHqI8pKXk2aW1yJb5dLfE\",\"object\":" \
	"\"chat.completion.chunk\",\"created\":1700000000,\"model\":"          \
	"\"gpt-4o-2024-08-06\",\"service_tier\":\"default\","                  \
	"\"system_fingerprint\":\"fp_b9240ca2a4\",\"choices\":[{\"index\":"

static const struct {
	const char *name, *event; /* # is a number below 4 */
} streams[] = {
	{ "content",
	  HEAD "0,\"delta\":{\"content\":\" word\"},\"logprobs\":null,"
	       "\"finish_reason\":null}]}\n\n" },
	{ "content of 4 choices in turns",
	  HEAD "#,\"delta\":{\"content\":\" word\"},\"logprobs\":null,"
	       "\"finish_reason\":null}]}\n\n" },
	{ "arguments of 4 calls in turns",
	  HEAD "0,\"delta\":{\"tool_calls\":[{\"index\":#,\"function\":"
	       "{\"arguments\":\"{\\\"a\"}}]},\"logprobs\":null,"
	       "\"finish_reason\":null}]}\n\n" },
	{ "content with logprobs",
	  HEAD "0,\"delta\":{\"content\":\" word\"},\"logprobs\":{\"content\":"
	       "[{\"token\":\" word\",\"logprob\":-0.25,\"bytes\":[32,119,111,"
	       "114,100],\"top_logprobs\":[]}],\"refusal\":null},"
	       "\"finish_reason\":null}]}\n\n" },
};

static void must(int r)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "assemble_bench: %d\n", r);
	exit(1);
}

static void make_stream(const char *event, size_t events, struct buf *out)
{
	struct str before, after;
	bool cut = str_cut(str_of(event), '#', &before, &after);

	buf_clear(out);
	for (size_t i = 0; i < events; i++) {
		must(buf_add(out, before));
		if (cut)
			must(buf_printf(out, "%zu", i % 4));
		must(buf_add(out, after));
	}
	must(buf_add(out, STR("data: [DONE]\n\n")));
}

/* Nanoseconds for one stream, with its choices written. */
static int64_t once(struct str body, struct buf *out, size_t *arena_used)
{
	int64_t from = clock_monotonic();
	struct assembly as;
	struct arena a;

	arena_init(&a, BODY_MAX);
	assemble_init(&as, &a);
	must(assemble_stream(&as, body));
	buf_clear(out);
	must(assemble_write_choices(&as, out));
	*arena_used = a.used;
	arena_fini(&a);
	return clock_monotonic() - from;
}

static void measure(const char *name, struct str body)
{
	int64_t best = INT64_MAX;
	size_t used = 0;
	struct buf out;

	buf_init(&out, BODY_MAX);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t ns = once(body, &out, &used);

		best = ns < best ? ns : best;
	}
	printf("%-34s %9zu bytes %8.2f ms %7.0f MB/s  %8zu of choices "
	       "%8zu of arena\n",
	       name, body.len, (double)best / 1e6,
	       (double)body.len * 1e3 / (double)best, out.len, used);
	buf_fini(&out);
}

static void measure_file(const char *path, struct buf *body)
{
	FILE *f = fopen(path, "rb");

	must(f == NULL ? -1 : 0);
	must(buf_reserve(body, BODY_MAX));
	body->len = fread(body->ptr, 1, BODY_MAX, f);
	(void)fclose(f);
	measure(path, buf_str(body));
}

int main(int argc, char **argv)
{
	struct buf body;

	buf_init(&body, BODY_MAX);
	if (argc > 1)
		measure_file(argv[1], &body);
	for (size_t i = 0; argc == 1 && i < countof(streams); i++) {
		make_stream(streams[i].event, EVENTS, &body);
		measure(streams[i].name, buf_str(&body));
		make_stream(streams[i].event, EVENTS / 10, &body);
		measure("  a tenth of it", buf_str(&body));
	}
	buf_fini(&body);
	return 0;
}
