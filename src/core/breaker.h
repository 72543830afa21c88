/*
 * breaker - which targets of a worker fail, and when to try them again.
 *
 *	if (breaker_admits(breaker_find(&worker->breakers, key), now))
 *		...
 *	breaker_begin(&worker->breakers, key, now, &attempt);
 *	(the attempt)
 *	breaker_end(&worker->breakers, key, now, &attempt, BREAKER_BAD);
 *
 * A target is a model of a provider; its key is "provider_id/model", or "" for
 * what is not watched.  A breaker
 * is closed until the target could not be reached three times in a row, or half
 * of at least ten answers of ten seconds were 5xx or 429, or the target asked
 * for a pause with Retry-After.  Open, it admits nothing for 2 s, then one
 * attempt at a time: a good one closes it, a bad one opens it for twice as long,
 * up to a minute.  A target that never failed has no breaker and costs nothing.
 *
 * Whoever has no other target may ask all the same: a breaker says where not to
 * go first, never that there is nowhere to go.
 */
#ifndef CORE_BREAKER_H
#define CORE_BREAKER_H

#include "base/clock.h"
#include "base/map.h"

enum {
	BREAKERS_MAX = 1024, /* of a worker; further targets are not watched */
	BREAKER_ROW_MAX = 3,
	BREAKER_SAMPLE_MIN = 10,
	BREAKER_BAD_PERCENT = 50,
	BREAKER_PROBES_MAX = 1,
};

#define BREAKER_WINDOW_NS      (10 * CLOCK_S)
#define BREAKER_PAUSE_FIRST_NS (2 * CLOCK_S)
#define BREAKER_PAUSE_MAX_NS   (60 * CLOCK_S)
#define BREAKER_ASKED_MAX_NS   (3600 * CLOCK_S) /* by Retry-After */

enum breaker_sign {
	BREAKER_NONE,        /* it is not known: the client hung up */
	BREAKER_GOOD,        /* an answer, also one that blames the request */
	BREAKER_BAD,         /* an answer that blames the target */
	BREAKER_UNREACHABLE, /* no answer */
};

struct breaker {
	struct str key;        /* owned */
	bool open;             /* or half-open, once until_ns has passed */
	unsigned row;          /* not reached, one after the other */
	unsigned good, bad;    /* since window_ns */
	unsigned probes;       /* under way */
	int64_t window_ns;     /* when the counting began */
	int64_t opened_ns;     /* the last time */
	int64_t closed_ns;     /* the last time */
	int64_t until_ns;      /* open: when the next attempt may go */
	int64_t pause_ns;      /* of the last opening */
	enum breaker_sign why; /* it was opened */
};

struct breakers {
	struct map by_key;
	uint64_t opened; /* how often one was, so far */
	uint64_t open;   /* how many are now, or are half-open */
};

/* One attempt; the caller's, from begin to end. */
struct breaker_attempt {
	int64_t began_ns;
	bool probe;
};

void breaker_fini(struct breakers *all);

/* Forget all: a new configuration. */
void breaker_clear(struct breakers *all);

/* NULL when nothing bad is known of the target. */
struct breaker *breaker_find(const struct breakers *all, struct str key);

/* May an attempt go there?  b may be NULL: yes. */
bool breaker_admits(const struct breaker *b, int64_t now_ns);

/* When one may: a time of the past when one may now. */
int64_t breaker_due(const struct breaker *b);

/* An attempt is made, whether admitted or not. */
void breaker_begin(struct breakers *all, struct str key, int64_t now_ns,
		   struct breaker_attempt *out);

/* How it went.  A failure of a target that has no breaker makes one. */
void breaker_end(struct breakers *all, struct str key, int64_t now_ns,
		 struct breaker_attempt *attempt, enum breaker_sign sign);

/* The target has asked for a pause (Retry-After): open until then. */
void breaker_pause(struct breakers *all, struct str key, int64_t now_ns,
		   int64_t pause_ns);

/* "closed", "open", "half_open" */
const char *breaker_state(const struct breaker *b, int64_t now_ns);

#endif
