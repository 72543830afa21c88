/*
 * index_file - what the index must know of one file; private to it.
 */
#ifndef RECORDING_INDEX_FILE_H
#define RECORDING_INDEX_FILE_H

#include "recording/index.h"

/*
 * Describe a file of the open folder dir; texts are put into a.  Returns 0, or
 * RECORDING_BAD with *problem.
 */
must_check int index_file_read(int dir, const char *name, struct arena *a,
			       struct index_entry *out,
			       struct recording_problem *problem);

/*
 * Open the folder at path below root, part by part and without following links.
 * Returns a descriptor that the caller closes, or -errno.
 */
must_check int index_file_folder(int root, struct str path);

/* Read the file at path below root, as file_load() does. */
must_check int index_file_load(int root, struct str path, struct file *out,
			       struct recording_problem *problem);

/* Unite lists of models, as bodies, in a: by id, sorted by id. */
struct str index_file_unite(const struct str *bodies, size_t count,
			    struct arena *a);

#endif
