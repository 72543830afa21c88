/*
 * sigv4_path - paths and queries in the form that AWS signs.
 */
#ifndef PROVIDER_SIGV4_PATH_H
#define PROVIDER_SIGV4_PATH_H

#include "base/arena.h"

/* All but RFC 3986 unreserved bytes as %XX, upper case. */
struct str sigv4_path_encode(struct str text, bool keep_slash, struct arena *a);

/*
 * Dot segments and double slashes removed, unless keep, then encoded.  "" gives
 * "/".
 */
struct str sigv4_path_canonical(struct str path, bool keep, struct arena *a);

/* Parameters sorted and encoded.  Returns 0, or -E2BIG for more than max. */
must_check int sigv4_path_query(struct str query, size_t max, struct arena *a,
				struct str *out);

#endif
