/*
 * cassette - the files of other recorders: VCR's YAML and HAR.
 *
 *	r = cassette_open(text, arena, &c, &problem);
 *	while ((r = cassette_next(&c, arena, &recording, &problem)) != CASSETTE_END)
 *		...
 *	cassette_close(&c);
 *
 * Read are the cassettes of vcrpy, of VCR for Ruby and of go-vcr (YAML or JSON),
 * and HAR 1.2.  Bodies are kept as they are; base64 is undone, and so are gzip,
 * deflate and zstd, since a recording has the decoded body.  Headers come as they
 * are, secrets and all: secret_clean() and secret_keep_headers() are the
 * caller's.
 */
#ifndef RECORDING_CASSETTE_H
#define RECORDING_CASSETTE_H

#include "base/buf.h"
#include "recording/recording.h"
#include "json/json.h"

enum {
	CASSETTE_END = 2
};

struct cassette {
	struct buf text; /* JSON, when it was YAML */
	struct json doc;
	uint32_t next; /* an exchange */
	bool is_har;
};

/* 0, or RECORDING_BAD with *problem; then nothing is to be closed. */
must_check int cassette_open(struct str text, struct cassette *out,
			     struct recording_problem *problem);
void cassette_close(struct cassette *c);

/*
 * The next exchange, in a.  0, CASSETTE_END, or RECORDING_BAD with *problem for
 * one that cannot be read: the one after may be asked for.
 */
must_check int cassette_next(struct cassette *c, struct arena *a,
			     struct recording *out,
			     struct recording_problem *problem);

#endif
