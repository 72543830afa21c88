/*
 * index_scan - what has come into the folder since it was opened.
 */
#ifndef RECORDING_INDEX_SCAN_H
#define RECORDING_INDEX_SCAN_H

#include "recording/index.h"

/*
 * Read all files again and take in those that are new, or whose request was
 * edited.  What has gone stays known: who asks for it is told so.  root is what
 * index_open() was given; what is not served is reported as there.  Returns 0, or
 * -errno when the folder cannot be read.  Any thread may call it.
 */
must_check int index_scan(struct index *ix, const char *root,
			  const struct index_options *options);

#endif
