#include "config/value.h"

#include "base/clock.h"
#include "config/problem.h"

#include <assert.h>

struct unit {
	struct str name;
	int64_t factor;
};

/* The first of equal factors is the one that is shown. */
static const struct unit size_units[] = {
	{ STR_INIT("B"), 1 },         { STR_INIT(""), 1 },
	{ STR_INIT("KB"), 1 << 10 },  { STR_INIT("K"), 1 << 10 },
	{ STR_INIT("KiB"), 1 << 10 }, { STR_INIT("MB"), 1 << 20 },
	{ STR_INIT("M"), 1 << 20 },   { STR_INIT("MiB"), 1 << 20 },
	{ STR_INIT("GB"), 1 << 30 },  { STR_INIT("G"), 1 << 30 },
	{ STR_INIT("GiB"), 1 << 30 },
};

static const struct unit duration_units[] = {
	{ STR_INIT("ns"), 1 },
	{ STR_INIT("us"), CLOCK_US },
	{ STR_INIT("ms"), CLOCK_MS },
	{ STR_INIT("s"), CLOCK_S },
	{ STR_INIT(""), CLOCK_S },
	{ STR_INIT("m"), 60 * CLOCK_S },
	{ STR_INIT("min"), 60 * CLOCK_S },
	{ STR_INIT("h"), 3600 * CLOCK_S },
	{ STR_INIT("d"), 86400 * CLOCK_S },
};

static size_t digits_of(struct str s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

/* number * factor, where a fraction of at most nine digits may follow. */
static bool scale(struct str whole, struct str fraction, int64_t factor,
		  int64_t *out)
{
	static const int64_t tens[] = { 1,         10,        100,     1000,
					10000,     100000,    1000000, 10000000,
					100000000, 1000000000 };
	int64_t n, part = 0;

	if (fraction.len >= countof(tens))
		return false;
	if (!str_to_i64(whole, 0, INT64_MAX, &n) ||
	    __builtin_mul_overflow(n, factor, &n))
		return false;
	if (fraction.len > 0) {
		if (!str_to_i64(fraction, 0, INT64_MAX, &part))
			return false;
		part = (int64_t)((__int128)part * factor / tens[fraction.len]);
	}
	if (__builtin_add_overflow(n, part, &n))
		return false;
	*out = n;
	return true;
}

static bool with_unit(struct str text, const struct unit *units, size_t count,
		      int64_t *out)
{
	struct str whole = str_take(text, digits_of(text));
	struct str rest = str_drop(text, whole.len), fraction = STR_NULL;

	if (str_starts(rest, STR("."))) {
		rest = str_drop(rest, 1);
		fraction = str_take(rest, digits_of(rest));
		rest = str_drop(rest, fraction.len);
		if (fraction.len == 0)
			return false;
	}
	rest = str_trim(rest);
	for (size_t i = 0; i < count; i++) {
		if (str_eq_nocase(rest, units[i].name))
			return scale(whole, fraction, units[i].factor, out);
	}
	return false;
}

bool value_size(struct str text, int64_t *out)
{
	return with_unit(text, size_units, countof(size_units), out);
}

bool value_duration(struct str text, int64_t *out)
{
	return with_unit(text, duration_units, countof(duration_units), out);
}

bool value_bool(struct str text, bool *out)
{
	if (value_is_choice("true|yes|on|1", text)) {
		*out = true;
	} else if (value_is_choice("false|no|off|0", text)) {
		*out = false;
	} else {
		return false;
	}
	return true;
}

bool value_number(const struct setting *s, struct str text, int64_t *out)
{
	if (s->kind == SETTING_SIZE)
		return value_size(text, out);
	if (s->kind == SETTING_DURATION)
		return value_duration(text, out);
	assert(s->kind == SETTING_INT);
	return str_to_i64(text, INT64_MIN, INT64_MAX, out);
}

bool value_is_choice(const char *choices, struct str word)
{
	struct str rest = str_of(choices), one;

	while (rest.len > 0) {
		str_cut(rest, '|', &one, &rest);
		if (str_eq_nocase(one, word))
			return true;
	}
	return false;
}

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool value_is_header(struct str name, struct str value)
{
	for (size_t i = 0; i < name.len; i++) {
		if (!is_token_char(name.ptr[i]))
			return false;
	}
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return name.len > 0;
}

bool value_is_near(struct str a, struct str b, size_t *out_distance)
{
	size_t longer = a.len > b.len ? a.len : b.len;
	size_t shorter = a.len > b.len ? b.len : a.len;
	size_t limit = longer < 6 ? 1 : (longer + 2) / 4, d;

	if (longer - shorter > limit)
		return false;
	d = str_distance(a, b);
	if (d > limit)
		return false;
	/* A two-letter word is one edit from too many others. */
	if (d >= longer || (longer <= 2 && d > 0))
		return false;
	*out_distance = d;
	return true;
}

struct str value_nearest(const char *choices, struct str word)
{
	struct str rest = str_of(choices), one, best = STR_NULL;
	size_t best_distance = SIZE_MAX, d;

	while (rest.len > 0) {
		str_cut(rest, '|', &one, &rest);
		if (value_is_near(one, word, &d) && d < best_distance) {
			best = one;
			best_distance = d;
		}
	}
	return best;
}

/* The largest unit that n is a multiple of. */
static struct str number_text(const struct setting *s, int64_t n,
			      struct arena *a)
{
	const struct unit *units =
		s->kind == SETTING_SIZE ? size_units : duration_units;
	size_t count = s->kind == SETTING_SIZE ? countof(size_units)
					       : countof(duration_units);
	const struct unit *best = &units[0];

	if (s->kind == SETTING_INT || n == 0)
		return arena_printf(a, "%lld", (long long)n);
	for (size_t i = 0; i < count; i++) {
		if (n % units[i].factor == 0 && units[i].factor > best->factor)
			best = &units[i];
	}
	return arena_printf(a, "%lld" STR_FMT, (long long)(n / best->factor),
			    STR_ARG(best->name));
}

static struct str choices_text(const char *choices, struct arena *a)
{
	struct str rest = str_of(choices), one, text = STR_NULL;

	while (rest.len > 0) {
		str_cut(rest, '|', &one, &rest);
		text = arena_printf(a, STR_FMT "%s" STR_FMT, STR_ARG(text),
				    text.len > 0 ? ", " : "", STR_ARG(one));
	}
	return text;
}

static struct str quote(const struct setting *s, struct value_text text,
			struct arena *a)
{
	return s->secret ? STR("the value") : problem_quote(a, text.written);
}

static bool check_number(const struct setting *s, struct value_text text,
			 struct arena *a, struct str *out_why)
{
	const char *what = s->kind == SETTING_INT ? "a whole number"
			   : s->kind == SETTING_SIZE
				   ? "a size such as 64KB or 100MB"
				   : "a duration such as 250ms, 15s or 10m";
	struct str quoted = quote(s, text, a), min, max;
	int64_t n;

	if (!value_number(s, text.text, &n)) {
		*out_why = arena_printf(a, STR_FMT " is not %s",
					STR_ARG(quoted), what);
		return false;
	}
	if ((s->min == 0 && s->max == 0) || (n >= s->min && n <= s->max))
		return true;
	min = number_text(s, s->min, a);
	max = number_text(s, s->max, a);
	*out_why =
		arena_printf(a,
			     STR_FMT " is not between " STR_FMT " and " STR_FMT,
			     STR_ARG(quoted), STR_ARG(min), STR_ARG(max));
	return false;
}

static bool check_choice(const struct setting *s, struct value_text text,
			 struct arena *a, struct str *out_why)
{
	struct str quoted = quote(s, text, a), all;
	struct str near = value_nearest(s->choices, text.written);

	if (value_is_choice(s->choices, text.text))
		return true;
	all = choices_text(s->choices, a);
	*out_why = arena_printf(a, STR_FMT " is not one of " STR_FMT,
				STR_ARG(quoted), STR_ARG(all));
	if (near.len > 0) {
		*out_why =
			arena_printf(a,
				     STR_FMT "; did you mean \"" STR_FMT "\"?",
				     STR_ARG(*out_why), STR_ARG(near));
	}
	return false;
}

/* What stands in a header or a path must not end or split it. */
static bool check_text(const struct setting *s, struct value_text text,
		       struct arena *a, struct str *out_why)
{
	struct str quoted = quote(s, text, a);

	for (size_t i = 0; i < text.text.len; i++) {
		unsigned char c = (unsigned char)text.text.ptr[i];

		if (c == '\0' || c == '\r' || c == '\n') {
			*out_why =
				arena_printf(a, STR_FMT " has a line end in it",
					     STR_ARG(quoted));
			return false;
		}
	}
	return true;
}

bool value_check(const struct setting *s, struct value_text text,
		 struct arena *a, struct str *out_why)
{
	struct str quoted;
	bool b;

	switch (s->kind) {
	case SETTING_INT:
	case SETTING_SIZE:
	case SETTING_DURATION:
		return check_number(s, text, a, out_why);
	case SETTING_ENUM:
		return check_choice(s, text, a, out_why);
	case SETTING_BOOL:
		if (value_bool(text.text, &b))
			return true;
		quoted = quote(s, text, a);
		*out_why = arena_printf(a, STR_FMT " is neither true nor false",
					STR_ARG(quoted));
		return false;
	case SETTING_STR:
	case SETTING_PATH:
		return check_text(s, text, a, out_why);
	case SETTING_LIST:
	case SETTING_MAP:
		break;
	}
	assert(false && "a list or map has no text");
	return false;
}
