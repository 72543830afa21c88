#include "recording/differ.h"

#include "base/utf8.h"
#include "recording/key.h"
#include "recording/secret.h"

enum {
	BEFORE = 40, /* bytes shown in front of the first that differs */
	INDEX_TEXT_MAX = 24,
};

/* How one came to a value: the innermost step first. */
struct step {
	const struct step *up;
	struct str key; /* of a member; ptr NULL: an element */
	size_t index;
};

struct comparison {
	const struct json *was, *now;
	struct arena *a;
	struct differ *out;
	differ_say *say; /* or NULL */
	void *arg;
};

/* A key's text with '~' and '/' escaped (RFC 6901 section 3). */
static struct str escape(struct str key, struct arena *a)
{
	char *out = arena_alloc(a, 2 * key.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < key.len; i++) {
		char c = key.ptr[i];

		out[n++] = c == '/' ? '~' : c;
		if (c == '~' || c == '/')
			out[n++] = c == '~' ? '0' : '1';
	}
	return (struct str){ out, n };
}

static struct str pointer_of(const struct step *step, struct arena *a)
{
	struct str up, last;

	if (step == NULL)
		return STR("");
	up = pointer_of(step->up, a);
	last = step->key.ptr != NULL ? escape(step->key, a)
				     : arena_printf(a, "%zu", step->index);
	return arena_join(a, (struct str[]){ up, STR("/"), last }, 3);
}

/* A value as text: of a string what it says, of others the source. */
static struct str text_of(const struct json *doc, uint32_t v, struct arena *a)
{
	return json_type(doc, v) == JSON_STRING ? json_string(doc, v, a)
						: json_raw(doc, v);
}

/* Not in the middle of a character. */
static struct str whole_chars(struct str s)
{
	while (s.len > 0 && utf8_is_tail((uint8_t)s.ptr[0]))
		s = str_drop(s, 1);
	while (s.len > 0 && utf8_is_tail((uint8_t)s.ptr[s.len - 1]))
		s.len--;
	if (s.len > 0 && (uint8_t)s.ptr[s.len - 1] >= 0xc0)
		s.len--;
	return s;
}

static struct str redact(struct str s, struct arena *a)
{
	struct buf clean;
	struct str out = s;

	buf_init(&clean, RECORDING_FILE_MAX);
	if (secret_redact_text(s, &clean) > 0)
		out = arena_str(a, buf_str(&clean));
	buf_fini(&clean);
	return out;
}

/* What stands around byte at, on one line. */
static struct str shorten(struct str s, size_t at, struct arena *a)
{
	size_t from = at > BEFORE ? at - BEFORE : 0;
	struct str part = str_take(str_drop(s, from), DIFFER_TEXT_MAX);
	char *line;

	part = part.len < s.len ? whole_chars(part) : part;
	line = arena_cz(a, part);
	for (size_t i = 0; i < part.len; i++) {
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	}
	return arena_printf(a, "%s" STR_FMT "%s", from > 0 ? "..." : "",
			    (int)part.len, line,
			    from + part.len < s.len ? "..." : "");
}

/* "2026-11-21...", or a time in seconds or milliseconds of this century. */
static bool is_time(struct str s)
{
	int64_t n;

	if (s.len >= 10 && s.ptr[4] == '-' && s.ptr[7] == '-')
		return str_to_i64(str_take(s, 4), 1970, 2999, &n);
	return str_to_i64(s, 1000000000, 9999999999, &n) ||
	       str_to_i64(s, 1000000000000, 9999999999999, &n);
}

static bool is_changing(struct str was, struct str now)
{
	return (key_is_id(was) && key_is_id(now)) ||
	       (is_time(was) && is_time(now));
}

static void tell(const struct comparison *c, const struct step *step,
		 const uint32_t values[2], const struct str texts[2])
{
	struct differ_change change = {
		.pointer = pointer_of(step, c->a),
		.is_text = json_type(c->was, values[0]) == JSON_STRING &&
			   json_type(c->now, values[1]) == JSON_STRING,
	};

	if (values[0] != JSON_NONE)
		change.was = texts[0].len > 0 ? texts[0] : STR("");
	if (values[1] != JSON_NONE)
		change.now = texts[1].len > 0 ? texts[1] : STR("");
	c->say(c->arg, &change);
}

/* One of them may be JSON_NONE. */
static void note(struct comparison *c, const struct step *step, uint32_t was,
		 uint32_t now)
{
	struct str x = redact(text_of(c->was, was, c->a), c->a);
	struct str y = redact(text_of(c->now, now, c->a), c->a);
	size_t at = 0;

	if (c->say != NULL) {
		tell(c, step, (uint32_t[]){ was, now }, (struct str[]){ x, y });
	}
	if (is_changing(x, y))
		c->out->changing++;
	if (c->out->count++ > 0)
		return;
	while (at < x.len && at < y.len && x.ptr[at] == y.ptr[at])
		at++;
	c->out->pointer = pointer_of(step, c->a);
	c->out->was = was != JSON_NONE ? shorten(x, at, c->a) : STR("");
	c->out->now = now != JSON_NONE ? shorten(y, at, c->a) : STR("");
}

static bool is_same_scalar(const struct comparison *c, uint32_t was,
			   uint32_t now)
{
	double x, y;

	if (json_type(c->was, was) == JSON_STRING) {
		return json_is(c->was, was, json_string(c->now, now, c->a));
	}
	if (str_eq(json_raw(c->was, was), json_raw(c->now, now)))
		return true;
	/* Written apart: 1 and 1.0.  Equal as doubles will do to explain. */
	return json_to_double(c->was, was, &x) &&
	       json_to_double(c->now, now, &y) && !(x < y) && !(x > y);
}

static void compare(struct comparison *c, const struct step *step, uint32_t was,
		    uint32_t now);

static struct str key_of(const struct json *doc, uint32_t member,
			 struct arena *a)
{
	struct str key = json_string(doc, json_key(doc, member), a);

	return key.ptr != NULL ? key : STR("");
}

static void compare_objects(struct comparison *c, const struct step *step,
			    uint32_t was, uint32_t now)
{
	for (uint32_t i = json_first(c->now, now); i != JSON_NONE;
	     i = json_next(c->now, i)) {
		struct step inner = { .up = step,
				      .key = key_of(c->now, i, c->a) };

		compare(c, &inner, json_get(c->was, was, inner.key), i);
	}
	for (uint32_t i = json_first(c->was, was); i != JSON_NONE;
	     i = json_next(c->was, i)) {
		struct step inner = { .up = step,
				      .key = key_of(c->was, i, c->a) };

		if (json_get(c->now, now, inner.key) == JSON_NONE)
			compare(c, &inner, i, JSON_NONE);
	}
}

static void compare_arrays(struct comparison *c, const struct step *step,
			   uint32_t was, uint32_t now)
{
	struct step inner = { .up = step };

	was = json_first(c->was, was);
	now = json_first(c->now, now);
	while (was != JSON_NONE || now != JSON_NONE) {
		compare(c, &inner, was, now);
		was = json_next(c->was, was);
		now = json_next(c->now, now);
		inner.index++;
	}
}

static void compare(struct comparison *c, const struct step *step, uint32_t was,
		    uint32_t now)
{
	enum json_type type = json_type(c->was, was);

	if (c->out->count == DIFFER_COUNT_MAX)
		return;
	if (type != json_type(c->now, now)) {
		note(c, step, was, now);
	} else if (type == JSON_OBJECT) {
		compare_objects(c, step, was, now);
	} else if (type == JSON_ARRAY) {
		compare_arrays(c, step, was, now);
	} else if (!is_same_scalar(c, was, now)) {
		note(c, step, was, now);
	}
}

void differ_compare(const struct json *was, const struct json *now,
		    struct arena *a, struct differ *out)
{
	struct comparison c = { was, now, a, out, NULL, NULL };

	*out = (struct differ){ 0 };
	compare(&c, NULL, json_root(was), json_root(now));
}

size_t differ_each(const struct json *was, const struct json *now,
		   struct arena *a, differ_say *say, void *arg)
{
	struct differ out = { 0 };
	struct comparison c = { was, now, a, &out, say, arg };

	compare(&c, NULL, json_root(was), json_root(now));
	return out.count;
}
