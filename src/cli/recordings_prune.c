#include "cli/recordings_impl.h"

#include "base/map.h"
#include "json/json.h"

#include <stdio.h>
#include <unistd.h>

struct prune {
	const struct word_cmd *c;
	struct print print;
	struct arena arena; /* of the texts below */
	struct map served;  /* paths */
	struct map folders; /* with something served */
	struct buf json;
	size_t files, unused, failed;
	bool incomplete; /* a verdict does not name all that was served */
};

static char yes; /* what the maps hold */

static struct str folder_of(struct str path)
{
	size_t at = path.len;

	while (at > 0 && path.ptr[at - 1] != '/')
		at--;
	return at > 0 ? str_take(path, at - 1) : STR("");
}

static void read_list(struct prune *p, const struct json *doc, uint32_t list,
		      uint32_t count)
{
	int64_t total = 0;

	(void)json_to_i64(doc, count, &total);
	if (total > (int64_t)json_count(doc, list))
		p->incomplete = true;
	for (uint32_t i = json_first(doc, list); i != JSON_NONE;
	     i = json_next(doc, i)) {
		struct str path =
			arena_str(&p->arena, json_string(doc, i, &p->arena));

		(void)map_put(&p->served, path, &yes);
		(void)map_put(&p->folders, folder_of(path), &yes);
	}
}

static void read_served(struct prune *p, const struct json *doc, uint32_t v)
{
	uint32_t folder = json_get(doc, v, STR("folder"));

	if (json_type(doc, folder) == JSON_STRING) {
		struct str path = json_string(doc, folder, &p->arena);

		(void)map_put(&p->folders, arena_str(&p->arena, path), &yes);
	}
	read_list(p, doc, json_get(doc, v, STR("served")),
		  json_get(doc, v, STR("served_total")));
	read_list(p, doc, json_get(doc, v, STR("verified")),
		  json_get(doc, v, STR("verified_total")));
}

/* A verdict, or any list or object of verdicts: depth is the parser's. */
static void find_served(struct prune *p, const struct json *doc, uint32_t v)
{
	if (json_type(doc, v) == JSON_OBJECT)
		read_served(p, doc, v);
	for (uint32_t i = json_first(doc, v); i != JSON_NONE;
	     i = json_next(doc, i))
		find_served(p, doc, i);
}

static int read_verdict(struct prune *p, const char *path)
{
	struct json_error e;
	struct json doc;
	struct str text;

	if (recordings_read(path, &p->arena, &text) != 0)
		return -1;
	if (json_parse(text, NULL, &doc, &e) != 0) {
		return words_fail(-1, "%s:%u:%u: %s", path, e.line, e.column,
				  e.what);
	}
	find_served(p, &doc, json_root(&doc));
	json_fini(&doc);
	return 0;
}

static void say_unused(struct prune *p, struct str path, bool deleted)
{
	struct json_writer w;

	if (!p->c->json) {
		print_fmt(&p->print, "%s " STR_FMT "\n",
			  deleted ? "deleted" : "unused ", STR_ARG(path));
		print_flush(&p->print);
		return;
	}
	json_writer_init(&w, &p->json);
	json_object(&w);
	json_member_str(&w, STR("file"), path);
	json_member_bool(&w, STR("deleted"), deleted);
	json_end(&w);
	if (json_writer_done(&w) == 0)
		recordings_print_json(&p->json);
}

static int prune_one(void *arg, const struct recordings_place *at)
{
	bool wants_delete, wants_all;
	struct prune *p = arg;
	char beside[300];

	wants_delete = words_option(p->c, "--delete") != NULL;
	wants_all = words_option(p->c, "--all") != NULL;
	p->files++;
	if (map_get(&p->served, at->path) != NULL ||
	    (!wants_all && map_get(&p->folders, at->folder) == NULL))
		return 0;
	p->unused++;
	if (wants_delete && unlinkat(at->dir, at->name, 0) < 0) {
		p->failed++;
		return words_fail(0, STR_FMT ": cannot be deleted",
				  STR_ARG(at->path));
	}
	(void)snprintf(beside, sizeof(beside), "%.255s.bin", at->name);
	if (wants_delete)
		(void)unlinkat(at->dir, beside, 0);
	say_unused(p, at->path, wants_delete);
	return 0;
}

static int prune(struct prune *p)
{
	const struct recordings_visitor v = { .file = prune_one, .arg = p };
	bool wants_delete = words_option(p->c, "--delete") != NULL;

	for (size_t i = 1; i < p->c->count; i++) {
		if (read_verdict(p, p->c->args[i]) < 0)
			return RECORDINGS_BAD;
	}
	if (p->incomplete) {
		return words_fail(
			RECORDINGS_BAD,
			"a verdict names fewer recordings than were served; "
			"nothing is pruned: use smaller sessions");
	}
	if (p->served.len == 0) {
		return words_fail(RECORDINGS_BAD,
				  "the verdicts name no recording that "
				  "was served; nothing is pruned");
	}
	if (recordings_walk(p->c->args[0], &v) < 0)
		return RECORDINGS_BAD;
	if (!p->c->json) {
		print_fmt(&p->print, "%zu files, %zu unused%s\n", p->files,
			  p->unused,
			  p->unused > 0 && !wants_delete
				  ? "; --delete deletes them"
				  : "");
	}
	if (p->failed > 0)
		return RECORDINGS_BAD;
	return p->unused > 0 && !wants_delete ? RECORDINGS_UNUSED
					      : RECORDINGS_OK;
}

int recordings_prune(const struct word_cmd *c)
{
	struct prune p = { .c = c };
	int status;

	arena_init(&p.arena, SIZE_MAX / 2);
	buf_init(&p.json, PRINT_MAX);
	print_init(&p.print, c->color);
	status = prune(&p);
	print_flush(&p.print);
	print_fini(&p.print);
	buf_fini(&p.json);
	map_fini(&p.served);
	map_fini(&p.folders);
	arena_fini(&p.arena);
	return status;
}
