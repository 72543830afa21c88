/*
 * log_ring - the log's bounded queue from one thread to the writer.
 *
 * Private to log.  One thread puts, one takes; neither waits for the other.
 */
#ifndef BASE_LOG_RING_H
#define BASE_LOG_RING_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/log.h"

struct log_record {
	int64_t wall_ns;
	enum log_level level;
	bool cut; /* the text went on */
	uint8_t id_len;
	uint16_t text_len;
	uint16_t fields_at; /* in text; text_len: there are none */
	char id[REQUEST_ID_MAX];
	char text[LOG_LINE_MAX];
};

struct log_ring {
	struct log_ring *next; /* in the writer's list */
	atomic_bool orphan;    /* its thread has ended */
	char apart[64];        /* both ends on cache lines of their own */
	_Atomic size_t head;   /* bytes ever put */
	size_t tail_seen;      /* the producer's last look at tail */
	struct log_record in;  /* where the producer makes its line */
	char apart_too[64];
	_Atomic size_t tail; /* bytes ever taken */
	char data[LOG_RING_SIZE];
};

/* Queue ring->in.  False when there is no room. */
bool log_ring_put(struct log_ring *ring);

/* When was the oldest line logged?  False when there is none. */
bool log_ring_oldest(const struct log_ring *ring, int64_t *out_wall_ns);

/* Take the oldest line, which is there. */
void log_ring_take(struct log_ring *ring, struct log_record *out);

/* Half full is when the writer should no longer rest. */
bool log_ring_is_half_full(struct log_ring *ring);

#endif
