/*
 * aws_credentials - the keys in AWS's shared credentials file.
 *
 *	r = aws_credentials_load(path, STR("default"), arena, &keys);
 */
#ifndef PROVIDER_AWS_CREDENTIALS_H
#define PROVIDER_AWS_CREDENTIALS_H

#include "base/arena.h"

enum {
	AWS_CREDENTIALS_FILE_MAX = 1 << 20,
	AWS_CREDENTIALS_NONE = 1, /* no such file, or no such profile in it */
};

struct aws_credentials {
	struct str access_key;
	struct str secret_key;
	struct str token; /* "" for keys that do not expire */
};

/*
 * Read the profile's section of the file's text; slices are of text.  Returns 0,
 * AWS_CREDENTIALS_NONE, or -EINVAL when the section lacks a key.
 */
must_check int aws_credentials_parse(struct str text, struct str profile,
				     struct aws_credentials *out);

/*
 * The same for a file, in a.  Providers do no I/O: this is the one exception,
 * used while a provider is set up, never while requests run.
 */
must_check int aws_credentials_load(struct str path, struct str profile,
				    struct arena *a,
				    struct aws_credentials *out);

#endif
