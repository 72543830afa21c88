#include "cli/recordings.h"

#include <stdio.h>

#include "base/err.h"
#include "recording/exact.h"
#include "recording/file.h"
#include "recording/ogx.h"
#include "recording/tree.h"
#include "json/json.h"

enum {
	EXIT_BAD = 1,
	EXIT_USAGE = 64,
};

static const char usage[] =
	"usage: quipu recordings ls DIR\n"
	"       quipu recordings verify-keys DIR\n"
	"\n"
	"ls prints a line for each recording below DIR: operation, model,\n"
	"status, events, bytes, file. verify-keys computes the name of each\n"
	"recording in OGX's format anew, and says why one does not follow from\n"
	"its file. Both exit with 1 when something is wrong.\n";

/* What was seen, for the last line. */
struct tally {
	size_t files, bad, unnamed, other;
};

static void say_bad(struct str folder, const char *name, const char *why)
{
	(void)printf("bad       " STR_FMT "%s%s: %s\n", STR_ARG(folder),
		     folder.len > 0 ? "/" : "", name, why);
}

static void say_skipped(void *arg, struct str path, const char *why)
{
	struct tally *tally = arg;

	tally->bad++;
	(void)printf("skipped   " STR_FMT ": %s\n", STR_ARG(path), why);
}

/* The model that a request's body names, or "-". */
static struct str model_of(struct str body, struct arena *a)
{
	struct json_error e;
	struct json doc;
	struct str model;

	if (json_parse(body, NULL, &doc, &e) != 0)
		return STR("-");
	model = json_string(&doc, json_get(&doc, json_root(&doc), STR("model")),
			    a);
	model = arena_str(a, model);
	json_fini(&doc);
	return model.len > 0 ? model : STR("-");
}

static int list_one(void *arg, int dir, struct str folder, const char *name)
{
	struct tally *tally = arg;
	struct recording_problem problem;
	const struct recording_response *res;
	struct file f;

	tally->files++;
	if (file_load(dir, name, &f, &problem) != 0) {
		tally->bad++;
		say_bad(folder, name, problem.text);
		return 0;
	}
	res = &f.recording.response;
	(void)printf(STR_FMT " " STR_FMT
			     " %d%s%s events=%zu bytes=%zu%s " STR_FMT "%s%s\n",
		     STR_ARG(f.recording.op),
		     STR_ARG(model_of(f.recording.request.body, &f.arena)),
		     res->status, res->fail != RECORDING_ANSWERED ? " " : "",
		     recording_fail_name(res->fail), res->mark_count,
		     res->body.len, f.recording.edited ? " edited" : "",
		     STR_ARG(folder), folder.len > 0 ? "/" : "", name);
	file_fini(&f);
	return 0;
}

static void say_name(struct tally *tally, const struct ogx_name *result,
		     struct str folder, const char *name)
{
	if (result->matches)
		return;
	tally->unnamed++;
	(void)printf("mismatch  " STR_FMT "%s%s\n          computed "
		     "%.64s\n          %s\n",
		     STR_ARG(folder), folder.len > 0 ? "/" : "", name,
		     result->key, result->why);
}

static int verify_text(struct tally *tally, struct str text, struct str folder,
		       const char *name)
{
	struct recording_problem problem;
	struct ogx_name result;
	struct ogx_file f;
	struct arena a;
	int r;

	arena_init(&a, SIZE_MAX / 2);
	if (ogx_read(text, &f, &a, &problem) != 0) {
		tally->bad++;
		say_bad(folder, name, problem.text);
		arena_fini(&a);
		return 0;
	}
	r = ogx_check_name(&f, str_of(name), &result);
	if (r == 0)
		say_name(tally, &result, folder, name);
	ogx_fini(&f);
	arena_fini(&a);
	return r < 0 ? err_up(r) : 0;
}

static int verify_one(void *arg, int dir, struct str folder, const char *name)
{
	struct recording_problem problem;
	struct tally *tally = arg;
	struct str text;
	struct arena a;
	int r = 0;

	arena_init(&a, SIZE_MAX / 2);
	tally->files++;
	if (file_read(dir, name, &a, &text, &problem) != 0) {
		tally->bad++;
		say_bad(folder, name, problem.text);
	} else if (exact_is(text)) {
		tally->other++;
	} else {
		r = verify_text(tally, text, folder, name);
	}
	arena_fini(&a);
	return r;
}

static int walk(const char *dir, bool verify)
{
	struct tally tally = { 0 };
	struct tree_visitor visitor = {
		.file = verify ? verify_one : list_one,
		.skipped = say_skipped,
		.arg = &tally,
	};
	int r = tree_walk(dir, &visitor);

	if (r < 0) {
		(void)fprintf(stderr, "quipu: " STR_FMT "\n",
			      STR_ARG(err_text()));
		return EXIT_BAD;
	}
	if (verify) {
		(void)printf("%zu files: %zu names follow, %zu do not, %zu in "
			     "the exact format, %zu bad\n",
			     tally.files,
			     tally.files - tally.unnamed - tally.other -
				     tally.bad,
			     tally.unnamed, tally.other, tally.bad);
	} else {
		(void)printf("%zu files, %zu bad\n", tally.files, tally.bad);
	}
	return tally.bad + tally.unnamed > 0 ? EXIT_BAD : 0;
}

int cli_recordings(int argc, char **argv)
{
	struct str word = argc > 0 ? str_of(argv[0]) : STR_NULL;
	bool verify = str_eq(word, STR("verify-keys"));

	if (str_eq(word, STR("--help")) || str_eq(word, STR("-h"))) {
		(void)fputs(usage, stdout);
		return 0;
	}
	if (argc != 2 || (!verify && !str_eq(word, STR("ls")))) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return walk(argv[1], verify);
}
