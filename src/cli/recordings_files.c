#include "cli/recordings_impl.h"

#include "base/err.h"
#include "recording/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
	const struct recordings_visitor *v;
	const char *root;
};

static void find_place(const struct walk *w, struct recordings_place *at,
		       struct arena *a)
{
	arena_init(a, SIZE_MAX / 2);
	at->root = w->root;
	at->path = arena_printf(a, STR_FMT "%s%s", STR_ARG(at->folder),
				at->folder.len > 0 ? "/" : "", at->name);
}

static int visit(void *arg, int dir, struct str folder, const char *name)
{
	struct recordings_place at = { .dir = dir,
				       .name = name,
				       .folder = folder };
	const struct walk *w = arg;
	struct arena a;
	int r;

	find_place(w, &at, &a);
	r = w->v->file(w->v->arg, &at);
	arena_fini(&a);
	return r;
}

static void visit_other(void *arg, int dir, struct str folder, const char *name)
{
	struct recordings_place at = { .dir = dir,
				       .name = name,
				       .folder = folder };
	const struct walk *w = arg;
	struct arena a;

	if (w->v->other == NULL)
		return;
	find_place(w, &at, &a);
	w->v->other(w->v->arg, &at);
	arena_fini(&a);
}

static void skip(void *arg, struct str path, const char *why)
{
	const struct walk *w = arg;

	if (w->v->skipped != NULL)
		w->v->skipped(w->v->arg, path, why);
}

/* The folder of a path, open, and the name in it. */
static int open_parent(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	struct arena a;
	int fd;

	*name = slash != NULL ? slash + 1 : path;
	arena_init(&a, SIZE_MAX / 2);
	fd = open(slash == NULL
			  ? "."
			  : arena_cz(&a, (struct str){ path, (size_t)(*name -
								      path) }),
		  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	arena_fini(&a);
	return fd < 0 ? -errno : fd;
}

static int visit_file(const char *path, const struct recordings_visitor *v)
{
	struct recordings_place at = { .root = path, .path = str_of(path) };
	int r;

	at.dir = open_parent(path, &at.name);
	if (at.dir < 0)
		return words_fail(at.dir, "cannot open %s", path);
	r = v->file(v->arg, &at);
	(void)close(at.dir);
	return r;
}

int recordings_walk(const char *path, const struct recordings_visitor *v)
{
	struct walk w = { .v = v, .root = path };
	struct tree_visitor visitor = {
		.file = visit, .skipped = skip, .other = visit_other, .arg = &w
	};
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return visit_file(path, v);
	err_clear();
	r = tree_walk(path, &visitor);
	if (r < 0 && err_text().len > 0)
		return words_fail(r, STR_FMT, STR_ARG(err_text()));
	return r;
}

int recordings_try(const char *path, struct file *out,
		   struct recording_problem *problem)
{
	const char *name;
	int dir = open_parent(path, &name), r;

	if (dir < 0)
		return recording_bad(problem, "cannot be opened");
	r = file_load(dir, name, out, problem);
	(void)close(dir);
	return r;
}

int recordings_load(const char *path, struct file *out)
{
	struct recording_problem problem;

	if (recordings_try(path, out, &problem) == 0)
		return 0;
	return words_fail(RECORDINGS_BAD, "%s: %s", path, problem.text);
}

int recordings_read(const char *path, struct arena *a, struct str *out)
{
	struct recording_problem problem = { .text = "cannot be opened" };
	const char *name;
	int dir = open_parent(path, &name), r = -1;

	if (dir >= 0) {
		r = file_read(dir, name, a, out, &problem);
		(void)close(dir);
	}
	if (r == 0)
		return 0;
	return words_fail(RECORDINGS_BAD, "%s: %s", path, problem.text);
}

void recordings_print_json(struct buf *out)
{
	if (out->len > 0)
		(void)fwrite(out->ptr, 1, out->len, stdout);
	(void)putchar('\n');
	buf_clear(out);
}
