#include "tests/unit/store/objects.h"

struct arena objects_arena;
struct store *objects_store;

int objects_begin(void **state)
{
	int r = fixture_make(state);

	arena_init(&objects_arena, FIXTURE_ARENA);
	objects_store = r == 0 ? fixture_open() : NULL;
	return r;
}

int objects_end(void **state)
{
	fixture_stop();
	fixture_close(objects_store);
	arena_fini(&objects_arena);
	return fixture_drop(state);
}

struct str objects_name(const char *what, unsigned n)
{
	return arena_printf(&objects_arena, "%s_%u", what, n);
}

struct store_object objects_object(enum store_kind kind, struct str id)
{
	return (struct store_object){ .kind = kind, .id = id };
}

struct store_key objects_key(const struct store_object *o)
{
	return (struct store_key){ o->kind, o->owner, o->id };
}

int objects_post(enum store_what what, const struct store_object *o)
{
	struct store_op op = { .what = what, .object = *o };

	return store_post_wait(objects_store, 0, &op, 1, fixture_soon());
}

int objects_apply(const struct store_op *ops, size_t count)
{
	return store_apply(objects_store, ops, count, fixture_soon());
}

int objects_apply_one(enum store_what what, const struct store_object *o,
		      int64_t version)
{
	return objects_apply(&(struct store_op){ .what = what,
						 .version = version,
						 .object = *o },
			     1);
}

struct store_object objects_get(const struct store_object *o)
{
	struct store_key key = objects_key(o);
	struct store_object got = { 0 };

	check_int("get",
		  store_object_get(objects_store, &key, &objects_arena, &got),
		  0);
	return got;
}

int objects_look(const struct store_object *o)
{
	struct store_key key = objects_key(o);
	struct store_object got;

	return store_object_get(objects_store, &key, &objects_arena, &got);
}

struct store_objects objects_list(const struct store_objects_query *q)
{
	struct store_objects page = { 0 };

	check_int("list",
		  store_object_list(objects_store, q, &objects_arena, &page),
		  0);
	return page;
}

/* The rows' ids, apart by commas. */
struct str objects_ids(const struct store_object *rows, size_t count)
{
	struct str text = STR("");

	for (size_t i = 0; i < count; i++) {
		text = arena_printf(&objects_arena, STR_FMT "%s" STR_FMT,
				    STR_ARG(text), i > 0 ? "," : "",
				    STR_ARG(rows[i].id));
	}
	return text;
}

void objects_check_list(const char *what, const struct store_objects_query *q,
			struct str want)
{
	struct store_objects page = objects_list(q);

	check_str(what, objects_ids(page.rows, page.count), want);
}
