/*
 * Real streams, when recordings lie beside the project: what they are assembled
 * to is what another reader of them finds.  And whole completions, real ones too,
 * that are cut into streams at random become what they were.
 */
#include "tests/unit/llm/assembled.h"

#include "recording/differ.h"
#include "recording/file.h"
#include "recording/transcript.h"
#include "recording/tree.h"
#include "json/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	LANES_MAX = 256,
	ROUNDS = 20,
};

/* Walks every recorded chat; skips, and says so, when there is none. */
static void walk(int (*one)(void *arg, int dir, struct str folder,
			    const char *name),
		 void *count)
{
	struct tree_visitor v = { .file = one, .arg = count };
	const char *source = getenv("QUIPU_SOURCE");
	char root[1024];

	(void)snprintf(root, sizeof(root), "%s/../shared/recordings",
		       source != NULL ? source : ".");
	if (access(root, R_OK) != 0) {
		print_message("no recordings in %s: NOTHING WAS TESTED\n",
			      root);
		skip();
	}
	check_int("walk", tree_walk(root, &v), 0);
	print_message("%zu recordings\n", *(const size_t *)count);
}

static bool is_chat(const struct recording *r, enum recording_framing framing)
{
	return str_eq(r->op, STR("chat.completions")) &&
	       r->response.status == 200 && r->response.framing == framing;
}

static void check_turn(const char *name, const struct assembly *as, size_t n,
		       const struct transcript_turn *turn)
{
	struct assemble_choice c;
	struct assemble_call call;

	check_true(name, assemble_choice(as, n, &c));
	check_int(name, c.index, turn->index);
	check_str(name, c.content, turn->text);
	check_str(name, c.reasoning, turn->reasoning);
	check_str(name, c.refusal, turn->refusal);
	check_str(name, c.finish_reason, turn->finish);
	check_int(name, c.call_count, turn->call_count);
	for (size_t i = 0; i < c.call_count; i++) {
		check_true(name, assemble_call(as, n, i, &call));
		check_str(name, call.id, turn->calls[i].id);
		check_str(name, call.name, turn->calls[i].name);
		check_str(name, call.arguments, turn->calls[i].arguments);
	}
}

static void check_same(const char *name, const struct recording *r,
		       const struct result *want, size_t step)
{
	struct result got;

	open_result(&got, 64 * MEGA);
	check_int(name, feed(&got, r->response.body, step), 0);
	write_result(&got);
	check_str(name, buf_str(&got.choices), buf_str(&want->choices));
	check_str(name, buf_str(&got.extra), buf_str(&want->extra));
	check_str(name, assemble_usage(&got.as), assemble_usage(&want->as));
	check_int(name, got.as.events, want->as.events);
	close_result(&got);
}

static int check_stream(void *arg, int dir, struct str folder, const char *name)
{
	static const size_t steps[] = { 1, 2, 3, 7, 64, 1000, 4096 };
	struct recording_problem problem;
	struct transcript t;
	struct result res;
	struct file f;

	(void)folder;
	check_int(name, file_load(dir, name, &f, &problem), 0);
	if (is_chat(&f.recording, RECORDING_SSE)) {
		transcript_make(&f.recording, &f.arena, &t);
		open_result(&res, 4 * f.recording.response.body.len);
		check_int(name,
			  assemble_stream(&res.as, f.recording.response.body),
			  0);
		write_result(&res);
		check_true(name, assemble_is_complete(&res.as));
		check_int(name, res.as.bad_events, 0);
		check_int(name, assemble_usage(&res.as).len > 0, t.usage.known);
		check_int(name, assemble_choice_count(&res.as), t.answer_count);
		for (size_t i = 0; i < t.answer_count; i++)
			check_turn(name, &res.as, i, &t.answers[i]);
		for (size_t i = 0; i < countof(steps); i++)
			check_same(name, &f.recording, &res, steps[i]);
		close_result(&res);
		++*(size_t *)arg;
	}
	file_fini(&f);
	return 0;
}

static void recorded_streams_say_the_same(void **state)
{
	size_t count = 0;

	(void)state;
	walk(check_stream, &count);
	check_true("streams", count > 400);
}

/* A part of a choice whose pieces come in order: lines of JSON. */
struct lane {
	struct buf lines;
	size_t at;
};

struct cutter {
	const struct json *doc;
	uint32_t random;
	struct lane lanes[LANES_MAX];
	size_t count;
	int64_t index; /* of the choice at hand */
	struct arena arena;
};

static uint32_t next_random(struct cutter *c, uint32_t below)
{
	c->random = c->random * 1664525 + 1013904223;
	return (c->random >> 8) % below;
}

static struct lane *add_lane(struct cutter *c)
{
	struct lane *lane = &c->lanes[c->count];

	assert_true(c->count++ < LANES_MAX);
	buf_init(&lane->lines, 16 * MEGA);
	lane->at = 0;
	return lane;
}

/* A choice with a member, whose text is the format's. */
#define add_piece(c, lane, format, ...)                                  \
	assert_int_equal(buf_printf(&(lane)->lines,                      \
				    "{\"index\":%lld," format "}\n",     \
				    (long long)(c)->index, __VA_ARGS__), \
			 0)

/* Some characters from the start of text, as a JSON string. */
static struct str take_piece(struct cutter *c, struct str *text)
{
	size_t n = 1 + next_random(c, 12);

	while (n < text->len && ((unsigned char)text->ptr[n] & 0xc0) == 0x80)
		n++;
	n = n < text->len ? n : text->len;
	*text = str_drop(*text, n);
	return json_quoted(&c->arena, (struct str){ text->ptr - n, n });
}

static void cut_string(struct cutter *c, uint32_t v)
{
	struct str key = json_raw(c->doc, json_key(c->doc, v));
	struct str text = json_string(c->doc, v, &c->arena);
	struct lane *lane = add_lane(c);

	add_piece(c, lane, "\"delta\":{" STR_FMT ":\"\"}", STR_ARG(key));
	while (text.len > 0) {
		struct str piece = take_piece(c, &text);

		add_piece(c, lane, "\"delta\":{" STR_FMT ":" STR_FMT "}",
			  STR_ARG(key), STR_ARG(piece));
	}
}

/* Element by element; in is "delta" or "logprobs". */
static void cut_array(struct cutter *c, uint32_t v, const char *in)
{
	struct str key = json_raw(c->doc, json_key(c->doc, v));
	struct lane *lane = add_lane(c);

	add_piece(c, lane, "\"%s\":{" STR_FMT ":[]}", in, STR_ARG(key));
	for (v = json_first(c->doc, v); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		struct str raw = json_raw(c->doc, v);

		add_piece(c, lane, "\"%s\":{" STR_FMT ":[" STR_FMT "]}", in,
			  STR_ARG(key), STR_ARG(raw));
	}
}

static void cut_calls(struct cutter *c, uint32_t list)
{
	uint32_t v = json_first(c->doc, list);

	for (size_t n = 0; v != JSON_NONE; n++, v = json_next(c->doc, v)) {
		uint32_t function = json_get(c->doc, v, STR("function"));
		uint32_t name = json_get(c->doc, function, STR("name"));
		uint32_t arguments =
			json_get(c->doc, function, STR("arguments"));
		struct str text = json_string(c->doc, arguments, &c->arena);
		struct str id =
			json_raw(c->doc, json_get(c->doc, v, STR("id")));
		struct lane *lane = add_lane(c);

		add_piece(
			c, lane,
			"\"delta\":{\"tool_calls\":[{\"index\":%zu,\"id\":" STR_FMT
			",\"type\":\"function\",\"function\":"
			"{\"name\":" STR_FMT ",\"arguments\":\"\"}}]}",
			n, STR_ARG(id), STR_ARG(json_raw(c->doc, name)));
		while (text.len > 0) {
			struct str piece = take_piece(c, &text);

			add_piece(c, lane,
				  "\"delta\":{\"tool_calls\":[{\"index\":%zu,"
				  "\"function\":{\"arguments\":" STR_FMT "}}]}",
				  n, STR_ARG(piece));
		}
	}
}

static void cut_message(struct cutter *c, uint32_t message)
{
	for (uint32_t v = json_first(c->doc, message); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		struct str key = json_raw(c->doc, json_key(c->doc, v));
		enum json_type type = json_type(c->doc, v);

		if (str_eq(key, STR("\"tool_calls\""))) {
			cut_calls(c, v);
		} else if (type == JSON_ARRAY) {
			cut_array(c, v, "delta");
		} else if (type == JSON_STRING &&
			   !str_eq(key, STR("\"role\""))) {
			cut_string(c, v);
		} else {
			struct lane *lane = add_lane(c);

			add_piece(c, lane,
				  "\"delta\":{" STR_FMT ":" STR_FMT "}",
				  STR_ARG(key), STR_ARG(json_raw(c->doc, v)));
		}
	}
}

static void cut_logprobs(struct cutter *c, uint32_t logprobs)
{
	for (uint32_t v = json_first(c->doc, logprobs); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		if (json_type(c->doc, v) == JSON_ARRAY)
			cut_array(c, v, "logprobs");
		else {
			add_piece(c, add_lane(c),
				  "\"logprobs\":{" STR_FMT ":null}",
				  STR_ARG(json_raw(c->doc,
						   json_key(c->doc, v))));
		}
	}
}

static void cut_choice(struct cutter *c, uint32_t choice)
{
	assert_true(json_to_i64(c->doc, json_get(c->doc, choice, STR("index")),
				&c->index));
	for (uint32_t v = json_first(c->doc, choice); v != JSON_NONE;
	     v = json_next(c->doc, v)) {
		struct str key = json_raw(c->doc, json_key(c->doc, v));

		if (str_eq(key, STR("\"message\""))) {
			cut_message(c, v);
		} else if (str_eq(key, STR("\"logprobs\""))) {
			cut_logprobs(c, v);
		} else if (!str_eq(key, STR("\"index\""))) {
			add_piece(c, add_lane(c), STR_FMT ":" STR_FMT,
				  STR_ARG(key), STR_ARG(json_raw(c->doc, v)));
		}
	}
}

/* The next piece of a lane by chance; false: all are empty. */
static bool next_piece(struct cutter *c, struct str *out)
{
	struct lane *lane;
	struct str rest;

	if (c->count == 0)
		return false;
	lane = &c->lanes[next_random(c, (uint32_t)c->count)];
	rest = str_drop(buf_str(&lane->lines), lane->at);
	(void)str_cut(rest, '\n', out, &rest);
	lane->at += out->len + 1;
	if (lane->at == lane->lines.len) {
		/* out's bytes are used before the next call. */
		struct lane last = c->lanes[--c->count];

		*out = arena_str(&c->arena, *out);
		buf_fini(&lane->lines);
		if (lane != &c->lanes[c->count])
			*lane = last;
	}
	return true;
}

static void send_pieces(struct cutter *c, struct assembly *as)
{
	struct str piece, second;
	struct buf event;
	int r;

	buf_init(&event, 16 * MEGA);
	while (next_piece(c, &piece)) {
		buf_clear(&event);
		r = buf_printf(&event, "{\"id\":\"c\",\"choices\":[" STR_FMT,
			       STR_ARG(piece));
		assert_int_equal(r, 0);
		if (next_random(c, 4) == 0 && next_piece(c, &second)) {
			r = buf_printf(&event, "," STR_FMT, STR_ARG(second));
			assert_int_equal(r, 0);
		}
		assert_int_equal(buf_add(&event, STR("]}")), 0);
		assert_int_equal(assemble_event(as, buf_str(&event)), 0);
	}
	buf_fini(&event);
}

/* Ollama numbers them in whole answers too, OpenAI does not. */
static void write_calls(struct json_writer *w, const struct json *doc,
			uint32_t list)
{
	json_member(w, STR("tool_calls"));
	json_array(w);
	for (uint32_t call = json_first(doc, list); call != JSON_NONE;
	     call = json_next(doc, call)) {
		json_object(w);
		for (uint32_t v = json_first(doc, call); v != JSON_NONE;
		     v = json_next(doc, v)) {
			struct str key = json_raw(doc, json_key(doc, v));

			if (!str_eq(key, STR("\"index\"")))
				json_member_copy(w, key, json_raw(doc, v));
		}
		json_end(w);
	}
	json_end(w);
}

/* An object without the members that are null, but for these two. */
static void write_message(struct json_writer *w, const struct json *doc,
			  uint32_t message)
{
	json_object(w);
	for (uint32_t v = json_first(doc, message); v != JSON_NONE;
	     v = json_next(doc, v)) {
		struct str key = json_raw(doc, json_key(doc, v));

		if (str_eq(key, STR("\"tool_calls\"")) &&
		    json_count(doc, v) > 0)
			write_calls(w, doc, v);
		else if (json_type(doc, v) != JSON_NULL)
			json_member_copy(w, key, json_raw(doc, v));
	}
	if (json_type(doc, json_get(doc, message, STR("content"))) <= JSON_NULL)
		json_member_null(w, STR("content"));
	if (json_type(doc, json_get(doc, message, STR("refusal"))) <= JSON_NULL)
		json_member_null(w, STR("refusal"));
	json_end(w);
}

/* The choices as they will be: what is null means what is missing. */
static void write_expected(const struct json *doc, uint32_t choices,
			   struct buf *out)
{
	struct json_writer w;

	json_writer_init(&w, out);
	json_array(&w);
	for (uint32_t choice = json_first(doc, choices); choice != JSON_NONE;
	     choice = json_next(doc, choice)) {
		json_object(&w);
		json_member_null(&w, STR("logprobs"));
		for (uint32_t v = json_first(doc, choice); v != JSON_NONE;
		     v = json_next(doc, v)) {
			struct str key = json_raw(doc, json_key(doc, v));

			if (str_eq(key, STR("\"message\""))) {
				json_member(&w, STR("message"));
				write_message(&w, doc, v);
			} else if (json_type(doc, v) != JSON_NULL) {
				json_member_copy(&w, key, json_raw(doc, v));
			}
		}
		json_end(&w);
	}
	json_end(&w);
	assert_int_equal(json_writer_done(&w), 0);
}

static void check_equal(const char *name, struct str got, struct str want)
{
	struct json_error bad;
	struct json a, b;
	struct differ d;
	struct arena arena;

	check_int(name, json_parse(want, NULL, &a, &bad), 0);
	check_int(name, json_parse(got, NULL, &b, &bad), 0);
	arena_init(&arena, 64 * MEGA);
	differ_compare(&a, &b, &arena, &d);
	if (d.count > 0)
		fail_msg("%s: " STR_FMT ": was " STR_FMT ", is " STR_FMT, name,
			 STR_ARG(d.pointer), STR_ARG(d.was), STR_ARG(d.now));
	arena_fini(&arena);
	json_fini(&a);
	json_fini(&b);
}

static void check_trip(const char *name, const struct json *doc, uint32_t seed)
{
	uint32_t choices = json_get(doc, json_root(doc), STR("choices"));
	struct cutter *c = xcalloc(1, sizeof(*c));
	struct buf want;
	struct result res;

	c->doc = doc;
	c->random = seed;
	arena_init(&c->arena, 64 * MEGA);
	for (uint32_t v = json_first(doc, choices); v != JSON_NONE;
	     v = json_next(doc, v))
		cut_choice(c, v);
	open_result(&res, 16 * MEGA);
	send_pieces(c, &res.as);
	write_result(&res);
	buf_init(&want, 16 * MEGA);
	write_expected(doc, choices, &want);
	check_equal(name, buf_str(&res.choices), buf_str(&want));
	check_true(name, assemble_is_complete(&res.as));
	buf_fini(&want);
	close_result(&res);
	arena_fini(&c->arena);
	free(c);
}

static void check_trips(const char *name, struct str body)
{
	struct json_error bad;
	struct json doc;

	check_int(name, json_parse(body, NULL, &doc, &bad), 0);
	for (uint32_t seed = 1; seed <= ROUNDS; seed++)
		check_trip(name, &doc, seed);
	json_fini(&doc);
}

static int check_answer(void *arg, int dir, struct str folder, const char *name)
{
	struct recording_problem problem;
	struct file f;

	(void)folder;
	check_int(name, file_load(dir, name, &f, &problem), 0);
	if (is_chat(&f.recording, RECORDING_WHOLE)) {
		check_trips(name, f.recording.response.body);
		++*(size_t *)arg;
	}
	file_fini(&f);
	return 0;
}

static void recorded_answers_survive_a_cut(void **state)
{
	size_t count = 0;

	(void)state;
	walk(check_answer, &count);
	check_true("answers", count > 40);
}

static void answers_survive_a_cut(void **state)
{
	static const struct {
		const char *name, *body;
	} cases[] = {
		{ "three choices",
		  "{\"choices\":[{\"index\":0,\"message\":{\"role\":"
		  "\"assistant\",\"content\":\"Zw\xc3\xb6lf Boxk\xc3\xa4mpfer "
		  "\xf0\x9f\xa5\x8a jagen \\\"Viktor\\\"\\n\",\"refusal\":null},"
		  "\"logprobs\":null,\"finish_reason\":\"stop\"},{\"index\":1,"
		  "\"message\":{\"role\":\"assistant\",\"content\":null,"
		  "\"refusal\":\"I am sorry, but no.\"},\"logprobs\":{\"content\""
		  ":null,\"refusal\":[{\"token\":\"I\",\"logprob\":-0.5,"
		  "\"bytes\":[73],\"top_logprobs\":[]},{\"token\":\" am\"}]},"
		  "\"finish_reason\":\"stop\"},{\"index\":2,\"message\":{"
		  "\"role\":\"assistant\",\"content\":\"\",\"reasoning_content\":"
		  "\"Let me think about that for a while.\",\"annotations\":[{"
		  "\"type\":\"url_citation\"},{\"type\":\"x\"}]},\"finish_reason"
		  "\":\"length\",\"stop_reason\":7,\"token_ids\":[1,2,3]}]}" },
		{ "four calls in each of two choices",
		  "{\"choices\":[{\"index\":0,\"message\":{\"role\":"
		  "\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":"
		  "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
		  "\"{\\\"city\\\": \\\"K\xc3\xb6ln\\\", \\\"n\\\": [1, 2]}\"}},"
		  "{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":"
		  "\"g\",\"arguments\":\"{}\"}},{\"id\":\"c\",\"type\":"
		  "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}"
		  ",{\"id\":\"d\",\"type\":\"function\",\"function\":{\"name\":"
		  "\"h\",\"arguments\":\"{\\\"a\\\":\\\"0123456789012345678\\\"}"
		  "\"}}]},\"finish_reason\":\"tool_calls\"},{\"index\":1,"
		  "\"message\":{\"role\":\"assistant\",\"content\":\"And now:\","
		  "\"tool_calls\":[{\"id\":\"e\",\"type\":\"function\","
		  "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"b\\\":"
		  "false}\"}}]},\"finish_reason\":\"tool_calls\"}]}" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++)
		check_trips(cases[i].name, str_of(cases[i].body));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_streams_say_the_same),
		cmocka_unit_test(recorded_answers_survive_a_cut),
		cmocka_unit_test(answers_survive_a_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
