/*
 * turn_bench - what a chunk costs on its way to a response's event.
 *
 * Nanoseconds of one chunk, JSON parsed and frame written, and of the parse alone;
 * the best of many rounds.  Last, a whole turn of a short answer: ids, the response
 * object three times, all events of one message.
 */
#include "base/clock.h"
#include "responses/turn.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CHUNKS = 20000,
	TURNS = 2000,
	SHORT = 10, /* deltas of a short answer */
	ROUNDS = 20,
	OUT_MAX = 64 << 20,
};

#define HEAD                                                                  \
	"{\"id\":\"chatcmpl-Cn3VZ0mXyHqI8pKXk2aW1yJb5dLfE\",\"object\":"      \
	"\"chat.completion.chunk\",\"created\":1700000000,\"model\":"         \
	"\"gpt-4o-2024-08-06\",\"service_tier\":\"default\","                 \
	"\"system_fingerprint\":\"fp_b9240ca2a4\",\"choices\":[{\"index\":0," \
	"\"delta\":"
#define TAIL "\"finish_reason\":null}]}"

static const struct {
	const char *name, *chunk;
} chunks[] = {
	{ "text", HEAD "{\"content\":\" word\"},\"logprobs\":null," TAIL },
	{ "reasoning",
	  HEAD "{\"content\":\"\",\"reasoning\":\" word\"}," TAIL },
	{ "arguments",
	  HEAD "{\"tool_calls\":[{\"index\":0,\"id\":null,\"function\":"
	       "{\"name\":\"f\",\"arguments\":\"{\\\"a\"}}]}," TAIL },
	{ "text with logprobs",
	  HEAD "{\"content\":\" word\"},\"logprobs\":{\"content\":[{\"token\":"
	       "\" word\",\"logprob\":-0.25,\"bytes\":[32,119,111,114,100],"
	       "\"top_logprobs\":[]}],\"refusal\":null}," TAIL },
};

static void must(int r)
{
	if (r == 0)
		return;
	(void)fprintf(stderr, "turn_bench: %d\n", r);
	exit(1);
}

static void take(struct turn *turn, struct str chunk, struct events *e)
{
	struct json_error bad;
	struct json doc;

	must(json_parse(chunk, &(struct json_limits){ 0 }, &doc, &bad));
	if (turn != NULL)
		must(turn_chunk(turn, &doc, e));
	json_fini(&doc);
}

/* The events are dropped as they come, as if they had been sent. */
static void run_turn(struct str chunk, size_t count, struct events *e,
		     struct id_source *ids)
{
	struct turn turn;

	turn_init(&turn,
		  &(struct turn_setup){ .ids = ids, .bytes_max = OUT_MAX });
	for (size_t i = 0; i < count; i++) {
		buf_clear(e->out);
		take(&turn, chunk, e);
	}
	must(turn_end(&turn, e));
	turn_fini(&turn);
}

static double best_of(struct str chunk, bool parse_only, struct events *e)
{
	struct id_source ids = ID_RANDOM;
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = clock_monotonic();
		double ns;

		if (parse_only) {
			for (int i = 0; i < CHUNKS; i++)
				take(NULL, chunk, e);
		} else {
			run_turn(chunk, CHUNKS, e, &ids);
		}
		ns = (double)(clock_monotonic() - start) / CHUNKS;
		if (round == 0 || ns < best)
			best = ns;
	}
	return best;
}

/* All that is written for an answer of SHORT deltas, but the parsing. */
static void short_answer(struct events *e, const struct response_view *view)
{
	struct response_now now = { .usage = USAGE_NONE };
	struct id_source ids = ID_RANDOM;
	struct id id;

	id_make(&ids, STR("resp_"), &id);
	e->sequence = 0;
	events_response(e, STR("response.created"), view, &now);
	events_response(e, STR("response.in_progress"), view, &now);
	run_turn(str_of(chunks[0].chunk), SHORT, e, &ids);
	events_response(e, STR("response.completed"), view, &now);
	buf_clear(e->out);
}

static double best_answer(struct events *e)
{
	struct response_view view = { .id = STR("resp_1"),
				      .model = STR("\"openai/gpt-4o\"") };
	double best = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t start = clock_monotonic();
		double ns;

		for (int i = 0; i < TURNS; i++)
			short_answer(e, &view);
		ns = (double)(clock_monotonic() - start) / TURNS;
		if (round == 0 || ns < best)
			best = ns;
	}
	return best;
}

int main(void)
{
	struct buf out;
	struct events e = { .out = &out, .response_id = STR("resp_1") };

	buf_init(&out, OUT_MAX);
	for (size_t i = 0; i < countof(chunks); i++) {
		struct str chunk = str_of(chunks[i].chunk);
		double parse = best_of(chunk, true, &e);

		(void)printf("%-20s %6.0f ns, of it parsing %6.0f ns\n",
			     chunks[i].name, best_of(chunk, false, &e), parse);
	}
	(void)printf("%-20s %6.0f ns\n", "a turn of 10 deltas",
		     best_answer(&e));
	buf_fini(&out);
	return 0;
}
