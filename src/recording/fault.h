/*
 * fault - what is to go wrong while a recording is played.
 *
 *	r = fault_parse(STR("cut@event:7,stall@event:3:30s"), &faults, &p);
 *
 * A list of faults, separated by commas; each is a name, where it happens and
 * what it needs:
 *
 *	cut@event:7			the connection ends there, without the
 *					last chunk
 *	rst@byte:12328			... and is reset
 *	stall@event:3:30s		nothing comes for so long
 *	inject@event:5:overloaded_error	an error event of that type, then the end
 *	garble@event:4			a byte of that event is damaged
 *	dup@event:6			that event comes twice
 *	drop-terminal			what ends the stream is missing
 *	status=429;retry-after=1	that answer instead of the recorded one
 *
 * Events are counted from 1, and things happen after an event; after byte 0
 * nothing of the body was sent.  ";occurrence=2" on any of them limits it to
 * the second time that the same request is played.
 */
#ifndef RECORDING_FAULT_H
#define RECORDING_FAULT_H

#include "recording/recording.h"

enum {
	FAULTS_MAX = 16,
	FAULT_TEXT_MAX = 64, /* of an error's type */
};

enum fault_kind {
	FAULT_CUT,
	FAULT_RESET,
	FAULT_STALL,
	FAULT_INJECT,
	FAULT_GARBLE,
	FAULT_DUP,
	FAULT_DROP_TERMINAL,
	FAULT_STATUS,
};

struct fault_item {
	enum fault_kind kind;
	bool at_byte;
	uint64_t at; /* event or byte */
	int64_t stall_ns;
	struct str type; /* of the injected error */
	int status;
	int64_t retry_after; /* seconds; -1: none */
	int64_t occurrence;  /* 0: every */
};

struct faults {
	struct fault_item list[FAULTS_MAX];
	size_t count;
};

/* Slices point into text.  Returns 0, or RECORDING_BAD with *problem. */
must_check int fault_parse(struct str text, struct faults *out,
			   struct recording_problem *problem);

/*
 * A duration: a number and ms, s or m; a bare number is in seconds.  At most an
 * hour.  False for anything else.
 */
bool fault_duration(struct str text, int64_t *out_ns);

/* The fault of that kind that applies to this occurrence, or NULL. */
const struct fault_item *fault_find(const struct faults *f,
				    enum fault_kind kind, int64_t occurrence);

#endif
