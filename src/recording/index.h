/*
 * index - which recordings there are, and whose turn it is.
 *
 *	r = index_open(dir, &options, &ix);
 *	r = index_take(ix, &(struct index_query){ .session = id,
 *						  .keys = { exact, normal },
 *						  .key_count = 2 }, &hit);
 *	if (r == 0 && index_load(ix, &hit, &file, &problem) == 0)
 *		play(&file.recording);
 *	index_close(ix);
 *
 * Every file below a folder is read once and described in some 400 bytes; the
 * content is read again when it is played.  Files that cannot be served are
 * reported once and left out.  All functions may be called by several threads: a
 * lock is held for a microsecond, never over I/O (but by index_open()).
 *
 * Where a recording may come from, in this order: the session's own folder
 * (name_session(); for a test id of OGX "DIR/recordings", DIR being that of the
 * test's file); the shared ones ("", "_shared", "recordings",
 * "common/recordings"); and, when no session is asked for or the file is OGX's,
 * any other.  Within one folder equal requests are served in the order of occ and
 * path, each once for a session; a file of OGX stands for all of its repeats.
 */
#ifndef RECORDING_INDEX_H
#define RECORDING_INDEX_H

#include "recording/file.h"

enum {
	INDEX_KEYS_MAX = 12,
	INDEX_ENTRIES_MAX = 1 << 20,
	INDEX_COUNTERS_MAX = 1 << 20, /* pairs of session and key */
};

enum index_policy {
	INDEX_STOP,  /* a repeat too many is INDEX_EXHAUSTED */
	INDEX_LAST,  /* ... gets the last one again */
	INDEX_CYCLE, /* ... begins anew */
};

struct index;

struct index_entry {
	struct str path;   /* from the root */
	struct str folder; /* its first part */
	struct str op, model, test_id;
	char key[RECORDING_KEY_LEN];   /* exact; of OGX: its name */
	char loose[RECORDING_KEY_LEN]; /* normalised; of OGX: no test id */
	int64_t occ;
	bool is_ogx;
	bool is_list;    /* one of several model lists, see index_load() */
	unsigned served; /* how often; index_each() gives a true one */
};

struct index_options {
	/* Each file that is not served: its path, and why.  May be NULL. */
	void (*report)(void *arg, struct str path, const char *why);
	void *arg;
};

/* 0, or -errno when the folder cannot be read. */
must_check int index_open(const char *root, const struct index_options *options,
			  struct index **out);
void index_close(struct index *ix);

struct index_query {
	struct str session; /* a name or a test id; "" for none */
	/* RECORDING_KEY_LEN each, the best first; the tier of the hit. */
	struct str keys[INDEX_KEYS_MAX];
	size_t key_count;
	enum index_policy on_exhausted;
	int64_t occurrence; /* from 1: this one, without counting; 0: next */
};

struct index_hit {
	const struct index_entry *entry; /* lives as long as the index */
	size_t tier;                     /* which of the keys */
	bool loose;   /* the entry matched by its loose key */
	bool again;   /* served already: INDEX_LAST, INDEX_CYCLE, OGX */
	int64_t turn; /* from 1 */
};

/*
 * Take the next recording, atomically.  Returns 0, INDEX_MISS when no key is
 * known there, INDEX_EXHAUSTED (with *out the last one) when all were served, or
 * -ENOSPC when there are INDEX_COUNTERS_MAX counters.
 */
enum {
	INDEX_MISS = 1,
	INDEX_EXHAUSTED = 2
};
must_check int index_take(struct index *ix, const struct index_query *query,
			  struct index_hit *out);

/* The same without taking it: nothing is counted. */
must_check int index_peek(struct index *ix, const struct index_query *query,
			  struct index_hit *out);

/* Read a file by its path from the root.  Returns as file_load(). */
must_check int index_read(const struct index *ix, struct str path,
			  struct file *out, struct recording_problem *problem);

/*
 * Read what was hit.  Of model lists in OGX's format all that share the key, in
 * the session's folder and the shared ones, are one list: united by id, sorted.
 * Returns as file_load().
 */
must_check int index_load(struct index *ix, const struct index_query *query,
			  const struct index_hit *hit, struct file *out,
			  struct recording_problem *problem);

/*
 * Take in a file that was just written: folder and name from the root.  Returns
 * 0, also when it is written anew, or RECORDING_BAD with *problem.
 */
must_check int index_add(struct index *ix, struct str folder, const char *name,
			 struct recording_problem *problem);

/*
 * Leave out the entries of a folder that are not to stay; stays is asked under
 * the index's lock.  NULL: none stays.
 */
void index_forget(struct index *ix, struct str folder,
		  bool (*stays)(void *arg, const struct index_entry *e),
		  void *arg);

/* Begin a session anew: all of its recordings are unserved. */
void index_reset(struct index *ix, struct str session);

/*
 * Every entry in the order of paths; of a folder only, unless it is NULL.  fn
 * sees a copy, and not 0 ends the walk and is returned.
 */
int index_each(struct index *ix, const struct str *folder,
	       int (*fn)(void *arg, const struct index_entry *e), void *arg);

size_t index_count(struct index *ix);

/* The folder of a session as files of OGX's lie, "" for no test id; in out. */
struct str index_test_folder(struct str test_id, char *out, size_t max);

/* A descriptor of the root, for writing; the index's own. */
int index_root(const struct index *ix);

#endif
