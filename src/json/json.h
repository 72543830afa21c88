/*
 * json - a validating tape over JSON text that keeps the text.
 *
 *	struct json doc;
 *
 *	r = json_parse(body, &(struct json_limits){ .depth = 128 }, &doc, &err);
 *	model = json_get(&doc, json_root(&doc), STR("model"));
 *	if (json_type(&doc, model) == JSON_STRING)
 *		raw = json_raw(&doc, model);
 *	json_fini(&doc);
 *
 * One pass checks all of RFC 8259 (UTF-8 included) and notes where each value
 * starts and ends: nothing is converted, copied or lost.  Values are named by
 * their index on the tape; JSON_NONE is "no such value" and may be passed to
 * every function.  Of equal keys the last counts, as in most parsers (and
 * json_has_duplicates() tells).  Text is limited to 4 GB.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/arena.h"
#include "base/buf.h"

enum json_type {
	JSON_NONE_TYPE, /* of JSON_NONE */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

#define JSON_NONE UINT32_MAX

struct json_node; /* 16 bytes: type, span, next sibling */

struct json {
	struct str text;
	struct json_node *nodes; /* owned */
	uint32_t node_count;
	uint32_t node_cap;
};

struct json_limits {
	uint32_t depth; /* 0: 128 */
	uint32_t nodes; /* 0: 4 million */
	/*
	 * An array of numbers, and nothing else, is one value on the tape: it
	 * has a count and a text, but no elements.
	 */
	bool fold_numbers;
};

/* Where and why a text is not JSON. */
struct json_error {
	size_t offset;
	uint32_t line;    /* from 1 */
	uint32_t column;  /* from 1, in bytes */
	const char *what; /* static: "expected ',' or '}'" */
	bool is_limit;    /* it may be JSON, but is over a limit */
};

enum {
	JSON_BAD = 1
};

/* Returns 0, or JSON_BAD with *error set; doc then needs no json_fini(). */
must_check int json_parse(struct str text, const struct json_limits *limits,
			  struct json *doc, struct json_error *error);
void json_fini(struct json *doc);

static inline uint32_t json_root(const struct json *doc)
{
	return doc->node_count > 0 ? 0 : JSON_NONE;
}

enum json_type json_type(const struct json *doc, uint32_t v);

/* The value's source text: a string with its quotes, a number as written. */
struct str json_raw(const struct json *doc, uint32_t v);

/* Where that text starts. */
size_t json_offset(const struct json *doc, uint32_t v);

/* Line and column of an offset, for error messages; what is left alone. */
void json_locate(struct str text, size_t offset, struct json_error *out);

/* The member of an object, or JSON_NONE; escapes in keys are understood. */
uint32_t json_get(const struct json *doc, uint32_t object, struct str key);

/* The raw key (with quotes) of a member's value, as json_first() walks. */
uint32_t json_key(const struct json *doc, uint32_t member_value);

/* "choices.0.delta": names and indices from v on, or JSON_NONE. */
uint32_t json_path(const struct json *doc, uint32_t v, struct str path);

/* Elements of an array or member values of an object, or 0. */
uint32_t json_count(const struct json *doc, uint32_t v);

/* An array whose numbers json_parse() has folded; never an empty one. */
bool json_is_folded(const struct json *doc, uint32_t v);

/* Walk the elements, or the member values: JSON_NONE ends. */
uint32_t json_first(const struct json *doc, uint32_t v);
uint32_t json_next(const struct json *doc, uint32_t v);

bool json_has_duplicates(const struct json *doc, uint32_t object);

/*
 * A string's text with escapes undone, in a; of the source when it has none.
 * Half a surrogate pair, which the grammar allows, becomes U+FFFD.
 */
struct str json_string(const struct json *doc, uint32_t v, struct arena *a);

/*
 * The same to out, which has room for the string's source (no escape is shorter
 * than what it stands for); v is a string.  Returns the text's length.
 */
size_t json_unescape(const struct json *doc, uint32_t v, char *out);

/* Compare a string with text, escapes undone, without a copy. */
bool json_is(const struct json *doc, uint32_t v, struct str text);

/* Is it JSON_TRUE; JSON_NONE and all else are false. */
bool json_is_true(const struct json *doc, uint32_t v);

/*
 * Numbers.  Return false when v is no number, or not exactly an integer of that
 * range ("1.0" and "1e2" are); a double that would be infinite is refused too.
 */
bool json_to_i64(const struct json *doc, uint32_t v, int64_t *out);
bool json_to_double(const struct json *doc, uint32_t v, double *out);

/*
 * The JSON text of s, with quotes, appended: escapes only what must be, and
 * bytes that are not UTF-8 become U+FFFD.  Returns 0, or -EMSGSIZE and leaves
 * out as it was.
 */
must_check int json_quote(struct buf *out, struct str s);
struct str json_quoted(struct arena *a, struct str s);

#endif
