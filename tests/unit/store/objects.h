/*
 * objects - one store and short ways to its objects, for their tests.
 */
#ifndef TESTS_STORE_OBJECTS_H
#define TESTS_STORE_OBJECTS_H

#include "store/object.h"

#include "tests/unit/store/fixture.h"

extern struct arena objects_arena;
extern struct store *objects_store;

int objects_begin(void **state);
int objects_end(void **state);
struct str objects_name(const char *what, unsigned n);
struct store_object objects_object(enum store_kind kind, struct str id);
struct store_key objects_key(const struct store_object *o);
int objects_post(enum store_what what, const struct store_object *o);
int objects_apply(const struct store_op *ops, size_t count);
int objects_apply_one(enum store_what what, const struct store_object *o,
		      int64_t version);
struct store_object objects_get(const struct store_object *o);
/* Is it there? */
int objects_look(const struct store_object *o);
struct store_objects objects_list(const struct store_objects_query *q);
/* The rows' ids, apart by commas. */
struct str objects_ids(const struct store_object *rows, size_t count);

void objects_check_list(const char *what, const struct store_objects_query *q,
			struct str want);

#endif
