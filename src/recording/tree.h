/*
 * tree - every file of a folder of recordings and the folders in it.
 *
 *	r = tree_walk(root, &(struct tree_visitor){ .file = one, .arg = x });
 *
 * Names come sorted, files before folders, so that what is reported is the same
 * every time.  No symbolic link is followed; what is left out is said.
 */
#ifndef RECORDING_TREE_H
#define RECORDING_TREE_H

#include "base/str.h"

enum {
	TREE_DEPTH_MAX = 16,
	TREE_FILES_MAX = 1 << 20, /* of one folder */
	TREE_PATH_MAX = 1024,
};

struct tree_visitor {
	/*
	 * A file that is called *.json: in the open folder dir, whose path from
	 * the root is folder ("" or "a/b").  Not 0 ends the walk.
	 */
	int (*file)(void *arg, int dir, struct str folder, const char *name);
	/* What is not looked at, and why; may be NULL. */
	void (*skipped)(void *arg, struct str path, const char *why);
	/* A file of another name that is not hidden; may be NULL. */
	void (*other)(void *arg, int dir, struct str folder, const char *name);
	void *arg;
};

/* Returns 0, what file() returned, or -errno when root cannot be read. */
must_check int tree_walk(const char *root, const struct tree_visitor *v);

#endif
