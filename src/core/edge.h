/*
 * edge - what recordings do with one request at the upstream's edge.
 *
 * Between a provider's translated request and the network: each attempt is looked
 * up, played, recorded or both, as its mode says.  Routing, retries, failover and
 * translation above it run for real either way.  A request without an edge
 * (exchange->edge NULL) pays nothing for all this.
 */
#ifndef CORE_EDGE_H
#define CORE_EDGE_H

#include "recording/playback.h"

struct json;
struct library;
struct library_found;
struct recorder_request;

/* What happens when there is a recording, and when there is none. */
enum edge_mode {
	EDGE_OFF,     /* live; live */
	EDGE_RECORD,  /* live and kept; live and kept */
	EDGE_AUTO,    /* played; live and kept */
	EDGE_REPLAY,  /* played; an error: no socket is opened, ever */
	EDGE_SPY,     /* played; live, not kept */
	EDGE_REFRESH, /* live and kept when old or edited, else played; kept */
	EDGE_VERIFY,  /* live and compared; live, and told */
};

enum edge_status {
	EDGE_NONE, /* nothing was looked up */
	EDGE_HIT,
	EDGE_MISS,
	EDGE_RECORDED,
	EDGE_LIVE,
	EDGE_STALE,
	EDGE_EXHAUSTED,
	EDGE_EDITED,
	EDGE_VERIFIED, /* live, and as recorded */
	EDGE_DIFFERS,  /* live, and not as recorded */
};

struct edge {
	struct library *library;
	enum edge_mode mode;
	struct str session; /* or test id; "" is none */
	bool strict;        /* only the first tier; edited files are no hits */
	bool skip;          /* live, not kept: as if there were no recordings */
	struct playback playback;
	/*
	 * The request's body as OGX would have asked, where that is another: for
	 * the names of its recordings alone.  The caller's; NULL: the same.
	 */
	const struct json *ogx_doc;

	/* Private. */
	struct recorder_request *pending;
	struct library_found *found; /* what the answer is compared with */

	/* Set by each attempt. */
	enum edge_status status;
	int64_t occ;   /* of equal requests, what is kept; 0: the next */
	struct str id; /* the recording's file, in the request's arena */
	struct str key;
	const char *match; /* "exact", "normalised", ...; or NULL */
	int64_t age_s;     /* of the recording; -1: unknown */
};

/* By the names of the modes; false for another text. */
bool edge_mode_parse(struct str text, enum edge_mode *out);
const char *edge_mode_name(enum edge_mode mode);
const char *edge_status_name(enum edge_status status);

/* Does the mode look for a recording; does it keep what it has not played? */
bool edge_looks_up(const struct edge *e);
bool edge_keeps(const struct edge *e);

/* Is the recording that was found, by its status, to be played? */
bool edge_plays(const struct edge *e);

/* Was the last attempt's answer a recording?  e may be NULL. */
bool edge_is_played(const struct edge *e);

/* Is the last attempt's answer being kept?  e may be NULL. */
bool edge_is_recorded(const struct edge *e);

#endif
