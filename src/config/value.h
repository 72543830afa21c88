/*
 * value - what the text of a setting means, and whether it may stand.
 *
 *	if (!value_check(setting, text, arena, &why))
 *		problem_error(problems, at, STR_FMT, STR_ARG(why));
 *
 * Numbers may have a fraction ("1.5s"); sizes count in 1024.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/arena.h"
#include "config/setting.h"

/* A text, and how it was written before variables were put in. */
struct value_text {
	struct str text;
	struct str written; /* may be shown: a variable may hold a secret */
};

/* All of text, or false and *out is left alone. */
bool value_size(struct str text, int64_t *out);     /* bytes */
bool value_duration(struct str text, int64_t *out); /* ns */
bool value_bool(struct str text, bool *out);

/* INT, SIZE or DURATION, by the setting's kind; not the limits. */
bool value_number(const struct setting *s, struct str text, int64_t *out);

/* Is word one of "a|b|c"? */
bool value_is_choice(const char *choices, struct str word);

/* A name and a value that may be sent as an HTTP header (RFC 9110 5.1, 5.5). */
bool value_is_header(struct str name, struct str value);

/*
 * May text be the setting's value?  Not for LIST and MAP.  If not, *out_why is
 * a sentence in a that quotes what was written, unless the setting is secret.
 */
bool value_check(const struct setting *s, struct value_text text,
		 struct arena *a, struct str *out_why);

/* The word of "a|b|c" that was probably meant, or "". */
struct str value_nearest(const char *choices, struct str word);

/* True when a and b are so alike that one was meant as the other. */
bool value_is_near(struct str a, struct str b, size_t *out_distance);

#endif
