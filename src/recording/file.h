/*
 * file - recordings on disk.
 *
 *	r = file_load(dir, "03-chat.completions-gpt-4o-9f31c0de.json", &f, &p);
 *	use(&f.recording);
 *	file_fini(&f);
 *
 *	r = file_save(dir, name, bytes, &options);
 *
 * Files are recognised by what is in them.  They are untrusted: no symbolic link
 * is followed, only ordinary files up to RECORDING_FILE_MAX are read, and read
 * they are, not mapped, since another process may cut a file short.  A write is a
 * file of its own until it is whole: whoever kills the program leaves the old
 * file, the new one, or a hidden ".tmp" that no reader looks at.
 *
 * These calls block for as long as the disk does.
 */
#ifndef RECORDING_FILE_H
#define RECORDING_FILE_H

#include "base/buf.h"
#include "recording/recording.h"

struct file {
	struct recording recording; /* its slices live in the arena */
	struct arena arena;
};

struct file_options {
	bool sync;    /* fsync() file and folder: survives a power cut */
	bool private; /* mode 0600 rather than 0644 */
};

/* All of a file of the folder, in a.  0, or RECORDING_BAD with *problem. */
must_check int file_read(int dir, const char *name, struct arena *a,
			 struct str *out, struct recording_problem *problem);

/*
 * Read, and its sidecar as well.  Returns 0, or RECORDING_BAD with *problem;
 * out then needs no file_fini().
 */
must_check int file_load(int dir, const char *name, struct file *out,
			 struct recording_problem *problem);
void file_fini(struct file *f);

/* Replace a file of the folder by these bytes.  Returns 0 or -errno. */
must_check int file_save(int dir, const char *name, struct str bytes,
			 const struct file_options *options);

/*
 * Write a recording in the exact format: its text, and before that what is too
 * large for it to name.bin.  Returns 0 or -errno.
 */
must_check int file_save_exact(int dir, const char *name,
			       const struct recording *r,
			       const struct file_options *options);

/*
 * Open the folder name below root, made when create says so.  Returns a
 * descriptor that the caller closes, or -errno; never follows a link.
 */
must_check int file_open_dir(int root, const char *name, bool create);

#endif
