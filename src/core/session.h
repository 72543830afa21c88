/*
 * session - what a session of recordings has seen; private to the library.
 *
 * One per name, kept until the process ends or the session is begun anew; all
 * functions may be called by several threads.
 */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include "base/map.h"
#include "core/library.h"
#include "recording/idmap.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	SESSIONS_MAX = 100000,
	SESSION_NOTES_MAX = 1000,  /* of each kind; more are counted only */
	SESSION_NOTE_BYTES = 2000, /* of one; the rest is cut off */
};

enum session_note {
	SESSION_SERVED,
	SESSION_MISSED,
	SESSION_EXHAUSTED,
	SESSION_EDITED,
	SESSION_STALE,
	SESSION_RECORDED,
	SESSION_LOST, /* could not be written */
	SESSION_VERIFIED,
	SESSION_DIFFERS, /* from what was recorded */
	SESSION_LIVE,    /* not known, asked upstream and not kept */
	SESSION_NOTES
};

struct session_list {
	struct str *texts; /* owned */
	size_t count;
	uint64_t total;
};

struct session {
	struct str name;   /* as the client said it */
	struct str folder; /* of its recordings */
	_Atomic uint64_t releases;
	/* Below: under the set's lock. */
	struct library_rules rules;
	bool is_over;    /* finished, and nothing asked since */
	size_t expected; /* answers on their way that are to be kept */
	struct session_list notes[SESSION_NOTES];
	unsigned next_number;   /* of a file; 0: not counted yet */
	struct map occurrences; /* key to how many were recorded */
	struct map written;     /* names of files */
	struct idmap ids;       /* of recordings, and of this session */
	struct session *next;
};

struct session_set {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* expected */
	struct map by_name;
	struct session *first;
	struct session other; /* of the names that are too many */
};

void session_set_init(struct session_set *s);
void session_set_fini(struct session_set *s);

/* The session of that name, made when there is none; never NULL. */
struct session *session_get(struct session_set *s, struct str name);

/* The session of that name, or NULL. */
struct session *session_find(struct session_set *s, struct str name);

/* The one made last; the others follow by next.  NULL: none. */
struct session *session_newest(struct session_set *s);

/* Forget what it has seen. */
void session_begin(struct session_set *s, struct session *session,
		   const struct library_rules *rules);
void session_end(struct session_set *s, struct session *session);
bool session_is_over(struct session_set *s, struct session *session);

struct library_rules session_rules(struct session_set *s,
				   struct session *session);

/* An answer that is to be kept comes, by 1; or has come or gone, by -1. */
void session_expect(struct session_set *s, struct session *session, int by);

/* Wait, for seconds at most, until none is expected. */
void session_wait(struct session_set *s, struct session *session, int seconds);

void session_note(struct session_set *s, struct session *session,
		  enum session_note kind, struct str text);

/* Which recording of that key this is, from 1. */
int64_t session_occurrence(struct session_set *s, struct session *session,
			   struct str key);

/*
 * The ids of two equal request bodies stand for each other from here on.
 * Returns as idmap_learn().
 */
must_check int session_unify(struct session_set *s, struct session *session,
			     struct str recorded, struct str live);

/* Put the session's ids into a recorded answer, as idmap_apply(). */
void session_rename(struct session_set *s, struct session *session,
		    struct recording *r, struct arena *a);

/* A file was written; was it, in this run? */
void session_wrote(struct session_set *s, struct session *session,
		   struct str name);
bool session_has_written(struct session_set *s, struct session *session,
			 struct str name);

/* What was noted of a kind, in a; the number of all is set. */
struct session_list session_notes(struct session_set *s,
				  struct session *session,
				  enum session_note kind, struct arena *a);

#endif
