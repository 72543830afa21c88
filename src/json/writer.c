#include "json/writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "json/json.h"
#include "json/scan.h"

enum {
	NUMBER_TEXT_MAX = 32
};

/*
 * Where n more bytes go, which are counted already.  After the first error
 * nothing more is written, and this is NULL, but misuse is still seen.
 */
static inline char *room(struct json_writer *w, size_t n)
{
	struct buf *out = w->out;
	char *at;

	if (w->error != 0)
		return NULL;
	if (n > out->cap - out->len || n > out->max - out->len) {
		w->error = buf_reserve(out, n);
		if (w->error != 0)
			return NULL;
	}
	at = out->ptr + out->len;
	out->len += n;
	return at;
}

static inline void add(struct json_writer *w, struct str text)
{
	char *at = text.len > 0 ? room(w, text.len) : NULL;

	if (at != NULL)
		memcpy(at, text.ptr, text.len);
}

static inline void add_char(struct json_writer *w, char c)
{
	char *at = room(w, 1);

	if (at != NULL)
		*at = c;
}

static void add_quoted(struct json_writer *w, struct str s)
{
	if (w->error == 0)
		w->error = json_quote(w->out, s);
}

/* "key": as most keys are. */
static void add_plain_key(struct json_writer *w, struct str key)
{
	char *at = room(w, key.len + 3);

	if (at == NULL)
		return;
	*at++ = '"';
	if (key.len > 0)
		memcpy(at, key.ptr, key.len);
	at += key.len;
	*at++ = '"';
	*at = ':';
}

static bool in_object(const struct json_writer *w)
{
	return w->depth > 0 && (w->objects >> (w->depth - 1) & 1) != 0;
}

/* What comes before any value: a comma, unless its key came just now. */
static void before_value(struct json_writer *w)
{
	assert(in_object(w) == w->key);
	assert(w->depth > 0 || !w->comma);

	if (w->comma && !w->key)
		add_char(w, ',');
	w->key = false;
	w->comma = true;
}

static void open_level(struct json_writer *w, bool object)
{
	uint64_t bit;

	before_value(w);
	assert(w->depth < JSON_WRITER_DEPTH);
	bit = UINT64_C(1) << w->depth;
	w->objects = object ? w->objects | bit : w->objects & ~bit;
	w->depth++;
	w->comma = false;
	add_char(w, object ? '{' : '[');
}

void json_writer_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){ .out = out };
}

void json_object(struct json_writer *w)
{
	open_level(w, true);
}

void json_array(struct json_writer *w)
{
	open_level(w, false);
}

void json_end(struct json_writer *w)
{
	assert(w->depth > 0 && !w->key);

	add_char(w, in_object(w) ? '}' : ']');
	w->depth--;
	w->comma = true;
}

void json_member(struct json_writer *w, struct str key)
{
	assert(in_object(w) && !w->key);

	if (w->comma)
		add_char(w, ',');
	if (scan_all_plain(key.ptr, key.len)) {
		add_plain_key(w, key);
	} else {
		add_quoted(w, key);
		add_char(w, ':');
	}
	w->key = true;
}

void json_member_copy(struct json_writer *w, struct str raw_key, struct str raw)
{
	assert(in_object(w) && !w->key && raw_key.len > 1);

	if (w->comma)
		add_char(w, ',');
	add(w, raw_key);
	add_char(w, ':');
	w->key = true;
	json_add_raw(w, raw);
}

void json_add_raw(struct json_writer *w, struct str raw)
{
	assert(raw.len > 0);

	before_value(w);
	add(w, raw);
}

void json_more_raw(struct json_writer *w, struct str raw)
{
	assert(w->comma && !w->key);

	add(w, raw);
}

void json_more_str(struct json_writer *w, struct str s)
{
	assert(w->comma && !w->key);

	add_quoted(w, s);
}

void json_add_str(struct json_writer *w, struct str s)
{
	before_value(w);
	add_quoted(w, s);
}

void json_add_int(struct json_writer *w, int64_t n)
{
	uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
	char text[NUMBER_TEXT_MAX];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (n < 0)
		text[--at] = '-';
	json_add_raw(w, (struct str){ text + at, sizeof(text) - at });
}

void json_add_double(struct json_writer *w, double d)
{
	char text[NUMBER_TEXT_MAX];
	/* Every normal double with a text of up to 15 digits shows it at 15. */
	int precision = fpclassify(d) == FP_SUBNORMAL ? 1 : 15, len;

	if (!isfinite(d)) {
		json_add_null(w);
		return;
	}
	do {
		len = snprintf(text, sizeof(text), "%.*g", precision, d);
	} while (precision++ < 17 && strtod(text, NULL) != d);
	json_add_raw(w, (struct str){ text, (size_t)len });
}

void json_add_bool(struct json_writer *w, bool b)
{
	json_add_raw(w, b ? STR("true") : STR("false"));
}

void json_add_null(struct json_writer *w)
{
	json_add_raw(w, STR("null"));
}

void json_member_str(struct json_writer *w, struct str key, struct str s)
{
	json_member(w, key);
	json_add_str(w, s);
}

void json_member_int(struct json_writer *w, struct str key, int64_t n)
{
	json_member(w, key);
	json_add_int(w, n);
}

void json_member_bool(struct json_writer *w, struct str key, bool b)
{
	json_member(w, key);
	json_add_bool(w, b);
}

void json_member_null(struct json_writer *w, struct str key)
{
	json_member(w, key);
	json_add_null(w);
}

void json_member_double(struct json_writer *w, struct str key, double d)
{
	json_member(w, key);
	json_add_double(w, d);
}

void json_member_raw(struct json_writer *w, struct str key, struct str raw)
{
	json_member(w, key);
	json_add_raw(w, raw);
}

int json_writer_done(struct json_writer *w)
{
	assert(w->depth == 0 && !w->key);

	return w->error < 0 ? err_up(w->error) : 0;
}
