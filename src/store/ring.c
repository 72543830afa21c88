#include "store/ring.h"

#include <assert.h>
#include <stdlib.h>

#include "base/buf.h"

void ring_init(struct ring *ring, size_t rows, size_t bytes_max)
{
	assert(rows > 0 && (rows & (rows - 1)) == 0);
	*ring = (struct ring){ .mask = rows - 1, .bytes_max = bytes_max };
	ring->slots = xcalloc(rows, sizeof(*ring->slots));
}

void ring_fini(struct ring *ring)
{
	struct row *r;

	while ((r = ring_take(ring)) != NULL)
		row_free(r);
	free(ring->slots);
}

/* With nothing else queued any row that may be at all has room. */
bool ring_has_room(struct ring *ring, size_t row_size)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t bytes = atomic_load_explicit(&ring->bytes, memory_order_relaxed);

	if (bytes > 0 && row_size > ring->bytes_max - bytes)
		return false;
	if (head - ring->tail_seen > ring->mask) {
		ring->tail_seen =
			atomic_load_explicit(&ring->tail, memory_order_acquire);
	}
	return head - ring->tail_seen <= ring->mask;
}

void ring_put(struct ring *ring, struct row *r)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	atomic_fetch_add_explicit(&ring->bytes, r->size, memory_order_relaxed);
	ring->slots[head & ring->mask].row = r;

	/* In one order with the writer's "I sleep", or both could miss. */
	atomic_store_explicit(&ring->head, head + 1, memory_order_seq_cst);
}

struct row *ring_take(struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct row *r;

	if (atomic_load_explicit(&ring->head, memory_order_seq_cst) == tail)
		return NULL;
	r = ring->slots[tail & ring->mask].row;
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return r;
}

void ring_finish(struct ring *ring, size_t row_size)
{
	atomic_fetch_sub_explicit(&ring->bytes, row_size, memory_order_relaxed);
	atomic_fetch_add_explicit(&ring->done, 1, memory_order_release);
}

size_t ring_count(const struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	return atomic_load_explicit(&ring->head, memory_order_seq_cst) - tail;
}
