/*
 * embed_bench - how fast embeddings are changed from one form to the other.
 *
 * An upstream's answer to 2,048 inputs of 1,536 floats each is parsed and
 * rewritten as relays do it.  MB/s are of the longer of both texts, the numbers,
 * and of the processor's time: a busy machine does not show.  The best of a few
 * rounds.
 */
#include "base/base64.h"
#include "base/clock.h"
#include "base/rand.h"
#include "llm/embeddings.h"
#include "json/floats.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
	INPUTS = 2048,
	DIMENSIONS = 1536,
	ROUNDS = 15,
	ANSWER_MAX = 256 << 20
};

/* How upstreams write the same float. */
enum style {
	SHORT, /* 0.006929283: OpenAI, Go, Rust */
	LONG,  /* 0.006929283495992422: Python's list of a numpy array */
	BASE64
};

static const char *const names[] = {
	[SHORT] = "numbers, as few digits as can be",
	[LONG] = "numbers, all digits of a double",
	[BASE64] = "base64",
};

/* About the sizes that a vector of length 1 has. */
static void make_vector(float *out)
{
	for (int i = 0; i < DIMENSIONS; i++) {
		double sum = 0;

		for (int k = 0; k < 4; k++)
			sum += (double)rand_u64() / 0x1p64 - 0.5;
		out[i] = (float)(sum * 0.045);
	}
}

static int write_vector(struct buf *out, const float *vector, enum style style)
{
	size_t size = DIMENSIONS * sizeof(*vector);
	int r = 0;

	if (style == SHORT)
		return floats_write(out, (const uint8_t *)vector, DIMENSIONS);
	if (style == BASE64) {
		r = buf_add(out, STR("\""));
		if (r == 0) {
			r = base64_write(out,
					 (struct str){ (const char *)vector,
						       size });
		}
		return r == 0 ? buf_add(out, STR("\"")) : r;
	}
	for (int i = 0; i < DIMENSIONS && r == 0; i++) {
		r = buf_printf(out, "%s%.16g", i == 0 ? "[" : ",",
			       (double)vector[i]);
	}
	return r == 0 ? buf_add(out, STR("]")) : r;
}

static void make_body(struct buf *out, enum style style)
{
	static float vector[DIMENSIONS];
	int r = buf_add(out, STR("{\"object\":\"list\",\"data\":["));

	rand_seed(1);
	for (int i = 0; i < INPUTS && r == 0; i++) {
		make_vector(vector);
		r = buf_printf(out,
			       "%s{\"object\":\"embedding\",\"index\":%d,"
			       "\"embedding\":",
			       i > 0 ? "," : "", i);
		if (r == 0)
			r = write_vector(out, vector, style);
		if (r == 0)
			r = buf_add(out, STR("}"));
	}
	if (r == 0) {
		r = buf_add(out,
			    STR("],\"model\":\"m\",\"usage\":{"
				"\"prompt_tokens\":1,\"total_tokens\":1}}"));
	}
	assert(r == 0);
}

static int64_t cpu_ns(void)
{
	struct timespec ts = { 0 };
	int r = clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

	assert(r == 0);
	return ts.tv_sec * CLOCK_S + ts.tv_nsec;
}

/* Returns the bytes of the answer. */
static size_t rewrite(struct str body, bool base64, struct arena *a)
{
	struct json_limits limits = { .fold_numbers = true };
	struct llm_request req = { .base64 = base64 };
	struct llm_answer answer = { .request = &req,
				     .model = STR("\"mine\""),
				     .arena = a };
	struct json_error bad;
	struct json doc;
	size_t len = 0;
	int r = json_parse(body, &limits, &doc, &bad);

	assert(r == 0);
	answer.doc = &doc;
	buf_init(&answer.out, ANSWER_MAX);
	r = embeddings_answer(&answer);
	assert(r == 0);
	for (size_t i = 0; i < answer.count; i++)
		len += answer.pieces[i].len;
	buf_fini(&answer.out);
	json_fini(&doc);
	return len;
}

static void measure(enum style style, bool base64)
{
	struct arena a;
	struct buf body;
	double best = 0;
	size_t len = 0;

	arena_init(&a, ANSWER_MAX);
	buf_init(&body, ANSWER_MAX);
	make_body(&body, style);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t from = cpu_ns();
		double ns;

		len = rewrite(buf_str(&body), base64, &a);
		ns = (double)(cpu_ns() - from);
		best = best == 0 || ns < best ? ns : best;
		arena_reset(&a);
	}
	printf("%-34s to %-8s %9zu -> %9zu bytes %6.1f ms %6.0f MB/s\n",
	       names[style], base64 ? "base64" : "numbers", body.len, len,
	       best / CLOCK_MS,
	       (double)(body.len > len ? body.len : len) * 1e3 / best);
	buf_fini(&body);
	arena_fini(&a);
}

int main(void)
{
	measure(SHORT, false);
	measure(SHORT, true);
	measure(LONG, true);
	measure(BASE64, false);
	measure(BASE64, true);
	return 0;
}
