/*
 * mold - is a text like one that was parsed before?
 *
 *	mold_make(&m, &doc, model);
 *	if (mold_fits(&m, text, &raw))
 *		raw is where the model is in text
 *
 * The events of a stream differ in a few strings and counts.  A mold keeps what
 * stands around them: a text that has the same bytes there, and good strings and
 * integers in between, is JSON of the same structure with the same keys, and
 * need not be parsed to know so.  "No" only means that the mold cannot tell:
 * escapes with \u, for one, are left to the parser.
 */
#ifndef JSON_MOLD_H
#define JSON_MOLD_H

#include "json/json.h"

enum {
	MOLD_BYTES_MAX = 512,
	MOLD_HOLES_MAX = 24
};

/* All zero it is empty, and nothing fits. */
struct mold {
	uint16_t len;
	uint8_t hole_count;
	uint8_t wanted; /* the hole that is asked for */
	struct mold_hole {
		uint16_t at; /* in bytes[] */
		bool is_string;
	} holes[MOLD_HOLES_MAX];
	char bytes[MOLD_BYTES_MAX];
};

/*
 * From a parsed text, of which the string value v is asked for later.  A text
 * with too much in it leaves the mold empty.
 */
void mold_make(struct mold *m, const struct json *doc, uint32_t v);

/* Fits text?  Then *raw is the value's source in it, with the quotes. */
bool mold_fits(const struct mold *m, struct str text, struct str *raw);

#endif
