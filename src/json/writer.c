#include "json/writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "json/json.h"

enum {
	NUMBER_TEXT_MAX = 32
};

/* After the first error nothing more is written, but misuse is still seen. */
static void add(struct json_writer *w, struct str text)
{
	if (w->error == 0)
		w->error = buf_add(w->out, text);
}

static void add_quoted(struct json_writer *w, struct str s)
{
	if (w->error == 0)
		w->error = json_quote(w->out, s);
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
		add(w, STR(","));
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
	add(w, object ? STR("{") : STR("["));
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

	add(w, in_object(w) ? STR("}") : STR("]"));
	w->depth--;
	w->comma = true;
}

void json_member(struct json_writer *w, struct str key)
{
	assert(in_object(w) && !w->key);

	if (w->comma)
		add(w, STR(","));
	add_quoted(w, key);
	add(w, STR(":"));
	w->key = true;
}

void json_member_copy(struct json_writer *w, struct str raw_key, struct str raw)
{
	assert(in_object(w) && !w->key && raw_key.len > 1);

	if (w->comma)
		add(w, STR(","));
	add(w, raw_key);
	add(w, STR(":"));
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
	char text[NUMBER_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%lld", (long long)n);

	json_add_raw(w, (struct str){ text, (size_t)len });
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
