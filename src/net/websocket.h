/*
 * websocket - a client's connection, once it speaks WebSocket (RFC 6455).
 *
 *	r = websocket_accept(t, req, MESSAGE_MAX, &ws);
 *	while ((r = websocket_receive(t, &ws, deadline, &text)) == 0)
 *		r = websocket_send(t, &ws, answer(text));
 *	websocket_close(t, &ws, FRAME_CLOSE_NORMAL, STR_NULL);
 *
 * The server's side, with no extensions and no subprotocol.  Messages are text.
 * Pings are answered whenever the connection is read: by websocket_receive(),
 * and by websocket_poll() while the handler is busy with something else.  What
 * the peer does wrong is told to it in a close frame, by these functions.  A
 * close frame counts as soon as it is read: messages before it that nobody has
 * received are gone.
 *
 * One task uses it, the request's.
 */
#ifndef NET_WEBSOCKET_H
#define NET_WEBSOCKET_H

#include "http/frame.h"
#include "net/reply.h"

enum {
	WEBSOCKET_CLOSED = 1, /* by the peer, or for what it did */
	WEBSOCKET_REFUSED = 2,
	WEBSOCKET_SERVER_ENDS = 3,
};

struct websocket {
	struct request *req;
	size_t message_max; /* bytes */
	struct buf in;      /* read, not taken */
	size_t taken;       /* of in, by the message that was given out */
	struct buf message; /* in fragments, so far */
	bool in_fragments;
	bool closed; /* our close frame was sent, or the stream failed */
	bool heard;  /* all the peer has to say: its close frame, or its end */
	unsigned peer_code; /* of the peer's close frame; 0: none came */
};

/* Does the request ask for WebSocket? */
bool websocket_is_asked(const struct request *req);

/*
 * Answer 101, or return WEBSOCKET_REFUSED with *fault for the handler to answer
 * (400; 426 for another version, which needs the header sec-websocket-version:
 * 13), or -errno.  After 0, websocket_close() ends it.
 */
must_check int websocket_accept(struct task *t, struct request *req,
				size_t message_max, struct http_fault *fault,
				struct websocket *out);

/*
 * The next message, which lives until the next call of any of these; waits until the deadline
 * for its first byte and all others.  Returns 0, WEBSOCKET_CLOSED,
 * WEBSOCKET_SERVER_ENDS when there is none and the server shuts down,
 * -ETIMEDOUT, or -errno.
 */
must_check int websocket_receive(struct task *t, struct websocket *ws,
				 int64_t deadline_ns, struct str *message);

/*
 * Answer what pings have come, without waiting for anything; a message that has
 * come stays for websocket_receive(), and bytes beyond one stay in the socket.
 * Returns 0, WEBSOCKET_CLOSED, or -errno.
 */
must_check int websocket_poll(struct task *t, struct websocket *ws);

/* Send a text message: 0 or -errno. */
must_check int websocket_send(struct task *t, struct websocket *ws,
			      struct str text);

/*
 * Say why, unless that was said, and wait shortly for the peer's answer.  The
 * reason is at most 123 bytes of UTF-8.  Frees what ws holds.
 */
void websocket_close(struct task *t, struct websocket *ws, unsigned code,
		     struct str reason);

#endif
