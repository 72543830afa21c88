/*
 * frame - the frames of WebSocket (RFC 6455 section 5).
 *
 *	n = frame_parse(bytes, &f, &why);
 *	if (n > 0 && bytes.len - n >= f.len)
 *		frame_unmask(payload, f.len, f.mask);
 *
 *	head = frame_head(FRAME_TEXT, len, room);
 *
 * A server's side: frames that come are masked, those that go are not.  No
 * extension is known, so the reserved bits are zero.
 */
#ifndef HTTP_FRAME_H
#define HTTP_FRAME_H

#include "base/str.h"

enum frame_type {
	FRAME_MORE = 0x0, /* goes on with the message before */
	FRAME_TEXT = 0x1,
	FRAME_BINARY = 0x2,
	FRAME_CLOSE = 0x8,
	FRAME_PING = 0x9,
	FRAME_PONG = 0xa,
};

/* Why a connection is closed (RFC 6455 section 7.4.1). */
enum frame_close {
	FRAME_CLOSE_NORMAL = 1000,
	FRAME_CLOSE_AWAY = 1001, /* the server stops */
	FRAME_CLOSE_PROTOCOL = 1002,
	FRAME_CLOSE_UNSUPPORTED = 1003, /* binary, where text is spoken */
	FRAME_CLOSE_NONE = 1005,        /* no code was given; never sent */
	FRAME_CLOSE_NOT_TEXT = 1007,    /* not UTF-8 */
	FRAME_CLOSE_TOO_BIG = 1009,
};

enum {
	FRAME_HEAD_MAX = 10, /* of one that goes */
	FRAME_CONTROL_MAX = 125,
};

struct frame {
	enum frame_type type;
	bool is_last; /* of its message */
	uint64_t len; /* of the payload */
	uint8_t mask[4];
};

static inline bool frame_is_control(enum frame_type type)
{
	return type >= FRAME_CLOSE;
}

/*
 * Read the head of a frame.  Returns its length; 0 when more bytes are needed;
 * or -EPROTO with *why, a static text.
 */
must_check int frame_parse(struct str bytes, struct frame *out,
			   const char **why);

/* Undo the mask of a whole payload. */
void frame_unmask(char *payload, size_t len, const uint8_t mask[4]);

/* The head of a whole message's only frame, in out. */
struct str frame_head(enum frame_type type, uint64_t len,
		      char out[FRAME_HEAD_MAX]);

/*
 * The code that a close frame's payload gives: FRAME_CLOSE_NONE when it is
 * empty, 0 for a payload that is no such: one byte, a code that may not be
 * sent, or a reason that is not UTF-8.
 */
unsigned frame_close_code(struct str payload);

/* Is that UTF-8 from end to end? */
bool frame_is_text(struct str s);

#endif
