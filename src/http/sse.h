/*
 * sse - a pull parser for Server-Sent Events that keeps the bytes.
 *
 *	sse_init(&p, 1 << 20);
 *	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
 *		if (sse_feed(&p, (struct str){ chunk, n }) < 0)
 *			break;
 *		while ((r = sse_next(&p, &ev)) > 0)
 *			use(ev.type, ev.data, ev.raw);
 *	}
 *	sse_fini(&p);
 *
 * The parser does no I/O: bytes go in through sse_feed(), in pieces of any size,
 * and events come out of sse_next().  Where a piece ends never changes which
 * events come out.  The format is that of WHATWG HTML, section 9.2.6.
 *
 * All raw spans put together are all bytes fed but for an unfinished event:
 * comments and blocks without data come out as well, as SSE_OTHER.  When an
 * event ends in CR and nothing has come after it, it is not held back to see
 * whether an LF follows; that LF is then an SSE_OTHER of its own.
 */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "base/buf.h"

enum {
	SSE_EVENT = 1,
	SSE_OTHER = 2
};

struct sse_event {
	struct str type; /* "message" unless the stream says otherwise */
	struct str data; /* the data lines, joined by newlines */
	struct str
		raw; /* the event's bytes, with the blank line that ends it */
	/*
	 * Where data[0] stands in raw, when the event has exactly one data
	 * line (and a colon in it), so that data can be edited in place; else
	 * SIZE_MAX.
	 */
	size_t data_at;
};

struct sse_parser {
	struct buf in; /* bytes fed and not dropped yet */
	size_t max;
	size_t start; /* of the event being built */
	size_t at;    /* of the line being read */
	size_t scan;  /* in is searched for line ends up to here */
	/* Fields of the event being built; places count from its start. */
	size_t type_at, type_len;
	size_t line_at, line_len; /* its first data line */
	size_t data_lines;
	struct buf data; /* all of them, when there are several */
	bool begun;      /* the stream's first bytes were looked at for a BOM */
	bool has_colon;  /* the first data line does */
	bool skip_lf;    /* the last line ended in CR: an LF may follow */
};

/* No event, and no line, may be longer than max bytes. */
void sse_init(struct sse_parser *p, size_t max);
void sse_fini(struct sse_parser *p);

/*
 * Returns 0, or -EMSGSIZE when a line or an event is too long.  Ask sse_next()
 * until it has no more before the next piece: what waits counts as one event.
 */
must_check int sse_feed(struct sse_parser *p, struct str bytes);

/*
 * Returns SSE_EVENT, SSE_OTHER (only raw is set), or 0 when more bytes are
 * needed.  The slices in ev are valid until the next call on p.  -EMSGSIZE is
 * what the next sse_feed() would say, or that an event in a piece longer than
 * the limit is over it.
 */
must_check int sse_next(struct sse_parser *p, struct sse_event *ev);

/*
 * Where byte at of an event's data stands in its raw bytes, also when it has
 * several data lines; at is that of a byte, not of a newline that joins two.
 */
size_t sse_raw_at(const struct sse_event *ev, size_t at);

/* Bytes of an event that has begun and not ended; "" when none. */
struct str sse_rest(const struct sse_parser *p);

/* Give memory back while the stream is quiet; only when sse_rest() is "". */
void sse_relax(struct sse_parser *p);

#endif
