/*
 * recorder - a source that keeps what it passes on.
 *
 *	recorder_wrap(&x, request, &source);
 *
 * The bytes go on as they come; a copy of them is kept with the times, and made
 * a recording when the source is closed.  A body over RECORDING_BODY_MAX is not
 * kept, and said so; nor is one that was not read to its end.  With a recording
 * to compare with nothing is kept: the two are compared as soon as the last byte
 * has come.
 */
#ifndef CORE_RECORDER_H
#define CORE_RECORDER_H

#include "core/edge.h"
#include "core/source.h"
#include "provider/provider.h"

/* What the edge keeps of a request until its answer has come. */
struct recorder_request {
	struct recording recording; /* all but the response */
	struct str session, base_url;
	struct str ogx_body; /* as of library_query */
	struct str key;      /* that the client brought, not to be kept */
	struct library_found *found; /* to compare with, not to keep; or NULL */
	struct library *library;
	struct session *expects; /* library_expect() */
	int64_t start_ns;
	struct arena arena; /* owns all of it */
};

/* Nothing is to be kept of it.  From malloc(). */
void recorder_drop(struct recorder_request *req);

/* Takes over req, from malloc(), and *source, which becomes the recorder. */
void recorder_wrap(struct exchange *x, struct recorder_request *req,
		   struct source **source) __attribute__((noinline));

/*
 * No answer came: r and stage as of client_send().  What the client or quipu
 * itself ended is no failure of the upstream, and is not kept.
 */
void recorder_failed(struct task *t, struct exchange *x,
		     struct recorder_request *req, int r,
		     enum client_stage stage) __attribute__((noinline));

#endif
