/*
 * body - the body of a message: its framing and its coding undone.
 *
 *	body_start(&b, &head, z);
 *	r = body_feed(&b, ptr, n);	bytes of the socket, changed in place
 *	r = body_take(&b, &block, &data);
 *	... body_end(&b) at the end of the stream
 *
 * All content of one feed comes out as one slice: the chunks of a chunked body
 * are pushed together where they are, so that what one read brought is handed
 * on by one write.  Does no I/O and takes no memory of its own.
 */
#ifndef NET_BODY_H
#define NET_BODY_H

#include "http/chunk.h"
#include "http/head.h"
#include "net/inflate.h"

struct body {
	enum http_framing framing;
	uint64_t length; /* of HTTP_BODY_LENGTH */
	uint64_t left;
	struct chunk_decoder chunks;
	struct str
		content;   /* unframed, not taken yet; in the caller's memory */
	struct inflate *z; /* owned; NULL: no coding to undo */
	bool pending;      /* z may give more without new bytes */
	bool ended;        /* the framing's end was seen */
	size_t extra;      /* bytes came after it: the last ones fed */
};

/* Room for what z makes; not needed without z. */
struct body_room {
	char *ptr;
	size_t cap;
};

/* z may be NULL; the body owns it. */
void body_start(struct body *b, const struct http_head *head,
		struct inflate *z);
void body_fini(struct body *b);

/*
 * Bytes of the stream.  They are moved about within ptr[0..len) and must stay
 * until their content was taken.  All content was taken before.  Returns 0 or
 * -EPROTO.
 */
must_check int body_feed(struct body *b, char *ptr, size_t len);

/* The stream has ended: 0 when the body may end so, or -ECONNRESET. */
must_check int body_end(struct body *b);

/* Is there content or the end to take without feeding. */
bool body_is_ready(const struct body *b);

/*
 * The next content, in what was fed or in room; *data is empty when more bytes
 * are needed, or at the end when b->ended.  Returns 0, -EPROTO or -EMSGSIZE.
 */
must_check int body_take(struct body *b, struct body_room room,
			 struct str *data);

#endif
