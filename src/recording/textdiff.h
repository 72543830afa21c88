/*
 * textdiff - which words or lines of two texts differ.
 *
 *	textdiff(was, now, TEXTDIFF_WORDS, say, arg);
 *		-> same "The ", gone "quick", new "slow", same " fox"
 *
 * The pieces that are the same are a longest common subsequence; where both texts
 * are too long for that (TEXTDIFF_CELLS), all between what they begin and end with
 * is one change.  Pure.
 */
#ifndef RECORDING_TEXTDIFF_H
#define RECORDING_TEXTDIFF_H

#include "base/str.h"

enum {
	TEXTDIFF_CELLS = 8 << 20
};

enum textdiff_unit {
	TEXTDIFF_WORDS, /* a run of spaces is a word, too */
	TEXTDIFF_LINES, /* with their newlines */
};

enum textdiff_kind {
	TEXTDIFF_SAME,
	TEXTDIFF_GONE,
	TEXTDIFF_NEW,
};

typedef void textdiff_say(void *arg, enum textdiff_kind kind, struct str text);

/* Pieces come in order, neighbours of one kind as one; never an empty one. */
void textdiff(struct str was, struct str now, enum textdiff_unit unit,
	      textdiff_say *say, void *arg);

#endif
