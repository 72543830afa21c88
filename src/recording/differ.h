/*
 * differ - where two JSON texts differ.
 *
 *	differ_compare(&was, &now, arena, &d);
 *	if (d.count > 0)
 *		say(d.pointer, d.was, d.now);
 *
 * Order of members, spacing and how a number or an escape is written are no
 * differences.
 */
#ifndef RECORDING_DIFFER_H
#define RECORDING_DIFFER_H

#include "json/json.h"

enum {
	DIFFER_COUNT_MAX = 1000, /* more are not counted */
	DIFFER_TEXT_MAX = 120,
};

struct differ {
	size_t count;    /* values that differ, are gone or are new */
	size_t changing; /* of these, such that look made up anew: ids, dates */
	struct str pointer; /* of the first (RFC 6901); "" is the whole */
	/*
	 * The first one's values, shortened around the first byte that differs;
	 * "" for one that is not there.  Without secrets.
	 */
	struct str was, now;
};

/* One of them; texts are whole, in the arena, and without secrets. */
struct differ_change {
	struct str pointer;
	struct str was, now; /* ptr NULL: not there */
	bool is_text;        /* both are strings: their texts */
};
typedef void differ_say(void *arg, const struct differ_change *change);

/* Say each difference, at most DIFFER_COUNT_MAX.  Returns how many. */
size_t differ_each(const struct json *was, const struct json *now,
		   struct arena *a, differ_say *say, void *arg);

/* Texts of out are in a. */
void differ_compare(const struct json *was, const struct json *now,
		    struct arena *a, struct differ *out);

#endif
