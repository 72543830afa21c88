/*
 * library - the recordings of this process: found, played, kept.
 *
 *	r = library_open(&cfg, &library, &messages);
 *
 *	r = library_find(t, library, &query, arena, &found, &error);
 *	(play found.recording)
 *	library_done(&found);
 *
 *	library_keep(library, &job);
 *
 * One for all workers.  Files are read and written by threads: looking up
 * suspends the task, keeping hands over and goes on.  What cannot be written is
 * said in the log and in the session's verdict; requests go on.
 */
#ifndef CORE_LIBRARY_H
#define CORE_LIBRARY_H

#include "config/config.h"
#include "core/edge.h"
#include "io/task.h"
#include "llm/error.h"

/* The code of the error that says that there is no recording. */
#define LIBRARY_MISS "replay_miss"

enum library_exhausted {
	LIBRARY_ERROR, /* a request more than recorded is a miss */
	LIBRARY_LAST,  /* the last answer again */
	LIBRARY_CYCLE, /* from the first again */
};

struct library_cfg {
	struct str dir;
	enum edge_mode mode;
	struct str speed, ttft, segment, fault; /* see playback_set() */
	bool write_ogx;
	bool strict;     /* how sessions are judged */
	bool may_record; /* false: CI, unless told otherwise */
	enum library_exhausted on_exhausted;
	int miss_status;
	int64_t max_age_ns;
};

struct library;
struct session; /* core/session.h */

/* What a session has instead of the configuration. */
struct library_rules {
	bool has_mode, has_strict;
	enum edge_mode mode;
	bool strict;
};

/*
 * As the configuration says; is_ci: the variable CI is set.  Sets *out to NULL
 * when there are to be no recordings.  Returns as library_open().
 */
must_check int library_from_config(const struct config *config, bool is_ci,
				   struct library **out, struct buf *messages);

/*
 * Load the folder, which is made when something is to be recorded.  Files that
 * are no recordings are told in messages, and left out.  Returns 0, or -1 when
 * there is no such folder to replay from.
 */
must_check int library_open(const struct library_cfg *cfg, struct library **out,
			    struct buf *messages);

/*
 * Take in what has come into the folder since; blocks.  Returns how many
 * recordings there are more; messages as of library_open().  NULL is fine.
 */
size_t library_reload(struct library *l, struct buf *messages);

/* Waits for what is to be written.  NULL is fine. */
void library_close(struct library *l);

/*
 * The edge, in a, of quipu's own requests, for lists of models: as configured,
 * in the session "_shared".  NULL when l is, or when it plays no part.
 */
struct edge *library_edge(struct library *l, struct arena *a);

/* How many recordings there are. */
size_t library_count(const struct library *l);

enum edge_mode library_mode(const struct library *l);
const struct playback *library_playback(const struct library *l);

struct library_query {
	struct str op;
	struct str base_url; /* of the provider, for OGX's keys */
	const struct recording_request *request;
	struct str ogx_body; /* what OGX would have sent; "": the same */
	struct edge *edge;
	struct arena *arena; /* for what the edge is told */
};

struct library_found {
	struct recording *recording;
	int64_t occurrence; /* which of equal requests this is */
	void *private;      /* for library_done() */
};

/*
 * Find and take the recording for a request, and set the edge's status, id, key,
 * match and age; of a request too many, which of equal ones it is.  Returns 0, or
 * API_FAIL with a miss that explains itself.
 */
must_check int library_find(struct task *t, struct library *l,
			    const struct library_query *q,
			    struct library_found *out, struct api_error *error);
void library_done(struct library_found *found);

/*
 * May a request that has no recording go to the network?  Not in mode replay,
 * nor in mode auto where CI is set and recordings.in_ci is not.
 */
bool library_goes_live(const struct library *l, const struct edge *e);

/*
 * Compare the answer that has come with the one that was found, tell the log and
 * the session, and set the edge's status.
 */
void library_verify(struct library *l, const struct library_found *found,
		    const struct recording *now, struct edge *edge);

/* Is what the session holds released? */
bool library_released(const struct library_found *found);

/* An exchange that is over; the library takes arena, body and marks over. */
struct library_job {
	struct recording recording;   /* occ 0: the next of equal ones */
	struct str session, base_url; /* in the arena, as is ogx_body */
	struct str ogx_body;          /* as of library_query */
	struct str key;               /* the client's own, not to be kept */
	struct arena arena;
	struct buf body, marks;
};

void library_keep(struct library *l, const struct library_job *job);

/*
 * An answer that is to be kept is on its way: library_finish() waits for it.
 * After library_keep(), or when there is none: library_expected().
 */
struct session *library_expect(struct library *l, struct str session);
void library_expected(struct library *l, struct session *session);

/* Say in the log and the session's verdict that an exchange is not kept. */
void library_lost(struct library *l, struct str session, const char *why);

#endif
