/*
 * verdict - what became of a session of recordings.
 *
 *	library_begin(l, name, &rules);
 *	(requests)
 *	library_finish(l, name, arena, &verdict);
 *	if (verdict_code(&verdict) != 0)
 *		tell(verdict.parts[VERDICT_MISSED]);
 *
 * All functions of the library here may block: they are for threads.
 */
#ifndef CORE_VERDICT_H
#define CORE_VERDICT_H

#include "core/library.h"
#include "json/writer.h"

enum {
	VERDICT_SERVED,
	VERDICT_MISSED, /* explained */
	VERDICT_EXHAUSTED,
	VERDICT_EDITED,
	VERDICT_STALE,
	VERDICT_RECORDED,
	VERDICT_LOST,
	VERDICT_VERIFIED,
	VERDICT_DIFFERS,
	VERDICT_LIVE,
	VERDICT_UNUSED,  /* recordings that nobody asked for */
	VERDICT_REMOVED, /* since they were not recorded again */
	VERDICT_PARTS
};

/* Of each kind up to SESSION_NOTES_MAX, and how many there were. */
struct verdict_part {
	struct str *texts;
	size_t count;
	uint64_t total;
};

struct verdict {
	struct str session, folder;
	enum edge_mode mode;
	bool strict;
	bool is_over;
	struct verdict_part parts[VERDICT_PARTS];
};

/*
 * 0 when all is well; 1 when a request had no recording, or one could not be
 * written; and when strict 2 when a recording was not used, 3 when one is edited
 * or too old; 4 when an answer differs from its recording (mode verify).  The
 * smallest that holds.
 */
int verdict_code(const struct verdict *v);

/* "ok", "unmatched", "unused", "stale", "drift". */
const char *verdict_word(int code);

/* A part's name: "served". */
struct str verdict_part_name(size_t part);

/* An object, as docs/testing.md has it. */
void verdict_write(const struct verdict *v, struct json_writer *w);

/*
 * JUnit's XML: an element testsuite; a testcase for each recording and each
 * request that had none.  Returns 0, or -EMSGSIZE.
 */
must_check int verdict_junit(const struct verdict *v, struct buf *out);

/* The two ends of a document of testsuites. */
#define VERDICT_JUNIT_HEAD \
	STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n")
#define VERDICT_JUNIT_TAIL STR("</testsuites>\n")

/* Begin a session, or begin it anew: nothing was asked, nothing served. */
void library_begin(struct library *l, struct str session,
		   const struct library_rules *rules);

/* What was said when it was begun; all false when nothing was.  For tasks. */
struct library_rules library_rules(struct library *l, struct str session);

/* As it is now, in a.  False: there is no such session. */
bool library_look(struct library *l, struct str session, struct arena *a,
		  struct verdict *out);

/*
 * As library_look(), when all is on disk that its requests so far brought; for
 * those that run still it waits five seconds.  A session that was recorded (mode
 * record) loses the recordings that were not made again, unless none was made or
 * one could not be written.
 */
bool library_finish(struct library *l, struct str session, struct arena *a,
		    struct verdict *out);

/* Let go what x-replay-hold holds in a session.  False: there is none. */
bool library_release(struct library *l, struct str session);

/* Finish all sessions of quipu's clients; for the end of a run. */
void library_finish_all(struct library *l,
			void (*fn)(void *arg, const struct verdict *v),
			void *arg);

#endif
