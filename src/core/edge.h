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

struct library;
struct recorder_request;

/* What happens when there is a recording, and when there is none. */
enum edge_mode {
	EDGE_OFF,     /* live; live */
	EDGE_RECORD,  /* live and kept; live and kept */
	EDGE_AUTO,    /* played; live and kept */
	EDGE_REPLAY,  /* played; an error: no socket is opened, ever */
	EDGE_SPY,     /* played; live, not kept */
	EDGE_REFRESH, /* live and kept when old or edited, else played; kept */
	EDGE_VERIFY,  /* live and compared; told */
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
};

enum {
	EDGE_ID_MAX = 160,
};

struct edge {
	struct library *library;
	enum edge_mode mode;
	struct str session; /* or test id; "" is none */
	bool strict;        /* only the first tier, edited files are errors */
	bool skip;          /* as if there were no recordings */
	struct playback playback;

	struct recorder_request *pending; /* private */

	/* Set by each attempt. */
	enum edge_status status;
	struct str id; /* the recording's file, in the request's arena */
	struct str key;
	const char *match; /* "exact", "normalised", ...; or NULL */
	int64_t age_s;     /* of the recording; -1: unknown */
};

/* By the names of the modes; false for another text. */
bool edge_mode_parse(struct str text, enum edge_mode *out);
const char *edge_mode_name(enum edge_mode mode);
const char *edge_status_name(enum edge_status status);

/* Was the last attempt's answer a recording?  e may be NULL. */
bool edge_is_played(const struct edge *e);

#endif
