#include "base/log_ring.h"

#include <assert.h>

/* As it lies in the ring, before the id and the text. */
struct header {
	int64_t wall_ns;
	uint16_t text_len, fields_at;
	uint8_t id_len;
	uint8_t level;
	uint8_t cut;
};

_Static_assert((LOG_RING_SIZE & (LOG_RING_SIZE - 1)) == 0,
	       "places in the ring are masked");

static void copy_in(struct log_ring *ring, size_t at, const void *from,
		    size_t len)
{
	size_t i = at & (LOG_RING_SIZE - 1);
	size_t first = LOG_RING_SIZE - i < len ? LOG_RING_SIZE - i : len;

	memcpy(ring->data + i, from, first);
	memcpy(ring->data, (const char *)from + first, len - first);
}

static void copy_out(const struct log_ring *ring, size_t at, void *to,
		     size_t len)
{
	size_t i = at & (LOG_RING_SIZE - 1);
	size_t first = LOG_RING_SIZE - i < len ? LOG_RING_SIZE - i : len;

	memcpy(to, ring->data + i, first);
	memcpy((char *)to + first, ring->data, len - first);
}

bool log_ring_put(struct log_ring *ring)
{
	const struct log_record *in = &ring->in;
	struct header h = { .wall_ns = in->wall_ns,
			    .text_len = in->text_len,
			    .fields_at = in->fields_at,
			    .id_len = in->id_len,
			    .level = (uint8_t)in->level,
			    .cut = in->cut };
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
	size_t size = sizeof(h) + h.id_len + h.text_len;

	if (size > LOG_RING_SIZE - (head - ring->tail_seen)) {
		ring->tail_seen =
			atomic_load_explicit(&ring->tail, memory_order_acquire);
	}
	if (size > LOG_RING_SIZE - (head - ring->tail_seen))
		return false;
	copy_in(ring, head, &h, sizeof(h));
	copy_in(ring, head + sizeof(h), in->id, h.id_len);
	copy_in(ring, head + sizeof(h) + h.id_len, in->text, h.text_len);

	/* In one order with the writer's "I sleep", or both could miss. */
	atomic_store_explicit(&ring->head, head + size, memory_order_seq_cst);
	return true;
}

bool log_ring_oldest(const struct log_ring *ring, int64_t *out_wall_ns)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_seq_cst);
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct header h;

	if (head == tail)
		return false;
	copy_out(ring, tail, &h, sizeof(h));
	*out_wall_ns = h.wall_ns;
	return true;
}

void log_ring_take(struct log_ring *ring, struct log_record *out)
{
	size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	struct header h;

	copy_out(ring, tail, &h, sizeof(h));
	tail += sizeof(h);
	assert(h.id_len <= sizeof(out->id) && h.text_len <= sizeof(out->text));

	out->wall_ns = h.wall_ns;
	out->level = (enum log_level)h.level;
	out->cut = h.cut != 0;
	out->id_len = h.id_len;
	out->text_len = h.text_len;
	out->fields_at = h.fields_at;
	copy_out(ring, tail, out->id, h.id_len);
	tail += h.id_len;
	copy_out(ring, tail, out->text, h.text_len);
	tail += h.text_len;
	atomic_store_explicit(&ring->tail, tail, memory_order_release);
}

bool log_ring_is_half_full(struct log_ring *ring)
{
	size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head - ring->tail_seen < LOG_RING_SIZE / 2)
		return false;
	ring->tail_seen =
		atomic_load_explicit(&ring->tail, memory_order_acquire);
	return head - ring->tail_seen >= LOG_RING_SIZE / 2;
}
