#include "recording/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct names {
	const char **items; /* owned; the texts are in the arena */
	size_t count, cap;
};

/* One folder, while it is looked at. */
struct folder {
	const struct tree_visitor *visitor;
	int fd;
	struct str path; /* from the root */
	unsigned depth;
	struct arena arena;
	struct names files, folders;
};

static void skip(const struct folder *f, const char *name, const char *why)
{
	char path[TREE_PATH_MAX];
	int n;

	if (f->visitor->skipped == NULL)
		return;
	n = snprintf(path, sizeof(path), STR_FMT "%s%s", STR_ARG(f->path),
		     f->path.len > 0 ? "/" : "", name);
	if (n >= (int)sizeof(path))
		n = (int)sizeof(path) - 1;
	f->visitor->skipped(f->visitor->arg, (struct str){ path, (size_t)n },
			    why);
}

static void add(struct folder *f, struct names *list, const char *name)
{
	if (list->count == TREE_FILES_MAX) {
		skip(f, name, "too many files in this folder");
		return;
	}
	if (list->count == list->cap) {
		list->cap = list->cap == 0 ? 64 : 2 * list->cap;
		list->items =
			xrealloc(list->items, list->cap * sizeof(*list->items));
	}
	list->items[list->count++] = arena_cz(&f->arena, str_of(name));
}

static bool is_folder(const struct folder *f, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(f->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static void sort_out(struct folder *f, const struct dirent *e)
{
	struct str name = str_of(e->d_name);

	if (name.ptr[0] == '.') {
		if (str_ends(name, STR(".tmp")))
			skip(f, e->d_name, "a write that was not finished");
		return;
	}
	if (is_folder(f, e)) {
		add(f, &f->folders, e->d_name);
	} else if (str_ends(name, STR(".json"))) {
		add(f, &f->files, e->d_name);
	} else if (e->d_type == DT_LNK) {
		skip(f, e->d_name, "a symbolic link");
	} else if (f->visitor->other != NULL) {
		f->visitor->other(f->visitor->arg, f->fd, f->path, e->d_name);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(const struct names *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), by_name);
}

/* Takes f->fd. */
static int read_names(struct folder *f)
{
	DIR *d = fdopendir(dup(f->fd));
	struct dirent *e;

	if (d == NULL)
		return -errno;
	while ((e = readdir(d)) != NULL)
		sort_out(f, e);
	(void)closedir(d);
	sort(&f->files);
	sort(&f->folders);
	return 0;
}

static int walk(const struct tree_visitor *v, int fd, struct str path,
		unsigned depth);

static int descend(struct folder *f, const char *name)
{
	struct str parts[] = { f->path, f->path.len > 0 ? STR("/") : STR_NULL,
			       str_of(name) };
	struct str path = arena_join(&f->arena, parts, countof(parts));
	int fd;

	if (f->depth == TREE_DEPTH_MAX || path.len >= TREE_PATH_MAX) {
		skip(f, name, "too many folders in one another");
		return 0;
	}
	fd = openat(f->fd, name,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		skip(f, name, "cannot be opened");
		return 0;
	}
	return walk(f->visitor, fd, path, f->depth + 1);
}

/* Takes fd. */
static int walk(const struct tree_visitor *v, int fd, struct str path,
		unsigned depth)
{
	struct folder f = {
		.visitor = v, .fd = fd, .path = path, .depth = depth
	};
	int r;

	arena_init(&f.arena, SIZE_MAX / 2);
	r = read_names(&f);
	for (size_t i = 0; i < f.files.count && r == 0; i++)
		r = v->file(v->arg, fd, path, f.files.items[i]);
	for (size_t i = 0; i < f.folders.count && r == 0; i++)
		r = descend(&f, f.folders.items[i]);
	free(f.files.items);
	free(f.folders.items);
	arena_fini(&f.arena);
	(void)close(fd);
	return r;
}

int tree_walk(const char *root, const struct tree_visitor *v)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_new(-errno, "recordings: cannot open %s", root);
	return walk(v, fd, STR_NULL, 0);
}
