/*
 * idmap - which id of a live session stands for which of a recorded one.
 *
 *	if (idmap_learn(&map, recorded_body, live_body) == 0)
 *		idmap_apply(&map, &recording, arena);
 *
 * Ids that were made up anew (call_..., resp_...) stand at the same places of the
 * recorded and of the live request.  From there on the recorded one is the live
 * one: answers of the recording are given with the live ids.  One map serves a
 * whole session, in which each id stands for exactly one other.
 */
#ifndef RECORDING_IDMAP_H
#define RECORDING_IDMAP_H

#include "base/map.h"
#include "recording/recording.h"

enum {
	IDMAP_MAX = 4096 /* pairs */
};

/* All zero but for idmap_init() it is empty. */
struct idmap {
	struct arena arena;
	struct map live;     /* recorded -> struct str of the live one */
	struct map recorded; /* and back */
};

void idmap_init(struct idmap *m);
void idmap_fini(struct idmap *m);

/*
 * Pair the ids of two request bodies.  Returns 0, or IDMAP_CLASH when an id would
 * stand for two others, or there are too many: the two requests are then not the
 * same, and m is as it was.
 */
enum {
	IDMAP_CLASH = 1
};
must_check int idmap_learn(struct idmap *m, struct str recorded,
			   struct str live);

/* How many ids are not the same in both. */
size_t idmap_count(const struct idmap *m);

/*
 * Put the live ids into the answer: whole JSON strings only.  The body is copied
 * to a when it changes, and its marks follow.
 */
void idmap_apply(const struct idmap *m, struct recording *r, struct arena *a);

#endif
