/*
 * field - the members of a request body, checked by a table.
 *
 *	static const struct field fields[] = {
 *		{ STR_INIT("model"), FIELD_STR, .required = true },
 *		{ STR_INIT("n"), FIELD_INT, .ranged = true, .min = 1,
 *		  .max = 128 },
 *		{ { 0 } },
 *	};
 *	struct field_checker c = { doc, arena, error };
 *
 *	field_find(doc, root, fields, at);
 *	r = field_check(&c, fields, at, NULL);
 *
 * A member that is null counts as absent, one that the table does not know
 * passes.  What is refused is told in OpenAI's style: status 400, the type
 * invalid_request_error, a code, the path of the member as param, and a message
 * that says what is wrong and what is allowed.
 */
#ifndef LLM_FIELD_H
#define LLM_FIELD_H

#include "llm/error.h"
#include "json/json.h"

enum field_kind {
	FIELD_BOOL,
	FIELD_INT,
	FIELD_NUMBER,
	FIELD_STR,
	FIELD_ARRAY,
	FIELD_OBJECT,
	FIELD_STR_OR_LIST,   /* "x" or ["x", "y"] */
	FIELD_STR_OR_ARRAY,  /* an array of anything */
	FIELD_STR_OR_OBJECT, /* "auto" or {...} */
	FIELD_NUMBERS,       /* an object whose values are numbers */
	FIELD_INT_OR_BOOL,   /* a range holds for the integer */
};

struct field {
	struct str name; /* a literal; "" ends a table */
	enum field_kind kind;
	bool required;
	bool ranged; /* of a number: min and max hold */
	double min, max;
	/* A required one may be missing when the request has this member. */
	const char *instead;
};

/* Where a value is; made into text only when something is wrong there. */
struct field_path {
	const struct field_path *up; /* NULL: the request itself */
	const char *name;            /* NULL: an element */
	uint32_t index;
};
#define FIELD_PATH(up, name) (&(struct field_path){ (up), (name), 0 })
#define FIELD_ELEMENT(up, i) (&(struct field_path){ (up), NULL, (i) })

struct field_checker {
	const struct json *doc;
	struct arena *arena;
	struct api_error *error;
};

/*
 * Where each field of the table is in the object: at[i] belongs to table[i] and
 * is JSON_NONE when the member is absent or null.
 */
void field_find(const struct json *doc, uint32_t object,
		const struct field *table, uint32_t *at);

/* Check what was found; up is the object's own path, NULL for the root. */
must_check int field_check(const struct field_checker *c,
			   const struct field *table, const uint32_t *at,
			   const struct field_path *up);

/* The member, or JSON_NONE when it is absent or null. */
uint32_t field_get(const struct json *doc, uint32_t object, struct str name);

/* For checks that a table cannot say; all return API_FAIL. */
int field_missing(const struct field_checker *c, const struct field_path *path);
int field_wrong_type(const struct field_checker *c,
		     const struct field_path *path, uint32_t v,
		     const char *expected);
int field_empty_array(const struct field_checker *c,
		      const struct field_path *path);
int field_long_array(const struct field_checker *c,
		     const struct field_path *path, uint32_t count,
		     uint32_t max);
/* allowed: "'a', 'b' and 'c'" */
int field_bad_value(const struct field_checker *c,
		    const struct field_path *path, uint32_t v,
		    const char *allowed);

/* What most endpoints have; each returns 0 or API_FAIL.  v may be JSON_NONE. */
must_check int field_check_object(const struct field_checker *c, uint32_t root);
must_check int field_check_model(const struct field_checker *c, uint32_t v);
must_check int field_check_stream_options(const struct field_checker *c,
					  uint32_t v);

#endif
