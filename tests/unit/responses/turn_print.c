/*
 * turn_print - streams of chat.completion.chunks in, streams of events out.
 *
 *	turn_print < CHUNKS > EVENTS
 *
 * A line of standard input is a chunk; an empty one ends a stream, as does the
 * end of the input.  Each stream's frames, from response.created on, are followed
 * by a line "end".  What is no JSON, or no chunk, makes its response fail.
 */
#include "responses/turn.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	OUT_MAX = 64 << 20,
	SECONDS = 1700000000
};

struct printer {
	struct buf frames, output;
	struct events e;
	struct id id;
	struct id_source ids;
	struct turn turn;
	struct response_view view;
	struct response_now now;
	bool has_failed;
};

static void begin(struct printer *p)
{
	id_make(&p->ids, STR("resp_"), &p->id);
	p->view = (struct response_view){ .id = id_str(&p->id),
					  .created_at = SECONDS,
					  .model = STR("\"m\""),
					  .store = true };
	p->now = (struct response_now){ .status = RESPONSE_IN_PROGRESS,
					.usage = USAGE_NONE };
	p->e = (struct events){ .out = &p->frames, .response_id = p->view.id };
	p->has_failed = false;
	turn_init(&p->turn,
		  &(struct turn_setup){ .ids = &p->ids, .bytes_max = OUT_MAX });
	events_response(&p->e, STR("response.created"), &p->view, &p->now);
	events_response(&p->e, STR("response.in_progress"), &p->view, &p->now);
}

static void chunk(struct printer *p, struct str line)
{
	struct json_error error;
	struct json doc;

	if (p->has_failed)
		return;
	p->has_failed =
		json_parse(line, &(struct json_limits){ 0 }, &doc, &error) != 0;
	if (p->has_failed)
		return;
	p->has_failed = turn_chunk(&p->turn, &doc, &p->e) != 0;
	json_fini(&doc);
}

/* Say how it ended: failed, cut or whole. */
static void end(struct printer *p)
{
	struct response_now *now = &p->now;

	if (!p->has_failed)
		p->has_failed = turn_end(&p->turn, &p->e) != 0;
	now->incomplete_reason = turn_incomplete_reason(&p->turn);
	now->status = now->incomplete_reason.len > 0 ? RESPONSE_INCOMPLETE
						     : RESPONSE_COMPLETED;
	now->completed_at = SECONDS + 1;
	if (p->has_failed) {
		turn_cut(&p->turn);
		now->status = RESPONSE_FAILED;
		now->incomplete_reason = STR_NULL;
		now->error_code = STR("server_error");
		now->error_message = str_of(p->turn.what);
	}
	now->service_tier = turn_tier(&p->turn);
	object_sum_usage(&now->usage, &p->turn.usage);
	if (turn_write_output(&p->turn, &p->output) < 0)
		abort();
	now->output = buf_str(&p->output);
	events_response(&p->e, events_terminal(now->status), &p->view, now);
	if (p->e.error < 0)
		abort();
	(void)fwrite(p->frames.ptr, 1, p->frames.len, stdout);
	(void)fputs("end\n", stdout);
	turn_fini(&p->turn);
	buf_clear(&p->frames);
	buf_clear(&p->output);
}

int main(void)
{
	struct printer p = { .ids = id_fixed(STR("turn_print")) };
	bool is_open = false;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	buf_init(&p.frames, OUT_MAX);
	buf_init(&p.output, OUT_MAX);
	while ((len = getline(&line, &cap, stdin)) > 0) {
		if (!is_open)
			begin(&p);
		is_open = len > 1;
		if (is_open)
			chunk(&p, (struct str){ line, (size_t)len - 1 });
		else
			end(&p);
	}
	if (is_open)
		end(&p);
	free(line);
	buf_fini(&p.frames);
	buf_fini(&p.output);
	return 0;
}
