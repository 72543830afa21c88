#include "turn_run.h"

#include "tests/unit/table.h"

enum {
	RUN_BYTES = 1 << 20
};

void turn_run_init(struct turn_run *run, const struct turn_setup *setup)
{
	*run = (struct turn_run){ .ids = id_fixed(STR("test")) };
	buf_init(&run->frames, RUN_BYTES);
	buf_init(&run->shown, RUN_BYTES);
	buf_init(&run->output, RUN_BYTES);
	buf_init(&run->message, RUN_BYTES);
	run->e = (struct events){ .out = &run->frames,
				  .response_id = STR("resp_1") };
	turn_init(&run->turn,
		  &(struct turn_setup){
			  .ids = &run->ids,
			  .output_index = setup ? setup->output_index : 0,
			  .bytes_max = setup && setup->bytes_max
					       ? setup->bytes_max
					       : RUN_BYTES,
			  .is_summarised = setup && setup->is_summarised,
		  });
}

void turn_run_chunk(struct turn_run *run, struct str chunk)
{
	struct json_error bad;
	struct json doc;
	struct buf text;
	int r;

	if (run->r != 0)
		return;
	if (str_starts(chunk, STR("~"))) {
		run->r = turn_summary(&run->turn, str_drop(chunk, 1), &run->e);
		return;
	}
	buf_init(&text, RUN_BYTES);
	if (str_starts(chunk, STR("="))) {
		r = buf_printf(&text,
			       "{\"choices\":[{\"index\":0,\"delta\":{},"
			       "\"finish_reason\":\"" STR_FMT "\"}]}",
			       STR_ARG(str_drop(chunk, 1)));
	} else if (str_starts(chunk, STR("{\"content\"")) ||
		   str_starts(chunk, STR("{\"reasoning")) ||
		   str_starts(chunk, STR("{\"refusal\"")) ||
		   str_starts(chunk, STR("{\"tool_calls\""))) {
		r = buf_printf(&text,
			       "{\"choices\":[{\"index\":0,\"delta\":" STR_FMT
			       "}]}",
			       STR_ARG(chunk));
	} else {
		r = buf_add(&text, chunk);
	}
	assert_int_equal(r, 0);
	r = json_parse(buf_str(&text), &(struct json_limits){ 0 }, &doc, &bad);
	if (r != 0)
		fail_msg("no JSON: " STR_FMT, STR_ARG(buf_str(&text)));
	run->r = run->parses_all
			 ? TURN_OTHER
			 : turn_delta(&run->turn, buf_str(&text), &run->e);
	if (run->r == TURN_OTHER)
		run->r = turn_chunk(&run->turn, &doc, &run->e);
	json_fini(&doc);
	buf_fini(&text);
}

void turn_run_chunks(struct turn_run *run, struct str chunks)
{
	struct str line;

	while (chunks.len > 0) {
		str_cut(chunks, '\n', &line, &chunks);
		turn_run_chunk(run, line);
	}
}

void turn_run_end(struct turn_run *run)
{
	if (run->r == 0)
		run->r = turn_end(&run->turn, &run->e);
	else
		turn_cut(&run->turn);
	turn_run_show(run);
}

void turn_run_fini(struct turn_run *run)
{
	turn_fini(&run->turn);
	buf_fini(&run->frames);
	buf_fini(&run->shown);
	buf_fini(&run->output);
	buf_fini(&run->message);
}

/* Take out the digits of ids: "msg_0123..." becomes "msg_". */
static void drop_digits(struct buf *b)
{
	size_t len = 0;

	for (size_t i = 0; i < b->len; i++) {
		size_t n = 0;

		while (i + n < b->len && b->ptr[i] != '_' &&
		       strchr("0123456789abcdef", b->ptr[i + n]) != NULL)
			n++;
		if (n >= ID_DIGITS)
			i += ID_DIGITS;
		b->ptr[len++] = b->ptr[i];
	}
	b->len = len;
}

static void show(struct buf *out, const struct json *doc, const char *path,
		 const char *before)
{
	uint32_t v = json_path(doc, json_root(doc), str_of(path));

	if (v != JSON_NONE && !str_eq(json_raw(doc, v), STR("[]"))) {
		assert_int_equal(buf_printf(out, "%s" STR_FMT, before,
					    STR_ARG(json_raw(doc, v))),
				 0);
	}
}

/* The event's line is its type, without "response."; the numbers have no gap. */
static void show_frame(struct turn_run *run, const struct event_frame *frame,
		       int64_t number)
{
	struct json_error bad;
	struct json doc;
	struct str type;

	assert_int_equal(json_parse(frame->data, &(struct json_limits){ 0 },
				    &doc, &bad),
			 0);
	type = json_raw(&doc, json_get(&doc, json_root(&doc), STR("type")));
	type = (struct str){ type.ptr + 1, type.len - 2 };
	assert_true(str_starts(frame->raw, STR("event: ")));
	assert_true(str_starts(str_drop(frame->raw, 7), type));
	assert_int_equal(frame->sequence, number);
	assert_int_equal(buf_printf(&run->shown, STR_FMT,
				    STR_ARG(str_drop(type, 9))),
			 0);
	show(&run->shown, &doc, "output_index", " ");
	show(&run->shown, &doc, "content_index", ".");
	show(&run->shown, &doc, "summary_index", ".");
	show(&run->shown, &doc, "delta", " ");
	show(&run->shown, &doc, "text", " ");
	show(&run->shown, &doc, "refusal", " ");
	show(&run->shown, &doc, "name", " ");
	show(&run->shown, &doc, "arguments", " ");
	show(&run->shown, &doc, "logprobs", " ");
	show(&run->shown, &doc, "part", " ");
	show(&run->shown, &doc, "item", " ");
	assert_int_equal(buf_add(&run->shown, STR("\n")), 0);
	json_fini(&doc);
}

void turn_run_show(struct turn_run *run)
{
	struct str rest = buf_str(&run->frames);
	struct event_frame frame;
	int64_t number = 0;

	while (events_take(&rest, &frame))
		show_frame(run, &frame, number++);
	assert_int_equal(rest.len, 0);
	drop_digits(&run->shown);
	for (size_t i = 0; i < turn_item_count(&run->turn); i++) {
		assert_int_equal(turn_write_item(&run->turn, i, &run->output),
				 0);
		assert_int_equal(buf_add(&run->output, STR("\n")), 0);
	}
	drop_digits(&run->output);
	assert_int_equal(turn_write_message(&run->turn, &run->message), 0);
	drop_digits(&run->message);
}
