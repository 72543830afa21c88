/*
 * splice - change a few places of a JSON text and keep every other byte.
 *
 *	struct splice s = { .text = body };
 *
 *	r = splice_set(&s, &doc, root, STR("model"), STR("\"gpt-4o\""));
 *	n = splice_pieces(&s, pieces, countof(pieces));
 *
 * The result is a list of slices of the text and of the new values, for one
 * gathering write: nothing is copied.  Changes may be made in any order: a later
 * one of the same place wins, and one inside of what has gone has no effect.
 * After an error the splice is of no more use.
 */
#ifndef JSON_SPLICE_H
#define JSON_SPLICE_H

#include "json/json.h"

enum {
	SPLICE_EDITS_MAX = 8,
	SPLICE_PIECES_MAX = 5 * SPLICE_EDITS_MAX + 1
};

struct splice_edit {
	size_t start, end;       /* of the bytes that go */
	struct str before, key;  /* come instead, in this order: these ... */
	struct str colon, value; /* ... three for a new member only */
};

struct splice {
	struct str text;
	struct splice_edit edits[SPLICE_EDITS_MAX]; /* by start */
	size_t edit_count;
};

/* As the initialiser above, without filling what is not used yet. */
static inline void splice_init(struct splice *s, struct str text)
{
	s->text = text;
	s->edit_count = 0;
}

/*
 * Replace the value of a member, every one of that name, or add it at the
 * object's end when absent.  raw is JSON text and must live as long as the
 * pieces, as must key.  Returns 0, -E2BIG when there are too many edits, or
 * -EINVAL when the key is new and cannot stand between quotes as it is.
 */
must_check int splice_set(struct splice *s, const struct json *doc,
			  uint32_t object, struct str key, struct str raw);

/* Replace one value.  Returns 0, or -E2BIG. */
must_check int splice_replace(struct splice *s, const struct json *doc,
			      uint32_t v, struct str raw);

/*
 * Take a member out, every one of that name, with its comma.  Returns 0, also
 * when there is none, or -E2BIG.
 */
must_check int splice_drop(struct splice *s, const struct json *doc,
			   uint32_t object, struct str key);

/* At most SPLICE_PIECES_MAX slices; returns how many. */
size_t splice_pieces(const struct splice *s,
		     struct str pieces[SPLICE_PIECES_MAX]);

/* The same, copied together. */
must_check int splice_write(const struct splice *s, struct buf *out);

#endif
