/*
 * miss - why there is no recording, and what to do about it.
 *
 *	miss_explain(&(struct miss_input){ .index = ix, .query = &query,
 *					   .op = op, .request = &request },
 *		     arena, &report);
 *	answer 422 with report.text
 *
 * It reads up to MISS_READ_MAX recordings from disk: it is for the rare path, and
 * blocks as file_load() does.  What it shows of requests has its secrets
 * redacted.
 */
#ifndef RECORDING_MISS_H
#define RECORDING_MISS_H

#include "recording/index.h"

enum {
	MISS_NEAR_MAX = 3,
	MISS_READ_MAX = 128,
};

enum miss_cause {
	MISS_NOT_RECORDED,
	MISS_EXHAUSTED,     /* it was, but not as often as it is asked for */
	MISS_OTHER_SESSION, /* the same request is there in another one */
	MISS_TRANSLATION,   /* the client asks the same, quipu sends another */
	MISS_CHANGING,      /* only ids or times differ */
};

struct miss_input {
	struct index *index;
	const struct index_query *query;
	struct str op;
	const struct recording_request *request; /* as it would be sent */
	struct str client_key;                   /* or "" */
	bool exhausted;                          /* index_take() said so */
};

struct miss_near {
	struct str path;     /* of the recording */
	size_t differences;  /* at most DIFFER_COUNT_MAX */
	struct str pointer;  /* of the first: "/messages/2/content" */
	struct str was, now; /* "" when it is not there */
};

struct miss_report {
	enum miss_cause cause;
	struct str other; /* MISS_OTHER_SESSION: the path of that recording */
	struct miss_near near[MISS_NEAR_MAX]; /* the nearest first */
	size_t near_count;
	struct str why;  /* a sentence */
	struct str fix;  /* what to type, or to change */
	struct str text; /* all of the above, several lines */
};

/* All texts are in a. */
void miss_explain(const struct miss_input *input, struct arena *a,
		  struct miss_report *out);

/* "not_recorded", ... */
const char *miss_cause_name(enum miss_cause cause);

#endif
