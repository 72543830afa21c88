/*
 * op - what is done with an object, on its way to the disk.
 *
 * Private to store/.
 */
#ifndef STORE_OP_H
#define STORE_OP_H

#include "store/object.h"

enum {
	OP_TEXTS = 8, /* of an object */
	OP_NAMES = 5, /* of these, the first: what is looked for */
};

/* The slices of an object that are written: names, then JSON. */
void op_texts(struct store_object *o, struct str *out[OP_TEXTS]);

/* All texts of an object. */
size_t op_bytes(const struct store_object *o);

/* Could these be applied; could they be posted?  0, -EINVAL, -EMSGSIZE. */
must_check int op_check(const struct store_op *ops, size_t count);
must_check int op_check_post(const struct store_op *ops, size_t count);

/* What op_copy() writes. */
size_t op_size(const struct store_op *ops, size_t count);

/* The ops and all their texts in one piece of memory, which is aligned. */
struct store_op *op_copy(const struct store_op *ops, size_t count, void *to);

#endif
