/*
 * recordings_impl - what the commands of "quipu recordings" share; private to
 * them.
 */
#ifndef CLI_RECORDINGS_IMPL_H
#define CLI_RECORDINGS_IMPL_H

#include "cli/print.h"
#include "cli/words.h"
#include "recording/file.h"
#include "recording/transcript.h"
#include "json/writer.h"

enum recordings_exit {
	RECORDINGS_OK = 0,
	RECORDINGS_BAD = 1, /* something is wrong, or there is no match */
	RECORDINGS_UNUSED = 2,
	RECORDINGS_DRIFT = 4,
	RECORDINGS_SECRETS = 5,
};

/* All commands; a NULL name ends. */
extern const struct word recordings_words[];

/* A file that is walked over. */
struct recordings_place {
	int dir; /* its folder, open */
	const char *name;
	struct str path;   /* as it is shown */
	const char *root;  /* the argument that led to it */
	struct str folder; /* below root, "" when it lies in it */
};

struct recordings_visitor {
	/* Not 0 ends the walk and is returned. */
	int (*file)(void *arg, const struct recordings_place *at);
	/* What is left out; may be NULL. */
	void (*skipped)(void *arg, struct str path, const char *why);
	/* What is called neither *.json nor hidden; may be NULL. */
	void (*other)(void *arg, const struct recordings_place *at);
	void *arg;
};

/*
 * Every file of an argument: itself, or all below a folder.  Returns 0, what
 * file() returned, or -errno, which is said, when it cannot be read.
 */
must_check int recordings_walk(const char *path,
			       const struct recordings_visitor *v);

/* Load one file by its path; what is wrong is said.  0 or RECORDINGS_BAD. */
must_check int recordings_load(const char *path, struct file *out);

/* The same, quietly: 0, or RECORDING_BAD with *problem. */
must_check int recordings_try(const char *path, struct file *out,
			      struct recording_problem *problem);

/* All of a file, in a; what is wrong is said.  0 or RECORDINGS_BAD. */
must_check int recordings_read(const char *path, struct arena *a,
			       struct str *out);

/* Print a JSON value and a newline; out is cleared. */
void recordings_print_json(struct buf *out);

/* A transcript, for people; quiet: without what changes with each recording. */
struct recordings_view {
	const struct recording *recording;
	const struct transcript *transcript;
	struct str path;
	bool quiet;
};
void recordings_print(struct print *p, const struct recordings_view *v);

int recordings_ls(const struct word_cmd *c);
int recordings_show(const struct word_cmd *c);
int recordings_textconv(const struct word_cmd *c);
int recordings_diff(const struct word_cmd *c);
int recordings_explain(const struct word_cmd *c);
int recordings_verify_keys(const struct word_cmd *c);
int recordings_lint(const struct word_cmd *c);
int recordings_scan(const struct word_cmd *c);
int recordings_redact(const struct word_cmd *c);
int recordings_prune(const struct word_cmd *c);
int recordings_stats(const struct word_cmd *c);
int recordings_convert(const struct word_cmd *c);
int recordings_merge_driver(const struct word_cmd *c);

#endif
