/*
 * ogx_key - the names of OGX's recordings, computed.
 *
 *	r = ogx_key(&(struct ogx_call){ .url = url, .doc = &doc, .body = root,
 *					.test_id = id, .has_test_id = true },
 *		    key, NULL);
 *
 * OGX records calls of its SDKs, not HTTP: what is summed are the arguments, and
 * the path of a URL that often says /v1 twice.  The text is Python's json.dumps()
 * of the sorted object {body, endpoint, method, test_id}, after its values were
 * normalised: floats have five decimals, and scores, attributes, document ids and
 * markers of file searches in texts say nothing.  ogx_shape.h makes such a call
 * of a request that quipu would send.
 */
#ifndef RECORDING_OGX_KEY_H
#define RECORDING_OGX_KEY_H

#include "base/buf.h"
#include "recording/recording.h"
#include "json/json.h"

enum {
	OGX_KEY_TEXT_MAX = 64 << 20,
	OGX_SHORT_KEY_LEN = 12,
};

/* Which family a recording is of: what its key is made of. */
enum ogx_family {
	OGX_INFERENCE, /* {body, endpoint, method, test_id} */
	OGX_HTTP,      /* {method, payload, test_id, url} */
	OGX_TOOL,      /* {kwargs, provider, tool_name} */
};

struct ogx_call {
	enum ogx_family family;
	struct str url;    /* OGX_TOOL: none */
	struct str method; /* "" is POST */
	const struct json *doc;
	uint32_t body; /* or payload, or kwargs; JSON_NONE is {} */
	struct str test_id;
	bool has_test_id;               /* false: null */
	struct str provider, tool_name; /* OGX_TOOL */
};

enum {
	/* As the newest OGX does it. */
	OGX_KEY_NOW,
	/* Without a test id: twelve digits name such files. */
	OGX_KEY_FIRST,
	/* As now, but the test id is null: for lookups without one. */
	OGX_KEY_NO_TEST,
	/* Floats are rounded and texts left alone (before 2026-04). */
	OGX_KEY_NO_TEXTS,
	/* Nothing is normalised. */
	OGX_KEY_PLAIN,
	OGX_KEY_RULES
};

/*
 * The key by one of the rules above, in lower case.  What was summed is appended
 * to canonical, unless that is NULL.  Returns 0, or -EMSGSIZE for a call over
 * OGX_KEY_TEXT_MAX.
 */
must_check int ogx_key(const struct ogx_call *call, int rule,
		       char out[RECORDING_KEY_LEN], struct buf *canonical);

/* The path that enters the key: of the URL, but for Databricks. */
struct str ogx_endpoint(struct str url, struct arena *a);

/* Change a text as OGX does before it sums it.  Returns false when it stays. */
bool ogx_normalise(struct str s, struct buf *out, void *unused);

#endif
