/*
 * secret - keys and passwords, found before they reach a file.
 *
 *	if (!secret_keeps_header(name, SECRET_REQUEST))
 *		leave it out;
 *	found = secret_clean(&recording, arena, SECRET_REDACT, say, arg);
 *
 * Headers are kept by a list of names; all others are left out.  In query, bodies
 * and the texts that a stream's deltas make together, what has the shape of a key
 * (sk-..., AKIA..., AIza..., ghp_..., "Bearer ...", a JWT, a private key, AWS's
 * secret beside its id, a member called api_key), also in base64, is overwritten
 * with '*', byte for byte, so that lengths and framing stay.  A net, not a proof.
 */
#ifndef RECORDING_SECRET_H
#define RECORDING_SECRET_H

#include "base/buf.h"
#include "recording/recording.h"

enum secret_side {
	SECRET_REQUEST,
	SECRET_RESPONSE,
};

enum secret_policy {
	SECRET_REPORT, /* change nothing */
	SECRET_REDACT,
};

/* Where in a recording, what, and how many bytes; never the secret itself. */
struct secret_find {
	const char *where; /* "request.path", "response.body", ... */
	const char *kind;  /* "an API key", "a JWT", ... */
	size_t at, len;    /* in that part; of a split one, where it begins */
	bool split;        /* over several events */
};

typedef void secret_say(void *arg, const struct secret_find *find);

/* May a header of this name stand in a recording? */
bool secret_keeps_header(struct str name, enum secret_side side);

/* Those of the headers that may, in a.  Returns how many. */
size_t secret_keep_headers(const struct http_header *headers, size_t count,
			   enum secret_side side, struct arena *a,
			   struct http_header **out);

/*
 * Look through a recording, and with SECRET_REDACT replace what is found by
 * copies in a without it, and set r->redacted.  Known are also the configured
 * secrets (may be NULL).  say may be NULL.  Returns how many were found.
 */
struct secret_known {
	const struct str *items; /* shorter than 8 bytes are ignored */
	size_t count;
};
struct secret_job {
	enum secret_policy policy;
	struct secret_known known;
	secret_say *say;
	void *arg;
};
size_t secret_clean(struct recording *r, struct arena *a,
		    const struct secret_job *job);

/*
 * The first secret in s at or after from: its place, length and kind.  What is
 * shown of it (the prefix) is not counted in.
 */
bool secret_next(struct str s, size_t from, struct secret_find *out);

/*
 * Append s to out with its secrets overwritten.  Returns how many there were; out
 * stays as it was when none, or when it is too small.
 */
size_t secret_redact_text(struct str s, struct buf *out);

#endif
