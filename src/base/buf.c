#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BUF_CAP_MIN = 64
};

void *xmalloc(size_t size)
{
	void *ptr = malloc(size > 0 ? size : 1);

	if (ptr == NULL)
		abort();
	return ptr;
}

void *xcalloc(size_t n, size_t size)
{
	void *ptr = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

	if (ptr == NULL)
		abort();
	return ptr;
}

void *xrealloc(void *ptr, size_t size)
{
	ptr = realloc(ptr, size > 0 ? size : 1);
	if (ptr == NULL)
		abort();
	return ptr;
}

void buf_init(struct buf *b, size_t max)
{
	assert(max > 0);
	*b = (struct buf){ .max = max };
}

void buf_fini(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ 0 };
}

void buf_release(struct buf *b)
{
	free(b->ptr);
	*b = (struct buf){ .max = b->max };
}

int buf_reserve(struct buf *b, size_t n)
{
	size_t cap;

	assert(b->len <= b->max);

	if (n > b->max - b->len)
		return -EMSGSIZE;
	if (n <= b->cap - b->len)
		return 0;
	cap = 2 * (b->len + n);
	if (cap < BUF_CAP_MIN)
		cap = BUF_CAP_MIN;
	if (cap > b->max)
		cap = b->max;
	b->ptr = xrealloc(b->ptr, cap);
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, struct str s)
{
	int r;

	if (s.len == 0)
		return 0;
	r = buf_reserve(b, s.len);
	if (r < 0)
		return r;
	memcpy(b->ptr + b->len, s.ptr, s.len);
	b->len += s.len;
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	int n, r;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(n >= 0);

	/* One more: vsnprintf() also writes a NUL, which is not counted. */
	r = buf_reserve(b, (size_t)n);
	if (r == 0 && b->cap - b->len == (size_t)n) {
		b->ptr = xrealloc(b->ptr, b->cap + 1);
		b->cap++;
	}
	if (r == 0) {
		(void)vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return r;
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->len);

	b->len -= n;
	if (n > 0 && b->len > 0)
		memmove(b->ptr, b->ptr + n, b->len);
}
