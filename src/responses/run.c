#include "responses/run.h"

#include <errno.h>

#include "responses/prompt.h"
#include "responses/run_ask.h"
#include "responses/run_compact.h"
#include "responses/run_error.h"
#include "responses/run_summary.h"
#include "responses/state.h"
#include "responses/view.h"

enum {
	FRAMES_MAX = 64 << 20, /* of what one read brings */
	FRAMES_KEPT = 4096,    /* room for them that a quiet stream keeps */
	RUN_OVER = 32,         /* run_iteration(): nothing is left to do */
};

/* Whole frames, to those who listen and to the store. */
void run_flush(struct task *t, struct run *run, bool all)
{
	struct str frames = buf_str(&run->frames);

	if (state_is_kept(run))
		state_keep_frames(t, run, frames, all);
	if (frames.len > 0 && !run->is_gone && run->setup.sink != NULL &&
	    run->setup.sink->send(t, run->setup.sink, frames) != 0)
		run->is_gone = true;
	buf_clear(&run->frames);
	/* A burst is over; a stream may be quiet for long. */
	if (run->frames.cap > FRAMES_KEPT)
		buf_release(&run->frames);
}

/*
 * What the model said, as items and, if it said all, as a message for the next
 * call.
 */
static int collect(struct run *run, const struct turn *turn, bool whole)
{
	struct buf text;
	int r = 0;

	if (run->output.len > 0 && turn->count > 0)
		r = buf_add(&run->output, STR(","));
	if (r == 0)
		r = turn_write_output(turn, &run->output);
	run->output_count += turn->count;
	run->now.output = buf_str(&run->output);
	object_sum_usage(&run->now.usage, &turn->usage);
	run->tier = arena_str(run->arena, turn_tier(turn));
	run->now.service_tier = run->tier;

	buf_init(&text, RUN_OUTPUT_MAX);
	if (r == 0 && whole)
		r = turn_write_message(turn, &text);
	if (r == 0 && whole) {
		struct str said = arena_str(run->arena, buf_str(&text));

		messages_add(&run->turn, run->arena, said);
		messages_add(&run->said, run->arena, said);
	}
	buf_fini(&text);
	return r;
}

/*
 * One model call and what follows from it.  Returns 0 when there is to be
 * another, RUN_OVER, EXCHANGE_FAILED with run->error, EXCHANGE_HUNG_UP or
 * -ECANCELED.
 */
static int run_iteration(struct task *t, struct run *run, int64_t number)
{
	struct turn turn;
	int r;

	turn_init(&turn, &(struct turn_setup){
				 .ids = &run->ids,
				 .output_index = (int64_t)run->output_count,
				 .bytes_max = RUN_OUTPUT_MAX,
				 .is_summarised = run_wants_summary(run) });
	run->shown = 1;
	r = run_ask(t, run, &turn, number);
	if (r == 0 && turn.setup.is_summarised)
		r = run_summary(t, run, &turn);
	if (r == 0 && turn_end(&turn, &run->events) != 0)
		r = run_too_large(run);
	if (r != 0)
		turn_cut(&turn);
	if (collect(run, &turn, r == 0) != 0 && r == 0)
		r = run_too_large(run);
	if (r == 0)
		run->now.incomplete_reason = turn_incomplete_reason(&turn);
	turn_fini(&turn);
	/* All tools are the client's: their calls end the response. */
	return r == 0 ? RUN_OVER : r;
}

/* --- the whole ------------------------------------------------------------- */

static void begin(struct task *t, struct run *run)
{
	run->now.status = RESPONSE_IN_PROGRESS;
	if (state_is_kept(run))
		state_keep(t, run);
	events_response(&run->events, STR("response.created"), &run->view,
			&run->now);
	events_response(&run->events, STR("response.in_progress"), &run->view,
			&run->now);
	run_flush(t, run, false);
}

/* What became of it, by how the last iteration ended. */
static void conclude(struct task *t, struct run *run, int r)
{
	struct response_now *now = &run->now;

	now->status = RESPONSE_COMPLETED;
	if (r == EXCHANGE_HUNG_UP || (r != -ECANCELED && run->is_gone))
		now->status = RESPONSE_CANCELLED;
	else if (r == EXCHANGE_FAILED || r == -ECANCELED)
		now->status = RESPONSE_FAILED;
	else if (now->incomplete_reason.len > 0)
		now->status = RESPONSE_INCOMPLETE;
	if (now->status == RESPONSE_COMPLETED)
		now->completed_at = task_wall(t) / CLOCK_S;
	if (r == -ECANCELED) {
		(void)api_fail(&run->error, run->arena, 503, "server_error",
			       NULL, "The server is shutting down.");
		run->error.code = STR("shutting_down");
	}
	if (now->status == RESPONSE_FAILED) {
		run->error.with_detail = true;
		now->error_code = run_error_code(&run->error);
		now->error_message = run->error.message;
	}
}

static void end(struct task *t, struct run *run)
{
	struct str type = events_terminal(run->now.status);

	if (type.len > 0 && run->events.error == 0)
		events_response(&run->events, type, &run->view, &run->now);
	if (state_is_kept(run)) {
		state_keep_frames(t, run, buf_str(&run->frames), true);
		state_keep(t, run);
	}
	/* The next turn may begin as soon as the client knows of this one. */
	if (run->setup.busy != NULL)
		busy_release(run->setup.busy);
	if (run->frames.len > 0 && !run->is_gone && run->setup.sink != NULL) {
		run->is_gone =
			run->setup.sink->send(t, run->setup.sink,
					      buf_str(&run->frames)) != 0;
	}
	buf_clear(&run->frames);
}

void run_go(struct task *t, struct run *run)
{
	int64_t most = run->setup.request->max_infer_iters;
	int64_t number = 0;
	int r = 0;

	begin(t, run);
	if (run->is_gone)
		r = EXCHANGE_HUNG_UP;
	if (r == 0)
		r = run_compact(t, run);
	while (r == 0 && number < most)
		r = run_iteration(t, run, ++number);
	/* What was queued is done later. */
	if (r == -ECANCELED && run->setup.version > 0)
		return;
	if (r == 0)
		run->now.incomplete_reason = STR("max_iterations_exceeded");
	conclude(t, run, r == RUN_OVER ? 0 : r);
	end(t, run);
}

void run_prepare(struct task *t, struct run *run)
{
	begin(t, run);
	conclude(t, run, 0);
	end(t, run);
}

/* --- its making ------------------------------------------------------------ */

static int read_prompt(struct run *run, const struct convert *cv,
		       struct messages *tail)
{
	const struct response_request *req = run->setup.request;
	struct str row = run->setup.history->prompt;

	if (row.len == 0)
		return 0;
	return prompt_apply(cv, req, row, &run->system, tail);
}

/*
 * The input in another form: with what it refers to, or, the first time that a
 * conversation's own items are answered, as a list (ogx-responses A.4).  "" when
 * it stays as it is.
 */
static struct str other_input(const struct run *run, bool is_first)
{
	const struct response_request *req = run->setup.request;
	const struct json *doc = req->doc;
	uint32_t input = req->at[RESPONSE_INPUT];
	struct str parts[] = {
		STR("[{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"input_text\",\"text\":"),
		json_raw(doc, input),
		STR("}]}]"),
	};

	if (run->setup.history->found.count > 0) {
		return item_resolve(doc, input, &run->setup.history->found,
				    run->arena);
	}
	if (is_first && json_type(doc, input) == JSON_STRING)
		return arena_join(run->arena, parts, countof(parts));
	return STR_NULL;
}

static int read_input(struct run *run, struct api_error *e)
{
	const struct response_request *req = run->setup.request;
	struct history *h = run->setup.history;
	bool is_first =
		req->conversation.len > 0 && h->depth > 0 && !h->has_turns;
	struct convert cv = { .arena = run->arena,
			      .error = e,
			      .previous = &run->history,
			      .keeps_repeats = is_first };
	struct str other = other_input(run, is_first);
	struct messages tail = { 0 };
	const struct json *doc = req->doc;
	uint32_t input = req->at[RESPONSE_INPUT];
	struct json_error je;
	struct json resolved;
	int r;

	run->history = h->messages;
	if (other.len > 0) {
		if (json_parse(other, NULL, &resolved, &je) != 0) {
			return api_fail(e, run->arena, 400,
					"invalid_request_error", "input",
					"The items referred to are too large.");
		}
		doc = &resolved;
		input = json_root(doc);
	}
	r = convert_input(&cv, doc, input, &run->turn);
	if (r == 0)
		r = read_prompt(run, &cv, &tail);
	if (r == 0) {
		run->asked = run->turn.count;
		convert_system(&cv, req->instructions, &run->system);
		for (size_t i = 0; i < tail.count; i++)
			messages_add(&run->turn, run->arena, tail.texts[i]);
		run->said = run->turn;
		run->said.cap = run->said.count;
		item_store(doc, input, &run->ids, run->arena, &run->input);
	}
	if (doc == &resolved)
		json_fini(&resolved);
	return r;
}

static void name(struct run *run)
{
	const struct run_setup *s = &run->setup;
	struct id_source fresh = ID_RANDOM;

	if (s->id.len > 0 && s->id.len <= sizeof(run->id.text)) {
		memcpy(run->id.text, s->id.ptr, s->id.len);
		run->id.len = (uint8_t)s->id.len;
	} else {
		id_make(&fresh, STR("resp_"), &run->id);
	}
	run->ids = id_of_response(&run->id);
}

int run_new(struct arena *a, const struct run_setup *setup, struct run **out,
	    struct api_error *e)
{
	struct run *run = arena_zalloc(a, sizeof(*run));
	int r;

	run->setup = *setup;
	run->arena = a;
	run->version = setup->version;
	name(run);
	view_make(setup->request, a, &run->view);
	run->view.id = id_str(&run->id);
	run->view.created_at = setup->created_at;
	run->view.store = state_is_kept(run);
	run->now = (struct response_now){ .usage = USAGE_NONE };
	buf_init(&run->output, RUN_OUTPUT_MAX);
	buf_init(&run->frames, FRAMES_MAX);
	buf_init(&run->kept, FRAMES_MAX);
	run->events.response_id = run->view.id;
	if (setup->sink != NULL ||
	    (state_is_kept(run) && setup->request->background))
		run->events.out = &run->frames;
	r = read_input(run, e);
	if (r == 0)
		*out = run;
	else
		run_free(run);
	return r;
}

void run_free(struct run *run)
{
	buf_fini(&run->output);
	buf_fini(&run->frames);
	buf_fini(&run->kept);
}
