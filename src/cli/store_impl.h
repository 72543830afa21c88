/*
 * store_impl - what the commands of "quipu store" share; private to them.
 */
#ifndef CLI_STORE_IMPL_H
#define CLI_STORE_IMPL_H

#include "cli/words.h"
#include "config/config.h"
#include "store/store.h"

enum store_exit {
	STORE_EXIT_OK = 0,
	STORE_EXIT_BAD = 1,
};

struct store_opened {
	struct store *store;
	struct config *config;
	struct arena arena;
	const char *uri; /* as it may be shown */
};

/*
 * Open the store that quipu serve would use, or that of --store, --config.  One
 * that is not there is made when create says so.  What is wrong is said: 0 or
 * STORE_EXIT_BAD.
 */
must_check int store_cmd_open(const struct word_cmd *c, bool create,
			      struct store_opened *out);

/* Returns code, or STORE_EXIT_BAD when rows were lost. */
must_check int store_cmd_close(struct store_opened *s, int code);

/* Says err_text(); returns STORE_EXIT_BAD. */
int store_cmd_failed(void);

/* The query of --model, --since, --until, --metadata, --owner.  0 or WORDS_USAGE. */
must_check int store_cmd_query(const struct word_cmd *c,
			       struct store_query *out);

/* A count that runs, on a terminal. */
struct store_progress {
	bool shown;
	const char *what;
	int64_t count;
	int64_t told_ns;
};

void store_progress_init(struct store_progress *p, const char *what);
void store_progress_add(struct store_progress *p);
void store_progress_end(struct store_progress *p);

int store_cmd_info(const struct word_cmd *c);
int store_cmd_vacuum(const struct word_cmd *c);
int store_cmd_check(const struct word_cmd *c);
int store_cmd_export(const struct word_cmd *c);
int store_cmd_import(const struct word_cmd *c);

/* The rows of a query as recordings below DIR; the exit code. */
must_check int store_cmd_recordings(const struct word_cmd *c,
				    struct store_opened *s,
				    const struct store_query *q);

#endif
