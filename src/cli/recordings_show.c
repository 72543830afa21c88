#include "cli/recordings_impl.h"

#include <stdio.h>
#include <stdlib.h>

struct show {
	const struct word_cmd *c;
	struct print print;
	size_t shown, bad;
};

static void write_turns(struct json_writer *w, struct str name,
			const struct transcript_turn *turns, size_t count)
{
	json_member(w, name);
	json_array(w);
	for (size_t i = 0; i < count; i++) {
		const struct transcript_turn *t = &turns[i];

		json_object(w);
		json_member_int(w, STR("index"), t->index);
		json_member_str(w, STR("role"), t->role);
		json_member_str(w, STR("text"), t->text);
		if (t->reasoning.len > 0)
			json_member_str(w, STR("reasoning"), t->reasoning);
		if (t->refusal.len > 0)
			json_member_str(w, STR("refusal"), t->refusal);
		if (t->call_id.len > 0)
			json_member_str(w, STR("tool_call_id"), t->call_id);
		if (t->finish.len > 0)
			json_member_str(w, STR("finish"), t->finish);
		json_member(w, STR("tool_calls"));
		json_array(w);
		for (size_t k = 0; k < t->call_count; k++) {
			json_object(w);
			json_member_str(w, STR("id"), t->calls[k].id);
			json_member_str(w, STR("name"), t->calls[k].name);
			json_member_str(w, STR("arguments"),
					t->calls[k].arguments);
			json_end(w);
		}
		json_end(w);
		json_end(w);
	}
	json_end(w);
}

static void write_timing(struct json_writer *w,
			 const struct recording_response *res)
{
	json_member(w, STR("ms"));
	json_array(w);
	for (size_t i = 0; i < res->mark_count; i++)
		json_add_int(w, res->marks[i].ms);
	json_end(w);
}

static void write_usage(struct json_writer *w, const struct transcript_usage *u)
{
	if (!u->known)
		return;
	json_member(w, STR("usage"));
	json_object(w);
	json_member_int(w, STR("in"), u->in);
	json_member_int(w, STR("out"), u->out);
	json_member_int(w, STR("cached"), u->cached);
	json_member_int(w, STR("reasoning"), u->reasoning);
	json_end(w);
}

static void write_json(const struct recordings_view *v)
{
	const struct recording *r = v->recording;
	const struct transcript *t = v->transcript;
	struct json_writer w;
	struct buf out;

	buf_init(&out, PRINT_MAX);
	json_writer_init(&w, &out);
	json_object(&w);
	json_member_str(&w, STR("file"), v->path);
	json_member_str(&w, STR("op"), r->op);
	json_member_str(&w, STR("key"), r->key);
	json_member_str(&w, STR("test_id"), r->test_id);
	json_member_str(&w, STR("upstream"), r->request.upstream);
	json_member_str(&w, STR("path"), r->request.path);
	json_member_str(&w, STR("model"), t->model);
	json_member_str(&w, STR("answered_by"), t->answered_by);
	json_member_str(&w, STR("recorded_at"), r->meta.recorded_at);
	json_member_int(&w, STR("status"), r->response.status);
	json_member_str(&w, STR("fail"),
			str_of(recording_fail_name(r->response.fail)));
	json_member_str(&w, STR("end"),
			str_of(recording_end_name(r->response.end)));
	json_member_bool(&w, STR("edited"), r->edited);
	json_member_bool(&w, STR("redacted"), r->redacted);
	json_member_int(&w, STR("bytes"), (int64_t)r->response.body.len);
	write_turns(&w, STR("asked"), t->asked, t->asked_count);
	write_turns(&w, STR("answers"), t->answers, t->answer_count);
	json_member_str(&w, STR("error"), t->error);
	json_member_str(&w, STR("note"), t->note);
	write_usage(&w, &t->usage);
	write_timing(&w, &r->response);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&out);
	buf_fini(&out);
}

static int show_one(void *arg, const struct recordings_place *at)
{
	struct recording_problem problem;
	struct show *s = arg;
	struct transcript t;
	struct file f;

	if (file_load(at->dir, at->name, &f, &problem) != 0) {
		s->bad++;
		return words_fail(0, STR_FMT ": %s", STR_ARG(at->path),
				  problem.text);
	}
	transcript_make(&f.recording, &f.arena, &t);
	const struct recordings_view view = { .recording = &f.recording,
					      .transcript = &t,
					      .path = at->path };

	if (s->c->json) {
		write_json(&view);
	} else {
		if (s->shown > 0)
			print_add(&s->print, STR("\n\n"));
		recordings_print(&s->print, &view);
		print_flush(&s->print);
	}
	s->shown++;
	file_fini(&f);
	return 0;
}

int recordings_show(const struct word_cmd *c)
{
	struct show s = { .c = c };
	struct recordings_visitor v = { .file = show_one, .arg = &s };
	int r = 0;

	print_init(&s.print, c->color);
	for (size_t i = 0; i < c->count && r >= 0; i++)
		r = recordings_walk(c->args[i], &v);
	print_fini(&s.print);
	return r < 0 || s.bad > 0 ? RECORDINGS_BAD : RECORDINGS_OK;
}

/* What git compares: no recording at all is shown as it is. */
static void copy(const char *path)
{
	FILE *f = fopen(path, "rbe");
	char bytes[2048];
	size_t n;

	if (f == NULL)
		return;
	while ((n = fread(bytes, 1, sizeof(bytes), f)) > 0)
		(void)fwrite(bytes, 1, n, stdout);
	(void)fclose(f);
}

int recordings_textconv(const struct word_cmd *c)
{
	struct transcript t;
	struct print p;
	struct file f;

	if (recordings_load(c->args[0], &f) != 0) {
		copy(c->args[0]);
		return RECORDINGS_OK;
	}
	transcript_make(&f.recording, &f.arena, &t);
	print_init(&p, false);
	recordings_print(&p,
			 &(struct recordings_view){ .recording = &f.recording,
						    .transcript = &t,
						    .quiet = true });
	print_flush(&p);
	print_fini(&p);
	file_fini(&f);
	return RECORDINGS_OK;
}
