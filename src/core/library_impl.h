/*
 * library_impl - the parts of a library; private to core/library*.c.
 */
#ifndef CORE_LIBRARY_IMPL_H
#define CORE_LIBRARY_IMPL_H

#include "core/cache.h"
#include "core/library.h"
#include "core/session.h"
#include "recording/index.h"
#include "recording/ogx_shape.h"

struct writer;

struct library {
	struct library_cfg cfg;
	struct arena arena; /* owns the texts of cfg */
	struct playback playback;
	struct index *index;
	struct cache cache;
	struct session_set sessions;
	struct writer *writer;
};

/* Open the folder of cfg, as library_open(). */
must_check int library_folder_open(struct library *l, struct buf *messages);

/*
 * The thread that writes what is kept.  A queue of at most 512 jobs or 256 MB:
 * what does not fit is lost, and said so.
 */
struct writer *writer_new(struct library *l);

/* Wait until all that was given before is on disk. */
void writer_flush(struct writer *w);
void writer_free(struct writer *w); /* flushes; NULL is fine */
void writer_give(struct writer *w, const struct library_job *job);

/*
 * The keys of a request, as recordings are looked up by, the best first, and one
 * by one, since they cost more than the look-up itself: exact, normalised unless
 * it is strict, and those of OGX's recordings of it.
 */
enum {
	LIBRARY_KEYS = INDEX_KEYS_MAX
};
struct library_keys {
	char text[LIBRARY_KEYS][RECORDING_KEY_LEN];
	const char *names[LIBRARY_KEYS]; /* of the tiers */
	size_t count;
	bool has_normal; /* private, as is ogx */
	struct ogx_keys ogx;
};
void library_keys(const struct library_query *q, struct library_keys *out);

/* Add one more; false when there is none. */
bool library_more_keys(const struct library_query *q, bool strict,
		       struct str session, struct library_keys *k);

/* All of them, for reports. */
void library_all_keys(const struct library_query *q, struct str session,
		      bool strict, struct library_keys *out);

#endif
