/*
 * url - absolute http, https and unix URLs, and request targets.
 */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include "base/arena.h"

enum {
	URL_MAX = 8 * 1024
};

struct url {
	bool tls;
	bool is_unix; /* http+unix://%2Frun%2Fx.sock/path or unix:/run/x.sock */
	struct str host; /* lower case, without brackets; the path when unix */
	uint16_t port;   /* the scheme's default when not given; unix: 0 */
	bool port_given;
	struct str userinfo; /* "" when absent; never logged */
	struct str path;     /* starts with '/', or ""; a fragment is dropped */
	struct str query;    /* without '?' */
};

/*
 * Read an absolute URL.  Returns 0 with slices in text or the arena, or -EINVAL
 * and err_text() says what is wrong.
 */
must_check int url_parse(struct str text, struct arena *a, struct url *out);

/*
 * Split an origin-form or absolute-form request target into path ("/" when
 * empty) and query.  Returns 0, or -EINVAL for any other form.
 */
must_check int url_parse_target(struct str target, struct str *path,
				struct str *query);

/*
 * %XX undone.  Returns 0, or -EINVAL for a bad escape, a NUL, or bytes that are
 * not UTF-8.
 */
must_check int url_decode(struct str text, struct arena *a, struct str *out);

/*
 * May a path of a client be put behind one of ours and stay below it?  Not if a
 * server could read a segment as "." or "..", with escapes undone up to three
 * times, "\\" taken for "/" and ";parameters" left out; nor if it begins as a
 * host does ("//"), has an escape that is none, or hides a control character.
 */
bool url_stays_below(struct str path, struct arena *a);

/* Everything but RFC 3986 unreserved bytes as %XX; '/' too unless keep_slash. */
struct str url_encode(struct str text, bool keep_slash, struct arena *a);

/*
 * The next parameter of a query, decoded, '+' read as a space; *rest begins as
 * the query and is what is behind it then.  1 taken, 0 there is none, or
 * -EINVAL, and the next call goes on behind it.
 */
must_check int url_query_next(struct str *rest, struct arena *a,
			      struct str *key, struct str *value);

/*
 * The decoded value of the first query parameter of that name, '+' read as a
 * space: 1 found, 0 absent, or -EINVAL.
 */
must_check int url_query_get(struct str query, struct str name, struct arena *a,
			     struct str *out);

#endif
