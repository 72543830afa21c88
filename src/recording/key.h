/*
 * key - what makes two requests the same, in the exact format.
 *
 *	r = key_make(&(struct key_input){ op, &request }, KEY_EXACT, key, NULL);
 *
 * A key is the SHA-256 of one canonical text: operation, upstream, path, the
 * headers that change what a request means, and the body with its keys sorted,
 * its numbers by their exact decimal value (1, 1.0 and 10e-1 are one number) and
 * its strings as they are.  Secrets are redacted on the way, as they are in a
 * file, so that a file's key and a live request's come out alike.
 *
 * KEY_NORMAL leaves out what differs between runs without meaning anything.  The
 * list is short on purpose: a key that forgives too much replays the wrong
 * answer after a prompt has changed.
 */
#ifndef RECORDING_KEY_H
#define RECORDING_KEY_H

#include "base/buf.h"
#include "recording/recording.h"

enum key_tier {
	KEY_EXACT,
	KEY_NORMAL,
};

/* What KEY_NORMAL leaves out or renames. */
enum key_rule {
	KEY_OBFUSCATION, /* stream_options.include_obfuscation */
	KEY_BOUNDARY,    /* of multipart bodies */
	KEY_IDS,         /* call_..., resp_...: numbered as they appear */
	KEY_QUERY,       /* parameters of signatures in the path */
	KEY_RULES
};

struct key_input {
	struct str op;
	const struct recording_request *request;
};

/* How often each rule changed something. */
struct key_counts {
	unsigned counts[KEY_RULES];
};

/*
 * The key in lower case.  What was summed is appended to canonical unless that
 * is NULL.  Returns 0, or -EMSGSIZE for a request over RECORDING_FILE_MAX.
 */
must_check int key_make(const struct key_input *input, enum key_tier tier,
			char out[RECORDING_KEY_LEN], struct buf *canonical);

/* The same, counting the rules. */
must_check int key_count(const struct key_input *input,
			 struct key_counts *counts);

/* What a rule is called, for reports: "include_obfuscation". */
const char *key_rule_name(enum key_rule rule);

/* Does a whole string look like an id that a provider made up? */
bool key_is_id(struct str s);

#endif
