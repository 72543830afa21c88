/*
 * str - an immutable slice of bytes.
 *
 *	struct str s = STR("  key=value ");
 *
 *	str_cut(str_trim(s), '=', &key, &value);
 *	printf(STR_FMT "\n", STR_ARG(key));
 *
 * A slice does not own its memory and is not NUL-terminated.  It is passed by
 * value.  The memory belongs to an arena, a buffer or the program text, and the
 * function that returns a slice says which.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The caller must look at the result. */
#define must_check __attribute__((warn_unused_result))

/*
 * An array that is filled in part and read no further, on a hot path: left as
 * it is where the compiler would clear all variables.
 */
#if __has_attribute(uninitialized)
#define filled_later __attribute__((uninitialized))
#else
#define filled_later
#endif

#define countof(array) (sizeof(array) / sizeof(*(array)))

struct str {
	const char *ptr;
	size_t len;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_NULL     ((struct str){ 0 })
/* For static tables, where gcc 12 wants a constant initialiser. */
#define STR_INIT(lit)                   \
	{                               \
		"" lit, sizeof(lit) - 1 \
	}
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).len, ((s).ptr != NULL ? (s).ptr : "")

/* The slice of a NUL-terminated string; NULL gives the empty slice. */
static inline struct str str_of(const char *cz)
{
	return cz == NULL ? STR_NULL : (struct str){ cz, strlen(cz) };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* s without its first n bytes. */
static inline struct str str_drop(struct str s, size_t n)
{
	if (n > s.len)
		n = s.len;
	return n == 0 ? s : (struct str){ s.ptr + n, s.len - n };
}

/* The first n bytes of s, or all of it when it is shorter. */
static inline struct str str_take(struct str s, size_t n)
{
	return (struct str){ s.ptr, n < s.len ? n : s.len };
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.len >= prefix.len && str_eq(str_take(s, prefix.len), prefix);
}

static inline bool str_ends(struct str s, struct str suffix)
{
	return s.len >= suffix.len &&
	       str_eq(str_drop(s, s.len - suffix.len), suffix);
}

/* ASCII only: no locale ever changes what these two say. */
static inline char str_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_eq_nocase(struct str a, struct str b);

/* < 0, 0 or > 0 as memcmp() would order them, a shorter prefix first. */
int str_cmp(struct str a, struct str b);

/* Where needle first stands in s, or s.len. */
size_t str_find(struct str s, struct str needle);

/* s without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/* Split s at the first c.  Without a c, head is all of s and tail is empty. */
bool str_cut(struct str s, char c, struct str *head, struct str *tail);

/*
 * Read all of s as a decimal integer between min and max.  Returns false, and
 * leaves out alone, for anything else: no digits, a plus sign, spaces, more.
 */
bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out);

/*
 * The edit distance of a and b (insert, delete, replace, swap neighbours), for
 * "did you mean"; strings over 64 bytes count as far away (SIZE_MAX).
 */
size_t str_distance(struct str a, struct str b);

#endif
