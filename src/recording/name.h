/*
 * name - what files and folders of recordings are called.
 *
 *	name_session(STR("tests/a.py::test[x]"), name);
 *		-> "tests-a.py-test-x-0c8f2a11"
 *	name_file(&(struct name_parts){ 3, op, model, key }, name);
 *		-> "03-chat.completions-gpt-4o-9f31c0de.json"
 *
 * Only a-z, 0-9, '.', '_' and '-' occur, never a dot in front: no name that a
 * client chooses leaves its folder, hides, or differs from another by case only.
 */
#ifndef RECORDING_NAME_H
#define RECORDING_NAME_H

#include "recording/recording.h"

/*
 * The folder of a session.  A name that had to change carries eight digits of
 * its sum, so that no two sessions share a folder; the empty name is "default".
 * Returns the slice of out, which is NUL-terminated.
 */
struct str name_session(struct str session, char out[RECORDING_NAME_MAX + 1]);

struct name_parts {
	unsigned number; /* in the order of first use; for people only */
	struct str op;
	struct str model;
	struct str key; /* its first eight digits are used */
};

/* As above.  At most RECORDING_NAME_MAX bytes. */
struct str name_file(const struct name_parts *parts,
		     char out[RECORDING_NAME_MAX + 1]);

/* May a file of this name be opened: one folder deep, not hidden? */
bool name_is_plain(struct str name);

#endif
