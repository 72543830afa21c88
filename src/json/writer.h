/*
 * writer - JSON text, written as a stream into a buf.
 *
 *	struct json_writer w;
 *
 *	json_writer_init(&w, &out);
 *	json_object(&w);
 *	json_member(&w, STR("id"));
 *	json_add_str(&w, id);
 *	json_member_int(&w, STR("created"), now);
 *	json_end(&w);
 *	r = json_writer_done(&w);
 *
 * Commas and quotes are the writer's business; misuse (a value without a key in
 * an object, an end too many) is a failed assertion.  Compact, UTF-8 unescaped.
 */
#ifndef JSON_WRITER_H
#define JSON_WRITER_H

#include "base/buf.h"

enum {
	JSON_WRITER_DEPTH = 64
};

struct json_writer {
	struct buf *out;
	int error;
	unsigned depth;
	uint64_t objects; /* a bit per level: 1 is an object */
	bool comma;       /* one is due before the next value or key */
	bool key;         /* a key was written, its value is due */
};

void json_writer_init(struct json_writer *w, struct buf *out);

void json_object(struct json_writer *w);
void json_array(struct json_writer *w);
void json_end(struct json_writer *w); /* of the innermost of both */
void json_member(struct json_writer *w, struct str key);

/* A member of another text: its key, with quotes, and value as they stand. */
void json_member_copy(struct json_writer *w, struct str raw_key,
		      struct str raw);

void json_add_str(struct json_writer *w, struct str s);
void json_add_int(struct json_writer *w, int64_t n);

/* The shortest text that reads back as d; null when d is not finite. */
void json_add_double(struct json_writer *w, double d);
void json_add_bool(struct json_writer *w, bool b);
void json_add_null(struct json_writer *w);
void json_add_raw(struct json_writer *w, struct str raw); /* trusted JSON */

/* Of a value that json_add_raw() began: what follows, as it is or quoted. */
void json_more_raw(struct json_writer *w, struct str raw);
void json_more_str(struct json_writer *w, struct str s);

void json_member_str(struct json_writer *w, struct str key, struct str s);
void json_member_int(struct json_writer *w, struct str key, int64_t n);
void json_member_bool(struct json_writer *w, struct str key, bool b);
void json_member_null(struct json_writer *w, struct str key);
void json_member_double(struct json_writer *w, struct str key, double d);
void json_member_raw(struct json_writer *w, struct str key, struct str raw);

/* Returns 0, or -EMSGSIZE when the buffer's limit was passed on the way. */
must_check int json_writer_done(struct json_writer *w);

#endif
