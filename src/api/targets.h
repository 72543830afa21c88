/*
 * targets - who is to serve a request, in which order.
 *
 * The targets of the model that it names, and of those in its own list "models".
 */
#ifndef API_TARGETS_H
#define API_TARGETS_H

#include "api/inference.h"

enum {
	TARGETS_NAMES_MAX = 16 /* in "models" */
};

struct targets_ask {
	struct str model;       /* "": only those in "models" */
	const struct json *doc; /* the request's body, for "models" */
};

/*
 * Returns 0 with *out, whose slices live as long as the catalog and the
 * request; or API_FAIL: no such model, the wrong type, no provider that has the
 * endpoint, a bad "models".
 */
must_check int targets_find(struct api_call *c,
			    const struct inference_kind *kind,
			    const struct targets_ask *ask,
			    struct model_target *out, struct api_error *e);

/* Has the body a list "models"? */
bool targets_are_listed(const struct json *doc);

#endif
