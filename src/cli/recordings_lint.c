#include "cli/recordings_impl.h"

#include "base/map.h"
#include "recording/exact.h"
#include "recording/key.h"
#include "recording/ogx.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	SHORT_KEY = 8,
	ENDING = 5, /* ".json" */
};

struct lint {
	const struct word_cmd *c;
	struct print print;
	struct buf json;
	struct arena arena; /* of what is remembered */
	struct map seen;    /* folder, key and number to the path */
	struct key_counts rules;
	size_t files, exact, problems, notes;
};

static void say(struct lint *l, bool is_problem, struct str path,
		const char *what)
{
	struct json_writer w;

	if (is_problem)
		l->problems++;
	else
		l->notes++;
	if (!l->c->json) {
		print_styled(&l->print, is_problem ? PRINT_RED : PRINT_YELLOW,
			     is_problem ? STR("problem ") : STR("note    "));
		print_fmt(&l->print, STR_FMT ": %s\n", STR_ARG(path), what);
		print_flush(&l->print);
		return;
	}
	json_writer_init(&w, &l->json);
	json_object(&w);
	json_member_str(&w, STR("level"),
			is_problem ? STR("problem") : STR("note"));
	json_member_str(&w, STR("file"), path);
	json_member_str(&w, STR("what"), str_of(what));
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&l->json);
}

/* Whatever is served in a folder for a key and a number is one file. */
static void check_twice(struct lint *l, const struct recordings_place *at,
			const struct recording *r, struct str key)
{
	struct str id = arena_printf(&l->arena, STR_FMT "\n" STR_FMT "\n%lld",
				     STR_ARG(at->folder), STR_ARG(key),
				     (long long)r->occ);
	const char *other = map_get(&l->seen, id);
	char text[1200];

	if (other == NULL) {
		(void)map_put(&l->seen, id, arena_cz(&l->arena, at->path));
		return;
	}
	(void)snprintf(text, sizeof(text),
		       "the same request and number (occ %lld) as %s",
		       (long long)r->occ, other);
	say(l, true, at->path, text);
}

static bool names_key(struct str name, struct str key)
{
	struct str stem = str_take(name, name.len - ENDING);

	return str_ends(stem, str_take(key, SHORT_KEY));
}

static void check_exact(struct lint *l, const struct recordings_place *at,
			const struct recording *r)
{
	const struct key_input input = { r->op, &r->request };
	char bytes[RECORDING_KEY_LEN];
	struct str key = { bytes, sizeof(bytes) };

	l->exact++;
	if (key_make(&input, KEY_EXACT, bytes, NULL) != 0 ||
	    key_count(&input, &l->rules) != 0) {
		say(l, true, at->path, "the request is too large for a key");
		return;
	}
	if (r->edited)
		say(l, true, at->path,
		    "edited: the body is not the one that was recorded");
	if (!str_eq(key, r->key)) {
		say(l, true, at->path,
		    "the request was edited: its key is another now");
	} else if (!names_key(str_of(at->name), key)) {
		say(l, true, at->path, "the name does not end in the key");
	}
	check_twice(l, at, r, key);
}

static void check_ogx(struct lint *l, const struct recordings_place *at)
{
	struct recording_problem problem;
	struct ogx_name result;
	struct ogx_file f;
	struct str text;
	struct arena a;

	arena_init(&a, SIZE_MAX / 2);
	if (file_read(at->dir, at->name, &a, &text, &problem) == 0 &&
	    ogx_read(text, &f, &a, &problem) == 0) {
		if (ogx_check_name(&f, str_of(at->name), &result) == 0 &&
		    !result.matches)
			say(l, true, at->path, result.why);
		ogx_fini(&f);
	}
	arena_fini(&a);
}

static void check_end(struct lint *l, const struct recordings_place *at,
		      const struct recording *r)
{
	char text[100];

	if (r->response.fail != RECORDING_ANSWERED ||
	    r->response.end == RECORDING_EOF)
		return;
	(void)snprintf(text, sizeof(text), "the answer ends with %s%s",
		       recording_end_name(r->response.end),
		       r->response.end == RECORDING_CLIENT_ABORT
			       ? ": it is not served"
			       : "");
	say(l, false, at->path, text);
}

static int check_one(void *arg, const struct recordings_place *at)
{
	struct recording_problem problem;
	struct lint *l = arg;
	struct file f;

	l->files++;
	if (file_load(at->dir, at->name, &f, &problem) != 0) {
		say(l, true, at->path, problem.text);
		return 0;
	}
	if (f.recording.is_ogx)
		check_ogx(l, at);
	else
		check_exact(l, at, &f.recording);
	check_end(l, at, &f.recording);
	file_fini(&f);
	return 0;
}

static void say_skipped(void *arg, struct str path, const char *why)
{
	say(arg, true, path, why);
}

static void check_other(void *arg, const struct recordings_place *at)
{
	struct str name = str_of(at->name);
	struct stat st;
	char owner[300];

	if (!str_ends(name, STR(".json.bin"))) {
		say(arg, false, at->path, "not a recording");
		return;
	}
	(void)snprintf(owner, sizeof(owner), "%.*s", (int)name.len - 4,
		       at->name);
	if (fstatat(at->dir, owner, &st, AT_SYMLINK_NOFOLLOW) < 0)
		say(arg, true, at->path, "a body whose recording is gone");
}

static void check_rules(struct lint *l)
{
	for (int i = 0; i < KEY_RULES && l->exact > 0; i++) {
		if (l->rules.counts[i] == 0) {
			say(l, false, str_of(key_rule_name((enum key_rule)i)),
			    "no recording needs this rule");
		}
	}
}

int recordings_lint(const struct word_cmd *c)
{
	struct lint l = { .c = c };
	const struct recordings_visitor v = { .file = check_one,
					      .skipped = say_skipped,
					      .other = check_other,
					      .arg = &l };
	int r = 0;

	print_init(&l.print, c->color);
	buf_init(&l.json, PRINT_MAX);
	arena_init(&l.arena, SIZE_MAX / 2);
	for (size_t i = 0; i < c->count && r >= 0; i++)
		r = recordings_walk(c->args[i], &v);
	check_rules(&l);
	if (r >= 0 && !c->json)
		print_fmt(&l.print, "%zu files, %zu problems, %zu notes\n",
			  l.files, l.problems, l.notes);
	print_flush(&l.print);
	print_fini(&l.print);
	buf_fini(&l.json);
	map_fini(&l.seen);
	arena_fini(&l.arena);
	return r < 0 || l.problems > 0 ? RECORDINGS_BAD : RECORDINGS_OK;
}
