/*
 * run_verdict - what quipu run says at the end.
 */
#ifndef CLI_RUN_VERDICT_H
#define CLI_RUN_VERDICT_H

#include "core/verdict.h"

struct run_verdict {
	uint64_t totals[VERDICT_PARTS];
	int code;         /* the smallest that is not 0 */
	struct buf lines; /* of what is not well */
	struct buf junit;
	bool is_full; /* a line did not fit */
};

void run_verdict_init(struct run_verdict *r);
void run_verdict_fini(struct run_verdict *r);

/* For library_finish_all(). */
void run_verdict_add(void *run_verdict, const struct verdict *v);

/* To standard error, in colour when asked for. */
void run_verdict_print(const struct run_verdict *r, const char *mode,
		       bool colour);

/* JUnit's XML of all sessions.  Returns 0 or -errno. */
must_check int run_verdict_save(const struct run_verdict *r, const char *path);

#endif
