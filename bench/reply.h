/*
 * reply - reads HTTP/1.1 answers, whole or streamed, and checks them.
 *
 *	struct reply r;
 *
 *	reply_start(&r);
 *	n = reply_feed(&r, bytes, now_ns, on_event, arg);
 *	if (n < 0 || (reply_is_done(&r) && r.status != 200))
 *		count_an_error();
 *
 * This is deliberately not quipu's own parser: what measures must not share
 * the mistakes of what is measured.  It accepts what a correct server sends.
 * Memory is bounded: a head or a line of a stream over REPLY_TEXT_MAX bytes is
 * an error.
 */
#ifndef BENCH_REPLY_H
#define BENCH_REPLY_H

#include "base/str.h"

enum {
	REPLY_TEXT_MAX = 8192,
	REPLY_LINE_MAX = 32,
};

enum reply_state {
	REPLY_HEAD,
	REPLY_BODY,       /* Content-Length */
	REPLY_CHUNK_SIZE, /* chunked: the line with the size */
	REPLY_CHUNK_DATA,
	REPLY_CHUNK_END, /* CR LF after the data */
	REPLY_TRAILER,
	REPLY_DONE,
};

struct reply {
	enum reply_state state;
	int status;
	bool is_stream; /* text/event-stream */
	bool is_done;   /* a stream: its last event was seen */
	bool must_close;
	int64_t left;       /* of the body or chunk */
	int64_t body_bytes; /* so far */
	int64_t events;     /* "data:" lines so far, [DONE] too */
	/* The head that is being read, later the line of a stream. */
	size_t text_len;
	char text[REPLY_TEXT_MAX];
	/* The line of the chunked framing that is being read. */
	size_t line_len;
	char line[REPLY_LINE_MAX];
};

/* Called for each event; sent_ns is the mock's own time in it, or 0. */
typedef void reply_event_fn(void *arg, int64_t sent_ns);

void reply_start(struct reply *r);

/*
 * Take bytes.  Returns how many were used, which is all of them unless the
 * answer is done, or -EPROTO.  fn may be NULL.
 */
must_check int64_t reply_feed(struct reply *r, struct str bytes,
			      reply_event_fn *fn, void *arg);

static inline bool reply_is_done(const struct reply *r)
{
	return r->state == REPLY_DONE;
}

/* Done, 200, and if it was a stream, with its last event. */
static inline bool reply_is_good(const struct reply *r)
{
	return reply_is_done(r) && r->status == 200 &&
	       (!r->is_stream || r->is_done);
}

#endif
