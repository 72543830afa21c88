/*
 * Lines as chunks of a turn: whatever comes, frames are whole, numbered without a
 * gap and JSON in one line; items that begin end, in a turn that ended, and with the
 * texts that their deltas had; and all is the same when each chunk is parsed, and
 * the output without any events.
 */
#include "responses/turn.h"

#include "tests/fuzz/require.h"

enum {
	OUT_MAX = 64 << 20,
	TEXT_MAX = 4096 /* so that the limit is met */
};

struct run {
	struct id_source ids;
	struct buf frames, output, message;
	struct events e;
	struct turn turn;
	bool parses_all;
	int r;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_json(struct str text)
{
	struct json_error bad;
	struct json doc;

	require(json_parse(text, &(struct json_limits){ .depth = 1000 }, &doc,
			   &bad) == 0);
	json_fini(&doc);
}

static void run_chunk(struct run *run, struct str line)
{
	struct json_error bad;
	struct json doc;

	if (json_parse(line, &(struct json_limits){ 0 }, &doc, &bad) != 0)
		return;
	run->r = run->parses_all ? TURN_OTHER
				 : turn_delta(&run->turn, line, &run->e);
	if (run->r == TURN_OTHER)
		run->r = turn_chunk(&run->turn, &doc, &run->e);
	require(run->r >= 0 && run->r <= TURN_FULL);
	require((run->r == TURN_BAD || run->r == TURN_FULL) ==
		(run->turn.what != NULL));
	json_fini(&doc);
}

static void run_calls(const struct turn *turn)
{
	struct arena a;

	arena_init(&a, OUT_MAX);
	for (size_t i = 0; i < turn_call_count(turn); i++)
		require(turn_call(turn, i, &a).item_id.len > 0);
	arena_fini(&a);
}

static void run_all(struct run *run, struct str lines, bool has_events,
		    bool parses_all)
{
	struct str line;

	*run = (struct run){ .ids = id_fixed(STR("fuzz")),
			     .parses_all = parses_all };
	buf_init(&run->frames, OUT_MAX);
	buf_init(&run->output, OUT_MAX);
	buf_init(&run->message, OUT_MAX);
	run->e = (struct events){ .out = has_events ? &run->frames : NULL,
				  .response_id = STR("resp_1") };
	turn_init(&run->turn, &(struct turn_setup){ .ids = &run->ids,
						    .bytes_max = TEXT_MAX });
	while (lines.len > 0 && run->r == 0) {
		str_cut(lines, '\n', &line, &lines);
		run_chunk(run, line);
	}
	if (run->r == 0)
		run->r = turn_end(&run->turn, &run->e);
	if (run->r != 0)
		turn_cut(&run->turn);
	require(run->r >= 0);
	require(buf_add(&run->output, STR("[")) == 0);
	require(turn_write_output(&run->turn, &run->output) == 0);
	require(buf_add(&run->output, STR("]")) == 0);
	require(turn_write_message(&run->turn, &run->message) == 0);
	run_calls(&run->turn);
}

static void run_fini(struct run *run)
{
	turn_fini(&run->turn);
	buf_fini(&run->frames);
	buf_fini(&run->output);
	buf_fini(&run->message);
}

/* The text of a .done event is that of the deltas of the same part before it. */
static void check_done(const struct run *run, const struct json *done,
		       struct str text)
{
	struct str rest = buf_str(&run->frames), place = STR("output_index");
	uint32_t root = json_root(done);
	struct event_frame frame;
	struct buf sum;

	buf_init(&sum, OUT_MAX);
	while (events_take(&rest, &frame)) {
		struct json_error bad;
		struct json doc;
		struct str raw;

		require(json_parse(frame.data, &(struct json_limits){ 0 }, &doc,
				   &bad) == 0);
		raw = json_raw(&doc,
			       json_get(&doc, json_root(&doc), STR("delta")));
		if (raw.len > 0 &&
		    str_eq(json_raw(&doc, json_get(&doc, 0, place)),
			   json_raw(done, json_get(done, root, place))) &&
		    str_eq(json_raw(&doc,
				    json_get(&doc, 0, STR("content_index"))),
			   json_raw(done, json_get(done, root,
						   STR("content_index")))))
			require(buf_add(&sum, str_take(str_drop(raw, 1),
						       raw.len - 2)) == 0);
		json_fini(&doc);
	}
	require(str_eq(buf_str(&sum), text));
	buf_fini(&sum);
}

static void check_text(const struct run *run, const struct json *doc)
{
	static const char *const names[] = { "text", "refusal", "arguments" };

	for (size_t i = 0; i < countof(names); i++) {
		struct str raw = json_raw(doc, json_get(doc, json_root(doc),
							str_of(names[i])));

		if (raw.len > 0)
			check_done(run, doc,
				   str_take(str_drop(raw, 1), raw.len - 2));
	}
}

static void check_frames(const struct run *run)
{
	struct str rest = buf_str(&run->frames);
	struct event_frame frame;
	int64_t number = 0, begun = 0, ended = 0;

	while (events_take(&rest, &frame)) {
		struct json_error bad;
		struct json doc;

		require(json_parse(frame.data, &(struct json_limits){ 0 }, &doc,
				   &bad) == 0);
		require(frame.sequence == number++);
		check_text(run, &doc);
		begun += str_starts(frame.raw,
				    STR("event: response.output_item.added"));
		ended += str_starts(frame.raw,
				    STR("event: response.output_item.done"));
		json_fini(&doc);
	}
	require(rest.len == 0);
	require(begun == (int64_t)turn_item_count(&run->turn));
	require(run->r != 0 || ended == begun);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct str lines = { (const char *)data, len };
	struct run with, parsed, without;

	if (len > 4 * TEXT_MAX)
		return 0;
	run_all(&with, lines, true, false);
	run_all(&parsed, lines, true, true);
	run_all(&without, lines, false, false);
	check_frames(&with);
	check_json(buf_str(&with.output));
	check_json(buf_str(&with.message));
	require(with.r == without.r);
	require(str_eq(buf_str(&with.output), buf_str(&without.output)));
	require(str_eq(buf_str(&with.message), buf_str(&without.message)));
	require(with.r == parsed.r);
	require(str_eq(buf_str(&with.frames), buf_str(&parsed.frames)));
	require(str_eq(buf_str(&with.output), buf_str(&parsed.output)));
	run_fini(&with);
	run_fini(&parsed);
	run_fini(&without);
	return 0;
}
