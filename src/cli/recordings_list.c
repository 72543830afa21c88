#include "cli/recordings_impl.h"

#include "base/err.h"
#include "recording/exact.h"
#include "recording/ogx.h"

#include <stdio.h>

/* What was seen, for the last line. */
struct tally {
	const struct word_cmd *c;
	struct print print;
	struct buf json;
	size_t files, bad, unnamed, other;
};

static void say_bad(struct tally *tally, struct str path, const char *what,
		    const char *why)
{
	struct json_writer w;

	tally->bad++;
	if (!tally->c->json) {
		print_fmt(&tally->print, "%-9s " STR_FMT ": %s\n", what,
			  STR_ARG(path), why);
		return;
	}
	json_writer_init(&w, &tally->json);
	json_object(&w);
	json_member_str(&w, STR("file"), path);
	json_member_str(&w, STR("problem"), str_of(why));
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&tally->json);
}

static void say_skipped(void *arg, struct str path, const char *why)
{
	say_bad(arg, path, "skipped", why);
}

static void list_json(struct tally *tally, const struct recording *r,
		      struct str model, struct str path)
{
	struct json_writer w;

	json_writer_init(&w, &tally->json);
	json_object(&w);
	json_member_str(&w, STR("file"), path);
	json_member_str(&w, STR("op"), r->op);
	json_member_str(&w, STR("model"), model);
	json_member_int(&w, STR("status"), r->response.status);
	json_member_str(&w, STR("fail"),
			str_of(recording_fail_name(r->response.fail)));
	json_member_int(&w, STR("events"), (int64_t)r->response.mark_count);
	json_member_int(&w, STR("bytes"), (int64_t)r->response.body.len);
	json_member_bool(&w, STR("edited"), r->edited);
	json_member_str(&w, STR("test_id"), r->test_id);
	json_member_str(&w, STR("recorded_at"), r->meta.recorded_at);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&tally->json);
}

static void list_text(struct tally *tally, const struct recording *r,
		      struct str model, struct str path)
{
	const struct recording_response *res = &r->response;

	print_fmt(&tally->print,
		  STR_FMT " " STR_FMT " %d%s%s events=%zu bytes=%zu%s " STR_FMT
			  "\n",
		  STR_ARG(r->op), STR_ARG(model.len > 0 ? model : STR("-")),
		  res->status, res->fail != RECORDING_ANSWERED ? " " : "",
		  recording_fail_name(res->fail), res->mark_count,
		  res->body.len, r->edited ? " edited" : "", STR_ARG(path));
	print_flush(&tally->print);
}

static int list_one(void *arg, const struct recordings_place *at)
{
	struct recording_problem problem;
	struct tally *tally = arg;
	struct transcript t;
	struct file f;

	tally->files++;
	if (file_load(at->dir, at->name, &f, &problem) != 0) {
		say_bad(tally, at->path, "bad", problem.text);
		return 0;
	}
	transcript_make(&f.recording, &f.arena, &t);
	if (tally->c->json)
		list_json(tally, &f.recording, t.model, at->path);
	else
		list_text(tally, &f.recording, t.model, at->path);
	file_fini(&f);
	return 0;
}

static void say_name(struct tally *tally, const struct ogx_name *result,
		     struct str path)
{
	struct json_writer w;

	if (result->matches)
		return;
	tally->unnamed++;
	if (!tally->c->json) {
		print_fmt(&tally->print,
			  "mismatch  " STR_FMT "\n          computed "
			  "%.64s\n          %s\n",
			  STR_ARG(path), result->key, result->why);
		return;
	}
	json_writer_init(&w, &tally->json);
	json_object(&w);
	json_member_str(&w, STR("file"), path);
	json_member_str(&w, STR("computed"),
			(struct str){ result->key, RECORDING_KEY_LEN });
	json_member_str(&w, STR("why"), str_of(result->why));
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&tally->json);
}

static int verify_text(struct tally *tally, struct str text,
		       const struct recordings_place *at)
{
	struct recording_problem problem;
	struct ogx_name result;
	struct ogx_file f;
	struct arena a;
	int r;

	arena_init(&a, SIZE_MAX / 2);
	if (ogx_read(text, &f, &a, &problem) != 0) {
		say_bad(tally, at->path, "bad", problem.text);
		arena_fini(&a);
		return 0;
	}
	r = ogx_check_name(&f, str_of(at->name), &result);
	if (r == 0)
		say_name(tally, &result, at->path);
	ogx_fini(&f);
	arena_fini(&a);
	return r < 0 ? err_up(r) : 0;
}

static int verify_one(void *arg, const struct recordings_place *at)
{
	struct recording_problem problem;
	struct tally *tally = arg;
	struct str text;
	struct arena a;
	int r = 0;

	arena_init(&a, SIZE_MAX / 2);
	tally->files++;
	if (file_read(at->dir, at->name, &a, &text, &problem) != 0) {
		say_bad(tally, at->path, "bad", problem.text);
	} else if (exact_is(text)) {
		tally->other++;
	} else {
		r = verify_text(tally, text, at);
	}
	print_flush(&tally->print);
	arena_fini(&a);
	return r;
}

static int walk(struct tally *tally,
		int (*fn)(void *, const struct recordings_place *))
{
	const struct word_cmd *c = tally->c;
	const struct recordings_visitor v = { .file = fn,
					      .skipped = say_skipped,
					      .arg = tally };
	int r = 0;

	print_init(&tally->print, c->color);
	buf_init(&tally->json, PRINT_MAX);
	for (size_t i = 0; i < c->count && r >= 0; i++)
		r = recordings_walk(c->args[i], &v);
	return r;
}

static int finish(struct tally *tally, int r)
{
	print_flush(&tally->print);
	print_fini(&tally->print);
	buf_fini(&tally->json);
	return r < 0 || tally->bad + tally->unnamed > 0 ? RECORDINGS_BAD
							: RECORDINGS_OK;
}

int recordings_ls(const struct word_cmd *c)
{
	struct tally tally = { .c = c };
	int r = walk(&tally, list_one);

	if (r >= 0 && !c->json)
		print_fmt(&tally.print, "%zu files, %zu bad\n", tally.files,
			  tally.bad);
	return finish(&tally, r);
}

int recordings_verify_keys(const struct word_cmd *c)
{
	struct tally tally = { .c = c };
	int r = walk(&tally, verify_one);

	if (r >= 0 && !c->json) {
		print_fmt(&tally.print,
			  "%zu files: %zu names follow, %zu do not, %zu in "
			  "the exact format, %zu bad\n",
			  tally.files,
			  tally.files - tally.unnamed - tally.other - tally.bad,
			  tally.unnamed, tally.other, tally.bad);
	}
	return finish(&tally, r);
}
