/*
 * playback - how a recorded answer is sent again: when, in which pieces, with
 * which faults.
 *
 *	playback_init(&pb);
 *	r = playback_set(&pb, PLAYBACK_SPEED, STR("1"), &problem);
 *
 *	script_init(&s, &recording, &pb, arena);
 *	while (script_next(&s, &step))
 *		(wait step.wait_ns, send step.bytes)
 *	(s.end says how it ends)
 *
 * Pure, and deterministic: what is by chance follows from the seed.
 */
#ifndef RECORDING_PLAYBACK_H
#define RECORDING_PLAYBACK_H

#include "base/arena.h"
#include "recording/fault.h"

enum playback_option {
	PLAYBACK_SPEED,   /* 0: at once; 1: as recorded; 2: twice as fast */
	PLAYBACK_TTFT,    /* until the first byte: a duration */
	PLAYBACK_MAX_GAP, /* no wait is longer */
	PLAYBACK_TPS,     /* so many events a second */
	PLAYBACK_JITTER,  /* 0 to 1: how much a wait may differ */
	PLAYBACK_SEGMENT,
	PLAYBACK_FAULT,
	PLAYBACK_SEED,
	PLAYBACK_HOLD,       /* stop after this event until released */
	PLAYBACK_OCCURRENCE, /* this one of several equal requests */
};

enum playback_segment {
	SEGMENT_COALESCE, /* as much as there is at that time */
	SEGMENT_EVENT,
	SEGMENT_BYTES,      /* so many */
	SEGMENT_SPLIT_UTF8, /* events, cut inside a character */
};

struct playback {
	double speed;
	int64_t ttft_ns;    /* -1: as recorded */
	int64_t max_gap_ns; /* -1: none */
	double tps;         /* 0: as recorded */
	double jitter;
	enum playback_segment segment;
	size_t segment_bytes;
	struct faults faults;
	uint64_t seed;
	uint64_t hold;      /* event; 0: none */
	int64_t occurrence; /* 0: the next */
};

void playback_init(struct playback *pb);

/*
 * Set an option by its text, which must live as long as pb.  Returns 0, or
 * RECORDING_BAD with *problem.
 */
must_check int playback_set(struct playback *pb, enum playback_option option,
			    struct str text, struct recording_problem *problem);

enum script_end {
	SCRIPT_EOF,
	SCRIPT_CUT, /* close without the last chunk */
	SCRIPT_RESET,
	SCRIPT_TIMEOUT, /* the upstream says nothing more */
};

struct script_step {
	int64_t wait_ns; /* before the bytes */
	struct str bytes;
	bool hold; /* before the bytes: wait for the release */
};

struct script_mark; /* private */

struct script {
	enum script_end end;
	/* Private. */
	struct str body;
	struct script_mark *marks;
	size_t mark_count;
	const struct playback *pb;
	size_t mark;
	uint64_t at;
	bool waited; /* the mark's wait was given */
};

/*
 * The answer of a recording under these options; occurrence is which of equal
 * requests this is, from 1.  Bytes point into the recording's body or, where a
 * fault changes them, into a.
 */
void script_init(struct script *s, const struct recording *r,
		 const struct playback *pb, int64_t occurrence,
		 struct arena *a);

/* The next step; false at the end. */
bool script_next(struct script *s, struct script_step *step);

#endif
