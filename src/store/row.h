/*
 * row - a completion on its way to the disk: one block of memory.
 *
 * Private to store/.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "store/store.h"

struct row {
	struct store_completion c; /* its slices are in bytes */
	size_t size;               /* of the whole block */
	char bytes[];
};

/* Is every text within its limit, and the whole? */
bool row_is_valid(const struct store_completion *c);

/* The block that a copy takes. */
size_t row_size(const struct store_completion *c);

struct row *row_new(const struct store_completion *c);
void row_free(struct row *r);

/* What a completion takes, as store_info() counts it. */
size_t row_bytes(const struct store_completion *c);

enum {
	ROW_TEXTS = 11
};

/* The slices of a completion, in a fixed order. */
void row_texts(struct store_completion *c, struct str *out[ROW_TEXTS]);

#endif
