/*
 * writer_ogx - a recording written as OGX's; private to core/writer.c.
 */
#ifndef CORE_WRITER_OGX_H
#define CORE_WRITER_OGX_H

#include "core/library_impl.h"

/*
 * Write the job's exchange where OGX looks for it: "DIR/recordings" of the file
 * that the session, a test's id, begins with, else "recordings"; named by OGX's
 * key.  Returns 0 with folder (in the job's arena or static) and name (in the
 * arena), -errno, or WRITER_OGX_UNFIT for what that format cannot hold: an
 * operation that OGX does not record, no answer, one that broke off or is no
 * JSON.
 */
enum {
	WRITER_OGX_UNFIT = 1
};
must_check int writer_ogx_save(struct library *l, struct library_job *job,
			       struct str *out_folder, const char **out_name);

#endif
