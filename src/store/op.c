#include "store/op.h"

#include <errno.h>

#include "base/err.h"

void op_texts(struct store_object *o, struct str *out[OP_TEXTS])
{
	struct str *all[OP_TEXTS] = {
		&o->owner, &o->id,   &o->parent, &o->label,
		&o->state, &o->body, &o->input,  &o->aux,
	};

	memcpy(out, all, sizeof(all));
}

size_t op_bytes(const struct store_object *o)
{
	struct store_object copy = *o;
	struct str *texts[OP_TEXTS];
	size_t n = 0;

	op_texts(&copy, texts);
	for (size_t i = 0; i < OP_TEXTS; i++)
		n += texts[i]->len;
	return n;
}

static int check_names(const struct store_object *o)
{
	struct store_object copy = *o;
	struct str *texts[OP_TEXTS];

	op_texts(&copy, texts);
	for (size_t i = 0; i < OP_NAMES; i++) {
		if (texts[i]->len > STORE_TEXT_MAX)
			return err_new(-EMSGSIZE,
				       "store: an object's text is too long");
	}
	return 0;
}

static int check_one(const struct store_op *op)
{
	const struct store_object *o = &op->object;
	bool children = op->what == STORE_DELETE_CHILDREN;

	if (o->kind < 1 || o->kind >= STORE_KINDS ||
	    (children ? o->parent.len == 0 : o->id.len == 0) ||
	    o->state.len > STORE_STATE_MAX)
		return err_new(-EINVAL, "store: not an object");
	return check_names(o);
}

int op_check(const struct store_op *ops, size_t count)
{
	size_t bytes = 0;
	int r = 0;

	if (count < 1 || count > STORE_OPS_MAX)
		return err_new(-EMSGSIZE, "store: %zu objects at once", count);
	for (size_t i = 0; i < count && r == 0; i++) {
		r = check_one(&ops[i]);
		bytes += op_bytes(&ops[i].object);
	}
	if (r == 0 && bytes > STORE_ROW_BYTES_MAX)
		return err_new(-EMSGSIZE, "store: objects are too large");
	return r;
}

int op_check_post(const struct store_op *ops, size_t count)
{
	int r = op_check(ops, count);

	for (size_t i = 0; i < count && r == 0; i++) {
		bool is_sure = ops[i].what == STORE_PUT ||
			       ops[i].what == STORE_DELETE ||
			       ops[i].what == STORE_DELETE_CHILDREN;

		if (!is_sure || ops[i].version != 0 || ops[i].childless)
			r = err_new(-EINVAL, "store: has a condition");
	}
	return r;
}

size_t op_size(const struct store_op *ops, size_t count)
{
	size_t n = count * sizeof(*ops);

	for (size_t i = 0; i < count; i++)
		n += op_bytes(&ops[i].object);
	return n;
}

struct store_op *op_copy(const struct store_op *ops, size_t count, void *to)
{
	struct store_op *copy = to;
	char *at = (char *)&copy[count];

	memcpy(copy, ops, count * sizeof(*ops));
	for (size_t i = 0; i < count; i++) {
		struct str *texts[OP_TEXTS];

		copy[i].object.holder = STR_NULL;
		op_texts(&copy[i].object, texts);
		for (size_t k = 0; k < OP_TEXTS; k++) {
			if (texts[k]->len > 0)
				memcpy(at, texts[k]->ptr, texts[k]->len);
			texts[k]->ptr = at;
			at += texts[k]->len;
		}
	}
	return copy;
}
