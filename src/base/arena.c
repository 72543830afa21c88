#include "base/arena.h"

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif
#ifndef ASAN_POISON_MEMORY_REGION
#define ASAN_POISON_MEMORY_REGION(ptr, size)   ((void)(ptr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(ptr, size) ((void)(ptr), (void)(size))
#endif

/* A waiting stream holds one chunk: it is small on purpose. */
enum {
	CHUNK_SIZE = 4096,
	ALIGN = 16
};

struct arena_chunk {
	struct arena_chunk *next;
	size_t size; /* of data[] */
	size_t at;   /* data[] is used up to here */
	size_t pad;
	char data[];
};

static struct arena_chunk *chunk_new(size_t size, struct arena_chunk *next)
{
	struct arena_chunk *c = xmalloc(sizeof(*c) + size);

	*c = (struct arena_chunk){ .next = next, .size = size };
	ASAN_POISON_MEMORY_REGION(c->data, size);
	return c;
}

static void chunks_free(struct arena_chunk **list, struct arena_chunk *until)
{
	while (*list != until) {
		struct arena_chunk *c = *list;

		*list = c->next;
		ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
		free(c);
	}
}

static void chunk_rewind(struct arena_chunk *c, size_t at)
{
	if (c == NULL)
		return;
	assert(at <= c->at);
	ASAN_POISON_MEMORY_REGION(c->data + at, c->at - at);
	c->at = at;
}

void arena_init(struct arena *a, size_t max)
{
	assert(max > 0);
	*a = (struct arena){ .max = max };
}

void arena_fini(struct arena *a)
{
	chunks_free(&a->chunk, NULL);
	chunks_free(&a->large, NULL);
	a->used = 0;
}

static void chunks_wipe(struct arena_chunk *c)
{
	for (; c != NULL; c = c->next) {
		ASAN_UNPOISON_MEMORY_REGION(c->data, c->size);
		explicit_bzero(c->data, c->size);
	}
}

void arena_wipe(struct arena *a)
{
	chunks_wipe(a->chunk);
	chunks_wipe(a->large);
	arena_fini(a);
}

void arena_reset(struct arena *a)
{
	chunks_free(&a->large, NULL);
	while (a->chunk != NULL && a->chunk->next != NULL)
		chunks_free(&a->chunk, a->chunk->next);
	chunk_rewind(a->chunk, 0);
	a->used = 0;
}

static void *chunk_take(struct arena_chunk *c, size_t size)
{
	char *ptr = c->data + c->at;

	assert(size <= c->size - c->at);
	c->at += size;
	ASAN_UNPOISON_MEMORY_REGION(ptr, size);
	return ptr;
}

void *arena_try(struct arena *a, size_t size)
{
	size_t room = CHUNK_SIZE - sizeof(struct arena_chunk);

	assert(a->used <= a->max);
	if (size > a->max - a->used)
		return NULL;
	a->used += size;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size > room / 4) {
		a->large = chunk_new(size, a->large);
		return chunk_take(a->large, size);
	}
	if (a->chunk == NULL || size > a->chunk->size - a->chunk->at)
		a->chunk = chunk_new(room, a->chunk);
	return chunk_take(a->chunk, size);
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *ptr = arena_try(a, size);

	assert(ptr != NULL && "the caller did not bound the size");
	return ptr;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){
		.chunk = a->chunk,
		.large = a->large,
		.at = a->chunk != NULL ? a->chunk->at : 0,
		.used = a->used,
	};
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
	chunks_free(&a->large, mark.large);
	if (mark.chunk == NULL && a->chunk != NULL) {
		/* Marked when empty: keep one chunk for the next event. */
		while (a->chunk->next != NULL)
			chunks_free(&a->chunk, a->chunk->next);
		chunk_rewind(a->chunk, 0);
	} else {
		chunks_free(&a->chunk, mark.chunk);
		chunk_rewind(a->chunk, mark.at);
	}
	a->used = mark.used;
}

struct str arena_str(struct arena *a, struct str s)
{
	char *ptr = arena_alloc(a, s.len);

	if (s.len > 0)
		memcpy(ptr, s.ptr, s.len);
	return (struct str){ ptr, s.len };
}

char *arena_cz(struct arena *a, struct str s)
{
	char *ptr = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(ptr, s.ptr, s.len);
	ptr[s.len] = '\0';
	return ptr;
}

struct str arena_join(struct arena *a, const struct str *parts, size_t count)
{
	size_t len = 0;
	char *ptr, *at;

	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	at = ptr = arena_alloc(a, len);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > 0)
			memcpy(at, parts[i].ptr, parts[i].len);
		at += parts[i].len;
	}
	return (struct str){ ptr, len };
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args, again;
	char *ptr;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(n >= 0);
	ptr = arena_alloc(a, (size_t)n + 1);
	(void)vsnprintf(ptr, (size_t)n + 1, fmt, again);
	va_end(again);
	return (struct str){ ptr, (size_t)n };
}
