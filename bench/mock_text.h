/*
 * mock_text - the bytes that the mock upstream answers with.
 *
 * They look like OpenAI's: the same members, about 240 bytes per event.  The
 * text of a token is the mock's monotonic time as 16 hex digits, so that the
 * load generator on the same machine can tell how long each event travelled.
 */
#ifndef BENCH_MOCK_TEXT_H
#define BENCH_MOCK_TEXT_H

#include "base/str.h"

enum {
	MOCK_TEXT_EVENT_MAX = 1024,
};

enum mock_text_event {
	MOCK_TEXT_ROLE,
	MOCK_TEXT_DELTA,
	MOCK_TEXT_FINISH,
	MOCK_TEXT_USAGE,
	MOCK_TEXT_DONE,
};

/* Fill the tables; call it once. */
void mock_text_init(void);

/* Whole answers, head and body. */
struct str mock_text_chat(void);
struct str mock_text_models(void);
struct str mock_text_not_found(void);

/* The head of a stream. */
struct str mock_text_stream_head(void);

/* One event as one chunk, the last with the end of the body. */
struct str mock_text_event(enum mock_text_event kind, int64_t now_ns,
			   char out[MOCK_TEXT_EVENT_MAX]);

#endif
