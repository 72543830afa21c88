/*
 * row - a completion, or a batch of ops, on its way to the disk: one block of
 * memory.
 *
 * Private to store/.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "store/op.h"

enum {
	ROW_BLOBS_MAX = 256,       /* of a row; more stay where they are */
	ROW_BLOB_BYTES_MIN = 4096, /* what is shorter is not worth it */
	ROW_HASH_LEN = 32,
};

/* A data URL's base64, taken out of the messages. */
struct row_blob {
	size_t at; /* where it goes, in what is left of the messages */
	struct str bytes;
	uint8_t hash[ROW_HASH_LEN]; /* SHA-256 */
};

struct row {
	struct store_completion c; /* its slices are in bytes */
	size_t size;               /* of the whole block */
	uint32_t ring;             /* the scribe's ... */
	int64_t put_ns;            /* when it was handed over */

	/* Set by row_take_blobs(): what the database keeps of c.request. */
	struct str rest;        /* in cut when that is there */
	char *cut;              /* owned */
	struct row_blob *blobs; /* owned */
	size_t blob_count;

	/* Instead of c, of which only stored_at is used. */
	const struct store_op *ops;
	size_t op_count; /* 0: it is a completion */
	_Alignas(struct store_op) char bytes[];
};

/* Is every text within its limit, and the whole? */
bool row_is_valid(const struct store_completion *c);

/* The block that a copy takes. */
size_t row_size(const struct store_completion *c);

struct row *row_new(const struct store_completion *c);

/* The same for a batch. */
size_t row_batch_size(const struct store_op *ops, size_t count);
struct row *row_batch_new(const struct store_op *ops, size_t count);

void row_free(struct row *r);

/*
 * Owner and id as one number, for an index: the first 64 bits of a SHA-256, so
 * that nobody makes many that are equal.  It is in databases: it never changes.
 */
int64_t row_key(struct str owner, struct str id);

/* All texts of a completion. */
size_t row_bytes(const struct store_completion *c);

/*
 * Find data URLs in the messages, and what is left without them.  A row that has
 * none costs a search for ";base64,", one below ROW_BLOB_BYTES_MIN nothing.
 */
void row_take_blobs(struct row *r);

/* What the row itself takes in the database: row_bytes() without the blobs. */
size_t row_kept_bytes(const struct row *r);

/*
 * The messages as they were, in a: rest with count blobs at their places, which
 * rise.  0, -EMSGSIZE when a's limit is reached, -EUCLEAN for places that are
 * not in rest.
 */
must_check int row_join(struct str rest, const struct row_blob *blobs,
			size_t count, struct arena *a, struct str *out);

enum {
	ROW_TEXTS = 12
};

/* The slices of a completion, in a fixed order. */
void row_texts(struct store_completion *c, struct str *out[ROW_TEXTS]);

#endif
