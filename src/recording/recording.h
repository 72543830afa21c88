/*
 * recording - one exchange with an upstream, as it was.
 *
 *	struct recording r = { .op = STR("chat.completions"), ... };
 *
 *	r.response.body = everything that came, de-chunked and decoded;
 *	r.response.marks = when how much of it had come;
 *	(exact_write() makes a file of it, load_file() makes it of a file)
 *
 * The same struct serves both ways.  What a recorder must keep is the body's
 * bytes and, for each read, how far it got and when; the formats cut it into
 * events by themselves.  What a player gets is the body's bytes, whole, and a
 * mark for each event: an event's wire bytes are body[marks[i - 1].end ..
 * marks[i].end], to be sent marks[i].ms milliseconds after the one before.
 *
 * Slices belong to whoever filled the struct.
 */
#ifndef RECORDING_RECORDING_H
#define RECORDING_RECORDING_H

#include "http/head.h"

enum {
	RECORDING_FILE_MAX = 64 << 20, /* a larger file is not read */
	RECORDING_BODY_MAX = 64 << 20, /* nor a larger body written */
	RECORDING_EVENTS_MAX = 1 << 20,
	RECORDING_HEADERS_MAX = 64,
	RECORDING_NAME_MAX = 100, /* of a file */
	RECORDING_KEY_LEN = 64,
};

/* How a body is cut into events. */
enum recording_framing {
	RECORDING_WHOLE, /* not at all */
	RECORDING_SSE,
	RECORDING_NDJSON,      /* a JSON value per line (Ollama) */
	RECORDING_ARRAY,       /* one array that trickles in (Gemini) */
	RECORDING_EVENTSTREAM, /* application/vnd.amazon.eventstream */
};

enum recording_end {
	RECORDING_EOF,
	RECORDING_END_RESET,    /* the connection was reset */
	RECORDING_UNTERMINATED, /* closed without the last chunk */
	RECORDING_END_TIMEOUT,  /* the upstream said nothing more */
	RECORDING_CLIENT_ABORT, /* the client went: not replayed */
};

/* Why there was no answer at all. */
enum recording_fail {
	RECORDING_ANSWERED,
	RECORDING_REFUSED,
	RECORDING_DNS,
	RECORDING_TLS,
	RECORDING_TIMEOUT,
	RECORDING_RESET,
};

struct recording_mark {
	uint64_t end; /* bytes of the body that had come */
	uint32_t ms;  /* since the mark before, or the request was sent */
};

struct recording_request {
	struct str method;
	struct str path;     /* and query; without host */
	struct str upstream; /* the provider's id, or a base URL (ogx) */
	struct http_header *headers;
	size_t header_count;
	struct str body; /* JSON, or any bytes */
};

struct recording_response {
	enum recording_fail fail;
	uint32_t fail_ms; /* after so long */
	int status;
	struct http_header *headers; /* without framing: no content-length */
	size_t header_count;
	enum recording_framing framing;
	struct str body;
	struct recording_mark *marks;
	size_t mark_count;
	enum recording_end end;
	struct str sidecar; /* read: the body is in this file beside */
};

struct recording_meta {
	struct str recorded_at; /* RFC 3339 */
	struct str gateway;     /* the version that wrote it */
	struct str client_key;  /* of the client's request, for diagnosis */
	struct str chain;       /* which attempts belong together */
	int64_t attempt;        /* from 1 */
	int64_t tokens_in, tokens_out;
	int64_t connect_ms;
};

struct recording {
	struct str op;      /* "chat.completions", "models", ... */
	struct str key;     /* as the file says; keys are derived anew */
	struct str test_id; /* of OGX's files; "" for null or none */
	int64_t occ;        /* which of equal requests in the session */
	struct recording_request request;
	struct recording_response response;
	struct recording_meta meta;
	/* Set when read. */
	bool is_ogx;
	bool edited;   /* the body is not the one that was written */
	bool redacted; /* a secret was taken out of the body */
	bool stripped; /* padding was, see strip.h */
};

/* Why a file is not served; it is for people. */
struct recording_problem {
	char text[200];
};

enum {
	RECORDING_BAD = 1
};

/* Sets problem (unless NULL) and returns RECORDING_BAD. */
int recording_bad(struct recording_problem *problem, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* How a body of this content type is cut; body tells an array. */
enum recording_framing recording_framing_of(struct str content_type,
					    struct str body);

/* The words of the exact format for ends and failures; NULL when unknown. */
const char *recording_end_name(enum recording_end end);
const char *recording_fail_name(enum recording_fail fail);
const char *recording_framing_name(enum recording_framing framing);

/* The value of the first header of that name, in any case, or "". */
struct str recording_header(const struct http_header *headers, size_t count,
			    struct str name);

/*
 * A JSON text without the space between its tokens, in a; the source itself
 * when it has none.
 */
struct str recording_compact(struct str json, struct arena *a);

#endif
