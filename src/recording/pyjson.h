/*
 * pyjson - JSON as Python's json.dumps(sort_keys=True) prints it.
 *
 *	r = pyjson_dump(&doc, json_root(&doc), NULL, &out);
 *
 * Names of OGX's recordings are sums of such texts.  Keys are sorted by code
 * point; separators are ", " and ": "; all but printable ASCII is escaped, with
 * surrogate pairs, and half a pair is kept; integers stay integers, and floats
 * have the fewest digits that read back (0.7, 1e-05, 1e+16).
 */
#ifndef RECORDING_PYJSON_H
#define RECORDING_PYJSON_H

#include "base/buf.h"
#include "json/json.h"

/* Before a value is printed it may be changed; NULL members do nothing. */
struct pyjson_filter {
	/*
	 * The text that takes the place of a string value s, appended to out,
	 * which is empty.  Returns false when s stays.
	 */
	bool (*text)(struct str s, struct buf *out, void *arg);
	void *text_arg;
	bool decimals;        /* numbers by exact value: 15e-1 for 1.50 */
	int round_digits;     /* of floats behind the point; -1: as they are */
	const uint32_t *skip; /* members that are left out, by value */
	size_t skip_count;
};

/* Append the text of v.  Returns 0, or -EMSGSIZE. */
must_check int pyjson_dump(const struct json *doc, uint32_t v,
			   const struct pyjson_filter *filter, struct buf *out);

/* Append the text of a string, with quotes.  Returns as above. */
must_check int pyjson_quote(struct buf *out, struct str s);

enum {
	PYJSON_FLOAT_MAX = 400
};

/* repr() of a float: "1.0", "1e-05", "inf"; out is NUL-terminated. */
struct str pyjson_float(double d, char out[PYJSON_FLOAT_MAX]);

/*
 * The text that a JSON string's source stands for.  Unlike json_string(), half a
 * surrogate pair stays, in three bytes as if it were a character (WTF-8).
 */
struct str pyjson_string(const struct json *doc, uint32_t v, struct arena *a);

#endif
