/*
 * completion - what the store keeps, and how it is asked for.
 */
#ifndef STORE_COMPLETION_H
#define STORE_COMPLETION_H

#include "base/arena.h"

enum {
	STORE_PRODUCERS_MAX = 256,
	STORE_LIMIT_MAX = 100, /* rows of a page */
	STORE_FILTERS_MAX = 16,
	STORE_ROW_BYTES_MAX = 64 << 20,
	STORE_TEXT_MAX = 1024, /* of an id, owner, model, provider, user */
};

enum store_status {
	STORE_COMPLETED,
	STORE_CANCELLED, /* the client went away */
	STORE_FAILED,    /* the upstream did */
	STORE_STATUSES,
};

/*
 * A chat completion.  JSON is kept as the bytes that it is given as, and was
 * checked by the caller; empty is "none".
 */
struct store_completion {
	struct str id;
	struct str owner;
	int64_t created;   /* seconds, as the client was told */
	int64_t seq;       /* given by the store; (created, seq) is the order */
	int64_t stored_at; /* seconds; 0 when it is put: now */
	struct str model_asked;
	struct str model_served;
	struct str provider;
	enum store_status status;
	struct str request;  /* "messages", the client's bytes */
	struct str params;   /* JSON object: the request's other members */
	struct str choices;  /* JSON array */
	struct str usage;    /* JSON object */
	struct str extra;    /* JSON object: what else the object shows */
	struct str metadata; /* JSON object of strings */
	struct str user;
	int64_t first_byte_us; /* after the request came; -1: never */
	int64_t total_us;
};

struct store_filter {
	struct str key, value;
};

struct store_query {
	struct str owner;
	struct str after; /* an id: the rows behind it, in this order */
	struct str
		before; /* an id: the rows just ahead of it; not with after */
	unsigned limit; /* 1 to STORE_LIMIT_MAX */
	bool newest_first;
	struct str model; /* the one asked for; empty: any */
	struct store_filter metadata[STORE_FILTERS_MAX]; /* all must match */
	size_t metadata_count;

	/* For an export: the rows of all owners behind a sequence, by sequence. */
	bool walk;         /* no cursors, no newest_first */
	bool one_owner;    /* but only those of owner */
	int64_t after_seq; /* 0: from the first */

	/* Created from since on, and before until; 0: any. */
	int64_t since, until;
};

/* What store_expire() deletes: completions, responses, conversations. */
struct store_expiry {
	int64_t before;    /* rows that were written before that second */
	int64_t bytes_max; /* the oldest, while more is kept; 0: no limit */
	unsigned max;      /* rows of this call */
};

/* Into how many parts the time is cut in which the oldest are looked for. */
enum {
	STORE_SLICES = 8
};

#endif
