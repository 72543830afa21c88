/*
 * provider_data - what a client brings along for the providers of its request.
 *
 *	x-ogx-provider-data: {"openai_api_key": "sk-...", "__test_id": "t1"}
 *
 *	r = provider_data_read(&head, arena, &data, &error);
 *	key = provider_data_get(data, STR("openai_api_key"));
 *
 * The header is a JSON object, also under its older name
 * x-llamastack-provider-data; with both, the newer one counts and the older is
 * not read.  Everything lives in the arena, nothing is kept beyond the request.
 */
#ifndef PROVIDER_PROVIDER_DATA_H
#define PROVIDER_PROVIDER_DATA_H

#include "http/head.h"
#include "llm/error.h"

enum {
	PROVIDER_DATA_BYTES_MAX = 16 * 1024,
	PROVIDER_DATA_MEMBERS_MAX = 64,
	PROVIDER_DATA_VALUE_MAX = 8 * 1024, /* of one that is sent upstream */
};

struct provider_data_member {
	struct str name;
	struct str value; /* a string's text; of all else the JSON as given */
	bool is_string;
};

struct provider_data {
	struct provider_data_member *members;
	size_t count;
};

/*
 * Read the header.  Returns 0 with *out (NULL when there is none), or API_FAIL:
 * 400 for what is given twice, too long, not JSON, or not an object.  Members
 * that are null count as absent; of equal names the last one counts.
 */
must_check int provider_data_read(const struct http_head *head, struct arena *a,
				  const struct provider_data **out,
				  struct api_error *e);

/* The string of that name, or ""; data may be NULL. */
struct str provider_data_get(const struct provider_data *data, struct str name);

/*
 * The same for what is to be sent upstream: API_FAIL (400) when it is no
 * string, too long, or has bytes that no header may have.
 */
must_check int provider_data_field(const struct provider_data *data,
				   struct str name, struct arena *a,
				   struct str *out, struct api_error *e);

/*
 * text with each value that may be secret replaced by asterisks, in a: of
 * members that do not end in _base, _url, _version, _type, _project, _location
 * or _id, in strings of 8 bytes or more.
 */
struct str provider_data_mask(const struct provider_data *data, struct str text,
			      struct arena *a);

/* text with secret replaced, when it has 8 bytes or more. */
struct str provider_data_hide(struct str text, struct str secret,
			      struct arena *a);

#endif
