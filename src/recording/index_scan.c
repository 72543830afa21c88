#include "recording/index_scan.h"

#include "base/err.h"
#include "recording/tree.h"

#include <stdio.h>

struct scan {
	struct index *index;
	const struct index_options *options;
};

static void skipped(void *arg, struct str path, const char *why)
{
	const struct scan *s = arg;

	s->options->report(s->options->arg, path, why);
}

static int add_one(void *arg, int dir, struct str folder, const char *name)
{
	const struct scan *s = arg;
	struct recording_problem problem;
	char path[TREE_PATH_MAX + RECORDING_NAME_MAX];
	int n;

	(void)dir;
	if (index_add(s->index, folder, name, &problem) == 0)
		return 0;
	n = snprintf(path, sizeof(path), STR_FMT "%s%s", STR_ARG(folder),
		     folder.len > 0 ? "/" : "", name);
	if (n >= (int)sizeof(path))
		n = (int)sizeof(path) - 1;
	skipped(arg, (struct str){ path, (size_t)n }, problem.text);
	return 0;
}

int index_scan(struct index *ix, const char *root,
	       const struct index_options *options)
{
	struct scan s = { ix, options };
	const struct tree_visitor visitor = { .file = add_one,
					      .skipped = skipped,
					      .arg = &s };

	int r = tree_walk(root, &visitor);

	return r < 0 ? err_up(r) : 0;
}
