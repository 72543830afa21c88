#include "recording/playback.h"

#include "tests/unit/table.h"

#include "base/buf.h"
#include "base/clock.h"

/* Three events and what ends them. */
static const char body[] = "data: {a1}\n\n"
			   "data: {h\xc3\xa9}\n\n"
			   "data: {c}\n\n"
			   "data: [DONE]\n\n";

static struct recording_mark marks[] = {
	{ 12, 200 }, { 25, 10 }, { 36, 30 }, { 50, 0 }
};

struct option {
	enum playback_option option;
	const char *text;
};

struct play {
	const char *name;
	struct option options[4];
	int64_t occurrence;
	/* "MS|" before a step that waits, its bytes without "data: ", and '/' */
	const char *want;
};

static const struct play plays[] = {
	{ "at once", { { 0 } }, 1, "{a1}{h\xc3\xa9}{c}[DONE]/ eof" },
	{ "events",
	  { { PLAYBACK_SEGMENT, "event" } },
	  1,
	  "{a1}/{h\xc3\xa9}/{c}/[DONE]/ eof" },
	{ "as recorded",
	  { { PLAYBACK_SPEED, "1" } },
	  1,
	  "200|{a1}/10|{h\xc3\xa9}/30|{c}[DONE]/ eof" },
	{ "twice as fast, but the first",
	  { { PLAYBACK_SPEED, "2" }, { PLAYBACK_TTFT, "7ms" } },
	  1,
	  "7|{a1}/5|{h\xc3\xa9}/15|{c}[DONE]/ eof" },
	{ "no long gap",
	  { { PLAYBACK_SPEED, "1" }, { PLAYBACK_MAX_GAP, "20ms" } },
	  1,
	  "20|{a1}/10|{h\xc3\xa9}/20|{c}[DONE]/ eof" },
	{ "events a second",
	  { { PLAYBACK_TPS, "100" } },
	  1,
	  "{a1}/10|{h\xc3\xa9}/10|{c}/10|[DONE]/ eof" },
	{ "characters cut",
	  { { PLAYBACK_SEGMENT, "split-utf8" } },
	  1,
	  "{a1}/{h\xc3/\xa9}/{c}/[DONE]/ eof" },
	{ "cut behind an event",
	  { { PLAYBACK_FAULT, "cut@event:2" } },
	  1,
	  "{a1}{h\xc3\xa9}/ cut" },
	{ "reset before the first byte",
	  { { PLAYBACK_FAULT, "rst@byte:0" } },
	  1,
	  " reset" },
	{ "reset in an event",
	  { { PLAYBACK_FAULT, "rst@byte:8" } },
	  1,
	  "{a/ reset" },
	{ "cut where there is nothing",
	  { { PLAYBACK_FAULT, "cut@event:9,rst@byte:999" } },
	  1,
	  "{a1}{h\xc3\xa9}{c}[DONE]/ eof" },
	{ "stalled",
	  { { PLAYBACK_FAULT, "stall@event:1:2s" } },
	  1,
	  "{a1}/2000|{h\xc3\xa9}{c}[DONE]/ eof" },
	{ "stalled in an event",
	  { { PLAYBACK_FAULT, "stall@byte:8:500ms" },
	    { PLAYBACK_SEGMENT, "event" } },
	  1,
	  "{a/500|1}/{h\xc3\xa9}/{c}/[DONE]/ eof" },
	{ "stalled twice, then cut",
	  { { PLAYBACK_FAULT,
	      "stall@event:1:1s, stall@event:2:2s, cut@event:3" } },
	  1,
	  "{a1}/1000|{h\xc3\xa9}/2000|{c}/ cut" },
	{ "twice",
	  { { PLAYBACK_FAULT, "dup@event:1" }, { PLAYBACK_SEGMENT, "event" } },
	  1,
	  "{a1}/{a1}/{h\xc3\xa9}/{c}/[DONE]/ eof" },
	{ "without its end",
	  { { PLAYBACK_FAULT, "drop-terminal" } },
	  1,
	  "{a1}{h\xc3\xa9}{c}/ eof" },
	{ "an error",
	  { { PLAYBACK_FAULT, "inject@event:2:overloaded_error" } },
	  1,
	  "{a1}{h\xc3\xa9}{\"error\":{\"message\":\"Injected fault.\",\"type\":"
	  "\"overloaded_error\",\"param\":null,\"code\":"
	  "\"overloaded_error\"}}/ eof" },
	{ "another occurrence",
	  { { PLAYBACK_FAULT, "cut@event:1;occurrence=2" } },
	  1,
	  "{a1}{h\xc3\xa9}{c}[DONE]/ eof" },
	{ "this occurrence",
	  { { PLAYBACK_FAULT, "cut@event:1;occurrence=2" } },
	  2,
	  "{a1}/ cut" },
	{ "held",
	  { { PLAYBACK_HOLD, "2" } },
	  1,
	  "{a1}{h\xc3\xa9}/hold|{c}[DONE]/ eof" },
	{ "everything at once",
	  { { PLAYBACK_FAULT,
	      "dup@event:1,inject@event:3:server_error,garble@event:9,"
	      "stall@event:1:1s,drop-terminal" } },
	  1,
	  "{a1}/1000|{a1}{h\xc3\xa9}/ eof" },
};

static void add_step(struct buf *out, const struct script_step *step)
{
	struct str left = step->bytes;

	if (step->hold)
		assert_int_equal(buf_add(out, STR("hold|")), 0);
	if (step->wait_ns > 0) {
		assert_int_equal(buf_printf(out, "%lld|",
					    (long long)(step->wait_ns /
							CLOCK_MS)),
				 0);
	}
	while (left.len > 0) {
		if (str_starts(left, STR("data: ")))
			left = str_drop(left, 6);
		if (left.ptr[0] != '\n')
			assert_int_equal(buf_add(out, str_take(left, 1)), 0);
		left = str_drop(left, 1);
	}
	assert_int_equal(buf_add(out, STR("/")), 0);
}

static struct recording sample(void)
{
	return (struct recording){
		.op = STR("chat.completions"),
		.response = { .status = 200,
			      .framing = RECORDING_SSE,
			      .body = { body, sizeof(body) - 1 },
			      .marks = marks,
			      .mark_count = countof(marks) },
	};
}

static void play(const struct play *p, struct arena *a, struct buf *out)
{
	static const char *const ends[] = { " eof", " cut", " reset",
					    " timeout" };
	struct recording r = sample();
	struct recording_problem problem;
	struct script_step step;
	struct playback pb;
	struct script s;

	playback_init(&pb);
	for (size_t i = 0; p->options[i].text != NULL; i++) {
		const struct option *o = &p->options[i];

		if (playback_set(&pb, o->option, str_of(o->text), &problem) !=
		    0)
			fail_msg("%s: %s", p->name, problem.text);
	}
	script_init(&s, &r, &pb, p->occurrence, a);
	while (script_next(&s, &step))
		add_step(out, &step);
	assert_int_equal(buf_add(out, str_of(ends[s.end])), 0);
}

static void recordings_are_played(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(plays); i++) {
		struct arena a;
		struct buf out;

		arena_init(&a, 1 << 20);
		buf_init(&out, 1 << 16);
		play(&plays[i], &a, &out);
		check_str(plays[i].name, buf_str(&out), str_of(plays[i].want));
		buf_fini(&out);
		arena_fini(&a);
	}
}

/* In pieces of every size the bytes are the same. */
static void segments_make_the_whole(void **state)
{
	(void)state;
	for (int n = 1; n <= (int)sizeof(body); n++) {
		struct recording r = sample();
		struct playback pb;
		struct script_step step;
		struct script s;
		struct arena a;
		struct buf all;

		arena_init(&a, 1 << 20);
		buf_init(&all, sizeof(body));
		playback_init(&pb);
		pb.segment = SEGMENT_BYTES;
		pb.segment_bytes = (size_t)n;
		script_init(&s, &r, &pb, 1, &a);
		while (script_next(&s, &step)) {
			assert_true(step.bytes.len <= (size_t)n);
			assert_int_equal(buf_add(&all, step.bytes), 0);
		}
		check_str("whole", buf_str(&all), r.response.body);
		buf_fini(&all);
		arena_fini(&a);
	}
}

/* The same seed gives the same waits and the same damage, another other. */
static void chance_follows_from_the_seed(void **state)
{
	struct buf got[3];
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (int i = 0; i < 3; i++) {
		const struct play p = {
			"seeded",
			{ { PLAYBACK_SPEED, "10" },
			  { PLAYBACK_JITTER, "0.9" },
			  { PLAYBACK_SEED, i < 2 ? "7" : "8" },
			  { 0 } },
			1,
			NULL,
		};

		buf_init(&got[i], 1 << 16);
		play(&p, &a, &got[i]);
	}
	check_str("same", buf_str(&got[0]), buf_str(&got[1]));
	assert_false(str_eq(buf_str(&got[0]), buf_str(&got[2])));
	for (int i = 0; i < 3; i++)
		buf_fini(&got[i]);
	arena_fini(&a);
}

static void a_damaged_event_keeps_its_frame(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 20);
	for (int seed = 0; seed < 50; seed++) {
		struct recording r = sample();
		struct recording_problem problem;
		struct script_step step;
		struct playback pb;
		struct script s;

		playback_init(&pb);
		pb.seed = (uint64_t)seed;
		assert_int_equal(playback_set(&pb, PLAYBACK_FAULT,
					      STR("garble@event:1"), &problem),
				 0);
		script_init(&s, &r, &pb, 1, &a);
		assert_true(script_next(&s, &step));
		check_int("length", step.bytes.len, r.response.body.len);
		assert_true(str_starts(step.bytes, STR("data: {")));
		assert_false(str_starts(step.bytes, STR("data: {a1}")));
		check_str("the rest", str_drop(step.bytes, 11),
			  str_drop(r.response.body, 11));
	}
	arena_fini(&a);
}

static const struct option bad[] = {
	{ PLAYBACK_SPEED, "-1" },
	{ PLAYBACK_SPEED, "fast" },
	{ PLAYBACK_SPEED, "" },
	{ PLAYBACK_SPEED, "nan" },
	{ PLAYBACK_JITTER, "2" },
	{ PLAYBACK_TTFT, "3 days" },
	{ PLAYBACK_TTFT, "2h" },
	{ PLAYBACK_SEGMENT, "0" },
	{ PLAYBACK_SEGMENT, "words" },
	{ PLAYBACK_OCCURRENCE, "0" },
	{ PLAYBACK_HOLD, "x" },
	{ PLAYBACK_SEED, "-1" },
	{ PLAYBACK_FAULT, "explode" },
	{ PLAYBACK_FAULT, "cut" },
	{ PLAYBACK_FAULT, "cut@event" },
	{ PLAYBACK_FAULT, "cut@event:0" },
	{ PLAYBACK_FAULT, "cut@line:1" },
	{ PLAYBACK_FAULT, "cut@event:1:2" },
	{ PLAYBACK_FAULT, "dup@byte:1" },
	{ PLAYBACK_FAULT, "stall@event:1" },
	{ PLAYBACK_FAULT, "stall@event:1:x" },
	{ PLAYBACK_FAULT, "inject@event:1:Bad Type" },
	{ PLAYBACK_FAULT, "drop-terminal@event:1" },
	{ PLAYBACK_FAULT, "status=200" },
	{ PLAYBACK_FAULT, "status=429;when=now" },
	{ PLAYBACK_FAULT, "cut@event:1;retry-after=1" },
	{ PLAYBACK_FAULT, "cut@event:1,,cut@event:2" },
};

static void mistakes_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct recording_problem problem = { "" };
		struct playback pb;

		playback_init(&pb);
		check_int(bad[i].text,
			  playback_set(&pb, bad[i].option, str_of(bad[i].text),
				       &problem),
			  RECORDING_BAD);
		check_true(bad[i].text, problem.text[0] != '\0');
	}
}

static void a_status_has_its_header(void **state)
{
	struct recording_problem problem;
	const struct fault_item *f;
	struct faults faults;

	(void)state;
	assert_int_equal(fault_parse(STR("status=429;retry-after=3;"
					 "occurrence=1"),
				     &faults, &problem),
			 0);
	f = fault_find(&faults, FAULT_STATUS, 1);
	assert_non_null(f);
	check_int("status", f->status, 429);
	check_int("retry-after", f->retry_after, 3);
	assert_null(fault_find(&faults, FAULT_STATUS, 2));
	assert_null(fault_find(&faults, FAULT_CUT, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_are_played),
		cmocka_unit_test(segments_make_the_whole),
		cmocka_unit_test(chance_follows_from_the_seed),
		cmocka_unit_test(a_damaged_event_keeps_its_frame),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(a_status_has_its_header),
	};

	return cmocka_run_group_tests_name("playback", tests, NULL, NULL);
}
