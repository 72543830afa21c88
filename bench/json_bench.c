/*
 * json_bench - how fast a body's model is changed: parse, set, pieces.
 *
 * Prints a row for each kind of body; GB/s are of the body's bytes.  The best of
 * many rounds, each shorter than the scheduler's slice, so that a busy machine
 * does not show.
 */
#include "base/clock.h"
#include "json/splice.h"
#include "json/writer.h"

#include <assert.h>
#include <stdio.h>

enum {
	ROUNDS = 300,
	ROUND_MS = 1,
	BODY_MAX = 4 << 20
};

struct body {
	const char *name;
	size_t len;          /* about */
	struct str text;     /* repeated until a message is full */
	size_t message_size; /* about */
};

static const struct body bodies[] = {
	{ "100 KB of prose", 100 << 10,
	  STR_INIT("The quick brown fox jumps over the lazy dog, and then "
		   "writes about it at some length for all to read. "),
	  4000 },
	{ "100 KB of code", 100 << 10,
	  STR_INIT("\tif (r < 0)\n\t\treturn err_up(r);\n\tprintf(\"%s\\n\", "
		   "text);\n}\n"),
	  4000 },
	{ "100 KB of Chinese", 100 << 10,
	  STR_INIT("\xe6\x95\x8f\xe6\x8d\xb7\xe7\x9a\x84\xe6\xa3\x95\xe8\x89"
		   "\xb2\xe7\x8b\x90\xe7\x8b\xb8\xef\xbc\x8c"),
	  4000 },
	{ "100 KB in short messages", 100 << 10, STR_INIT("Yes, please do. "),
	  32 },
	{ "1 KB of prose", 1 << 10,
	  STR_INIT("The quick brown fox jumps over the lazy dog. "), 400 },
};

static void write_message(struct json_writer *w, struct buf *text, bool user)
{
	json_object(w);
	json_member_str(w, STR("role"), user ? STR("user") : STR("assistant"));
	json_member_str(w, STR("content"), buf_str(text));
	json_end(w);
}

static void make_body(const struct body *body, struct buf *out)
{
	struct json_writer w;
	struct buf text;
	int r = 0;

	buf_init(&text, BODY_MAX);
	while (text.len < body->message_size && r == 0)
		r = buf_add(&text, body->text);
	assert(r == 0);
	json_writer_init(&w, out);
	json_object(&w);
	json_member_str(&w, STR("model"), STR("llama-3.3-70b"));
	json_member(&w, STR("messages"));
	json_array(&w);
	for (bool user = true; out->len < body->len; user = !user)
		write_message(&w, &text, user);
	json_end(&w);
	json_member_double(&w, STR("temperature"), 0.7);
	json_member_bool(&w, STR("stream"), true);
	json_end(&w);
	r = json_writer_done(&w);
	assert(r == 0);
	buf_fini(&text);
}

/* Returns the number of pieces, so that nothing is optimised away. */
static size_t change_model(struct str body)
{
	struct str pieces[SPLICE_PIECES_MAX];
	struct splice s = { .text = body };
	struct json_error e;
	struct json doc;
	size_t n;
	int r;

	r = json_parse(body, &(struct json_limits){ 0 }, &doc, &e);
	assert(r == 0);
	r = splice_set(&s, &doc, json_root(&doc), STR("model"),
		       STR("\"gpt-4o\""));
	assert(r == 0);
	n = splice_pieces(&s, pieces);
	json_fini(&doc);
	return n;
}

/* Nanoseconds for one body. */
static double best_ns(struct str body)
{
	double best = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int64_t from = clock_monotonic(), took;
		size_t n = 0;
		double ns;

		do {
			size_t pieces = change_model(body);

			assert(pieces == 3);
			n++;
			took = clock_monotonic() - from;
		} while (took < ROUND_MS * CLOCK_MS);
		ns = (double)took / (double)n;
		best = best == 0 || ns < best ? ns : best;
	}
	return best;
}

int main(void)
{
	for (size_t i = 0; i < countof(bodies); i++) {
		struct buf body;
		double ns;

		buf_init(&body, BODY_MAX);
		make_body(&bodies[i], &body);
		ns = best_ns(buf_str(&body));
		printf("%-26s %7zu bytes %9.0f ns %6.2f GB/s\n", bodies[i].name,
		       body.len, ns, (double)body.len / ns);
		buf_fini(&body);
	}
	return 0;
}
