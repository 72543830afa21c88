/*
 * buf - a growable byte buffer with a hard limit.
 *
 *	struct buf b;
 *
 *	buf_init(&b, 64 * 1024);
 *	r = buf_add(&b, STR("hello"));
 *	buf_fini(&b);
 *
 * A buffer cannot be made without saying how large it may get.  Passing the
 * limit is an error of the peer (-EMSGSIZE); running out of memory aborts.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/str.h"

struct buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t max; /* len never exceeds this */
};

/* malloc() and realloc() that abort when memory is short. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *ptr, size_t size) __attribute__((returns_nonnull));

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

/* Append s.  Returns 0, or -EMSGSIZE and leaves b as it was. */
must_check int buf_add(struct buf *b, struct str s);

/* Append text as printf() would.  Returns 0, or -EMSGSIZE as buf_add(). */
must_check int buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Make room for n more bytes at b->ptr + b->len, for the caller to fill and
 * count in b->len.  Returns 0, or -EMSGSIZE and leaves b as it was.
 */
must_check int buf_reserve(struct buf *b, size_t n);

/* Forget the first n bytes. */
void buf_drop(struct buf *b, size_t n);

/* Give the memory back, keep the limit. */
void buf_release(struct buf *b);

static inline void buf_clear(struct buf *b)
{
	b->len = 0;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->ptr, b->len };
}

#endif
