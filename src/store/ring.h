/*
 * ring - the store's bounded queue from one producer to the writing thread.
 *
 * Private to store/.  One thread puts, one takes; neither waits for the other.
 * A row counts against the bytes until it is committed or given up.
 */
#ifndef STORE_RING_H
#define STORE_RING_H

#include <stdatomic.h>

#include "store/row.h"

struct ring_slot {
	struct row *row;
};

struct ring {
	_Atomic uint64_t head; /* rows ever put */
	uint64_t tail_seen;    /* the producer's last look at tail */
	size_t mask;
	size_t bytes_max;
	_Atomic uint64_t full;    /* times there was no room */
	_Atomic uint64_t dropped; /* of these, rows that were given up */
	char apart[64];           /* both ends on cache lines of their own */
	_Atomic uint64_t tail;    /* rows ever taken */
	_Atomic uint64_t done;    /* rows ever committed or given up */
	_Atomic size_t bytes;     /* of rows that are not done */
	struct ring_slot *slots;  /* owned */
};

/* rows is a power of two. */
void ring_init(struct ring *ring, size_t rows, size_t bytes_max);

/* Frees the rows that are left. */
void ring_fini(struct ring *ring);

/* The producer asks first: is there room for a row of that size? */
bool ring_has_room(struct ring *ring, size_t row_size);

/* Queue r, for which there is room, and which then belongs to the ring. */
void ring_put(struct ring *ring, struct row *r);

/* The oldest row, or NULL. */
struct row *ring_take(struct ring *ring);

/* A row that was taken is done with. */
void ring_finish(struct ring *ring, size_t row_size);

/* Rows that wait. */
size_t ring_count(const struct ring *ring);

#endif
