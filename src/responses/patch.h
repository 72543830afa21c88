/*
 * patch - a response object that was kept, with another end.
 *
 * For who ends a response without having made it: a cancellation, and a run that
 * cannot be done.
 */
#ifndef RESPONSES_PATCH_H
#define RESPONSES_PATCH_H

#include "responses/object.h"

struct patch {
	enum response_status status;          /* CANCELLED: output becomes [] */
	struct str error_code, error_message; /* of a failed one */
};

/*
 * Append body with the changes.  Returns 0, -EMSGSIZE, or -EUCLEAN when it is no
 * response object.
 */
must_check int patch_write(struct str body, const struct patch *p,
			   struct buf *out);

#endif
