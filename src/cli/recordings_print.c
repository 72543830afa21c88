#include "cli/recordings_impl.h"

#include "recording/timeline.h"

#include <stdio.h>

enum {
	BAR_WIDTH = 48,
	BODY_SHOWN = 4000,
	SHORT_KEY = 8,
};

static void print_pair(struct print *p, const char *name, struct str value)
{
	if (value.len == 0)
		return;
	print_color(p, PRINT_DIM);
	print_fmt(p, "%-9s", name);
	print_color(p, PRINT_PLAIN);
	print_add(p, value);
	print_add(p, STR("\n"));
}

static enum print_style style_of(struct str role)
{
	if (str_eq(role, STR("user")) || str_eq(role, STR("query")))
		return PRINT_GREEN;
	if (str_eq(role, STR("system")) || str_eq(role, STR("developer")))
		return PRINT_YELLOW;
	return PRINT_BLUE;
}

static void print_calls(struct print *p, const struct transcript_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct transcript_call *c = &turn->calls[i];

		print_add(p, STR("  -> "));
		print_styled(p, PRINT_BOLD, c->name);
		print_fmt(p, "(" STR_FMT ")", STR_ARG(c->arguments));
		if (c->id.len > 0) {
			print_add(p, STR("  "));
			print_styled(p, PRINT_DIM, c->id);
		}
		print_add(p, STR("\n"));
	}
}

static void print_turn(struct print *p, const struct transcript_turn *turn,
		       const char *number)
{
	struct str role = turn->role.len > 0 ? turn->role : STR("assistant");

	print_add(p, STR("\n"));
	print_styled(p, style_of(role), role);
	print_add(p, str_of(number));
	print_color(p, PRINT_DIM);
	if (turn->call_id.len > 0)
		print_fmt(p, " of " STR_FMT, STR_ARG(turn->call_id));
	if (turn->finish.len > 0)
		print_fmt(p, " (" STR_FMT ")", STR_ARG(turn->finish));
	print_add(p, STR("\n"));
	if (turn->reasoning.len > 0)
		print_lines(p, "  | ", turn->reasoning);
	print_color(p, PRINT_PLAIN);
	if (turn->text.len > 0)
		print_lines(p, "  ", turn->text);
	if (turn->refusal.len > 0) {
		print_color(p, PRINT_RED);
		print_lines(p, "  refused: ", turn->refusal);
		print_color(p, PRINT_PLAIN);
	}
	print_calls(p, turn);
}

static void print_title(struct print *p, const struct recordings_view *v)
{
	const struct recording *r = v->recording;
	const struct transcript *t = v->transcript;
	const struct recording_response *res = &r->response;

	print_styled(p, PRINT_BOLD, r->op);
	if (t->model.len > 0)
		print_fmt(p, " " STR_FMT, STR_ARG(t->model));
	if (t->answered_by.len > 0 && !str_eq(t->answered_by, t->model))
		print_fmt(p, " -> " STR_FMT, STR_ARG(t->answered_by));
	print_add(p, STR("  "));
	if (res->fail != RECORDING_ANSWERED) {
		print_styled(p, PRINT_RED,
			     str_of(recording_fail_name(res->fail)));
	} else {
		print_color(p, res->status < 400 ? PRINT_GREEN : PRINT_RED);
		print_fmt(p, "%d", res->status);
		print_color(p, PRINT_PLAIN);
	}
	if (r->edited)
		print_styled(p, PRINT_YELLOW, STR("  edited"));
	if (r->redacted)
		print_styled(p, PRINT_YELLOW, STR("  redacted"));
	print_add(p, STR("\n"));
}

static void print_facts(struct print *p, const struct recordings_view *v)
{
	const struct recording *r = v->recording;
	struct str key = str_take(r->key, SHORT_KEY);

	if (!v->quiet) {
		print_pair(p, "file", v->path);
		print_pair(p, "recorded", r->meta.recorded_at);
		print_pair(p, "key", key);
	}
	print_pair(p, "upstream", r->request.upstream);
	print_pair(p, "path", r->request.path);
	print_pair(p, "test", r->test_id);
	print_pair(p, "settings", v->transcript->options);
	print_pair(p, "tools", v->transcript->tools);
}

static void print_usage(struct print *p, const struct transcript_usage *u)
{
	if (!u->known)
		return;
	print_color(p, PRINT_DIM);
	print_add(p, STR("tokens   "));
	print_color(p, PRINT_PLAIN);
	print_fmt(p, "%lld in, %lld out", (long long)u->in, (long long)u->out);
	if (u->cached > 0)
		print_fmt(p, ", %lld of them cached", (long long)u->cached);
	if (u->reasoning > 0)
		print_fmt(p, ", %lld for reasoning", (long long)u->reasoning);
	print_add(p, STR("\n"));
}

static void print_time(struct print *p, const struct recording_response *res)
{
	uint64_t total = timeline_ms(res->marks, res->mark_count);
	struct buf bar;

	if (total == 0)
		return;
	buf_init(&bar, (size_t)4 * TIMELINE_WIDTH_MAX);
	if (timeline_draw(res->marks, res->mark_count, BAR_WIDTH, &bar) == 0) {
		print_color(p, PRINT_DIM);
		print_add(p, STR("time     "));
		print_color(p, PRINT_PLAIN);
		print_add(p, buf_str(&bar));
		print_fmt(p, " %llu ms, the first after %u\n",
			  (unsigned long long)total, res->marks[0].ms);
	}
	buf_fini(&bar);
}

static void print_rest(struct print *p, const struct recordings_view *v)
{
	const struct recording_response *res = &v->recording->response;
	const struct transcript *t = v->transcript;
	bool said = t->answer_count + t->note.len + t->error.len > 0;

	if (t->note.len > 0)
		print_fmt(p, "\n  " STR_FMT "\n", STR_ARG(t->note));
	if (t->error.len > 0) {
		print_add(p, STR("\n"));
		print_styled(p, PRINT_RED, STR("error"));
		print_add(p, STR("\n"));
		print_lines(p, "  ", t->error);
	}
	if (!said && res->body.len > 0) {
		print_add(p, STR("\n"));
		print_lines(p, "  ", str_take(res->body, BODY_SHOWN));
		if (res->body.len > BODY_SHOWN)
			print_fmt(p, "  ... of %zu bytes\n", res->body.len);
	}
}

static void print_end(struct print *p, const struct recordings_view *v)
{
	const struct recording_response *res = &v->recording->response;

	print_add(p, STR("\n"));
	print_usage(p, &v->transcript->usage);
	if (!v->quiet)
		print_time(p, res);
	if (res->fail != RECORDING_ANSWERED)
		return;
	if (!v->quiet) {
		print_color(p, PRINT_DIM);
		print_add(p, STR("size     "));
		print_color(p, PRINT_PLAIN);
		print_fmt(p, "%zu bytes, %zu event%s\n", res->body.len,
			  res->mark_count, res->mark_count == 1 ? "" : "s");
	}
	if (res->end != RECORDING_EOF)
		print_pair(p, "end", str_of(recording_end_name(res->end)));
}

void recordings_print(struct print *p, const struct recordings_view *v)
{
	const struct transcript *t = v->transcript;
	char number[32];

	print_title(p, v);
	print_facts(p, v);
	for (size_t i = 0; i < t->asked_count; i++)
		print_turn(p, &t->asked[i], "");
	for (size_t i = 0; i < t->answer_count; i++) {
		number[0] = '\0';
		if (t->answer_count > 1)
			(void)snprintf(number, sizeof(number), " %lld",
				       (long long)t->answers[i].index);
		print_turn(p, &t->answers[i], number);
	}
	print_rest(p, v);
	print_end(p, v);
}
