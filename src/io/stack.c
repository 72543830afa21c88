#include "io/stack.h"

#include <assert.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0u
#define VALGRIND_STACK_DEREGISTER(id)      ((void)(id))
#endif

/* Kept at the very top, in the page that is touched anyway. */
struct stack {
	struct stack *next;
	unsigned valgrind_id;
};

_Static_assert(sizeof(struct stack) == STACK_SIZE - STACK_USABLE, "note");

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static struct stack *note_of(void *bottom)
{
	char *top = (char *)bottom + STACK_SIZE;

	return (struct stack *)(void *)(top - sizeof(struct stack));
}

static void *bottom_of(struct stack *s)
{
	return (char *)s + sizeof(*s) - STACK_SIZE;
}

static void *map_stack(void)
{
	size_t guard = page_size();
	char *low =
		mmap(NULL, STACK_SIZE + guard, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
		     -1, 0);

	if (low == MAP_FAILED)
		return NULL;
	/* The second mapping may be one more than the kernel allows. */
	if (mprotect(low + guard, STACK_SIZE, PROT_READ | PROT_WRITE) < 0) {
		(void)munmap(low, STACK_SIZE + guard);
		return NULL;
	}
	note_of(low + guard)->valgrind_id =
		VALGRIND_STACK_REGISTER(low + guard, low + guard + STACK_SIZE);
	return low + guard;
}

static void unmap_stack(struct stack *s)
{
	char *bottom = bottom_of(s);

	VALGRIND_STACK_DEREGISTER(s->valgrind_id);
	(void)munmap(bottom - page_size(), STACK_SIZE + page_size());
}

void stack_pool_fini(struct stack_pool *pool)
{
	struct stack *s, *next;

	for (s = pool->free; s != NULL; s = next) {
		next = s->next;
		unmap_stack(s);
	}
	*pool = (struct stack_pool){ 0 };
}

void *stack_take(struct stack_pool *pool)
{
	struct stack *s = pool->free;

	if (s == NULL)
		return map_stack();
	assert(pool->free_count > 0);
	pool->free = s->next;
	pool->free_count--;
	return bottom_of(s);
}

void stack_give(struct stack_pool *pool, void *bottom)
{
	struct stack *s = note_of(bottom);

	if (pool->free_count >= STACK_POOL_MAX) {
		unmap_stack(s);
		return;
	}
	/* One deep call must not hold on to memory for ever. */
	if (pool->free_count >= STACK_POOL_HOT) {
		(void)madvise(bottom, STACK_SIZE - STACK_POOL_KEEP,
			      MADV_DONTNEED);
	}
	s->next = pool->free;
	pool->free = s;
	pool->free_count++;
}
