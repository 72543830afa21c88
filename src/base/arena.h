/*
 * arena - memory that is freed all at once.
 *
 *	struct arena a;
 *
 *	arena_init(&a, 64 << 20);
 *	p = arena_alloc(&a, n);
 *	mark = arena_mark(&a);
 *	...
 *	arena_rewind(&a, mark);
 *	arena_fini(&a);
 *
 * One request has one arena.  Allocations are aligned to 16 bytes and not
 * zeroed.  Blocks larger than a quarter of a chunk are allocated apart, at
 * exactly their size.  Sizes that an outsider can choose are bounded by the
 * caller first; passing the arena's limit returns NULL from arena_try() and is
 * a failed assertion in arena_alloc().  Freed memory is poisoned under
 * AddressSanitizer.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* newest first; owned */
	struct arena_chunk *large; /* blocks apart, newest first; owned */
	size_t used;               /* bytes handed out */
	size_t max;                /* used never exceeds this */
};

struct arena_mark {
	struct arena_chunk *chunk;
	struct arena_chunk *large;
	size_t at;
	size_t used;
};

/* No memory is taken before the first allocation. */
void arena_init(struct arena *a, size_t max);

/* Free everything; a is ready for arena_alloc() again, with the same limit. */
void arena_fini(struct arena *a);

/* The same, after its memory was overwritten: for keys. */
void arena_wipe(struct arena *a);

/* Forget everything but keep one chunk for the next user. */
void arena_reset(struct arena *a);

void *arena_alloc(struct arena *a, size_t size)
	__attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t size)
	__attribute__((returns_nonnull));

/* As arena_alloc(), but NULL when the limit would be passed. */
void *arena_try(struct arena *a, size_t size);

struct arena_mark arena_mark(const struct arena *a);

/* Free all that was allocated since the mark. */
void arena_rewind(struct arena *a, struct arena_mark mark);

/* A copy of s. */
struct str arena_str(struct arena *a, struct str s);

/* A NUL-terminated copy of s. */
char *arena_cz(struct arena *a, struct str s);

/* The parts in a row. */
struct str arena_join(struct arena *a, const struct str *parts, size_t count);

/* Text as printf() would make it. */
struct str arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
