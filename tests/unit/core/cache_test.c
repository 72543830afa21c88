#include "core/cache.h"

#include "tests/unit/table.h"

enum {
	BIG = CACHE_BYTES / 4
};

static struct stat stat_of(int inode)
{
	return (struct stat){ .st_ino = (ino_t)inode, .st_size = 7 };
}

static struct cached *add(struct cache *c, struct str path, int inode,
			  size_t bytes)
{
	struct stat st = stat_of(inode);
	struct file file = { 0 };

	arena_init(&file.arena, SIZE_MAX / 2);
	file.recording.response.body =
		(struct str){ arena_alloc(&file.arena, bytes), bytes };
	return cache_add(c, path, &st, &file);
}

static bool has(struct cache *c, struct str path, int inode)
{
	struct stat st = stat_of(inode);
	struct cached *e = cache_get(c, path, &st);

	cache_unref(e);
	return e != NULL;
}

static void what_was_read_is_there_until_it_changes(void **state)
{
	struct cached *held, *again;
	struct cache c;

	(void)state;
	cache_init(&c);
	check_true("empty", !has(&c, STR("a"), 1));
	held = add(&c, STR("a"), 1, 100);
	check_true("there", has(&c, STR("a"), 1));
	again = add(&c, STR("a"), 1, 100);
	check_true("the first stays", again != held);
	cache_unref(again);
	check_true("another file", !has(&c, STR("a"), 2));
	check_true("forgotten", !has(&c, STR("a"), 1));
	check_int("nothing is left", c.bytes, 0);
	/* Whoever holds it may read on. */
	check_int("held", held->file.recording.response.body.len, 100);
	cache_unref(held);
	cache_fini(&c);
}

static void the_ones_asked_for_last_stay(void **state)
{
	struct cache c;

	(void)state;
	cache_init(&c);
	cache_unref(add(&c, STR("a"), 1, BIG));
	cache_unref(add(&c, STR("b"), 1, BIG));
	cache_unref(add(&c, STR("c"), 1, BIG));
	check_true("a", has(&c, STR("a"), 1));
	cache_unref(add(&c, STR("d"), 1, BIG));
	check_true("b is the oldest", !has(&c, STR("b"), 1));
	check_true("a", has(&c, STR("a"), 1));
	check_true("c", has(&c, STR("c"), 1));
	check_true("d", has(&c, STR("d"), 1));
	check_true("bounded", c.bytes <= CACHE_BYTES);
	cache_fini(&c);
}

static void some_are_not_kept(void **state)
{
	struct file file = { 0 };
	struct stat now = stat_of(1);
	struct cached *e;
	struct cache c;

	(void)state;
	cache_init(&c);
	cache_unref(add(&c, STR("large"), 1, CACHE_BYTES));
	check_true("large", !has(&c, STR("large"), 1));
	arena_init(&file.arena, SIZE_MAX / 2);
	(void)clock_gettime(CLOCK_REALTIME, &now.st_ctim);
	e = cache_add(&c, STR("new"), &now, &file);
	check_int("just written", c.by_path.len, 0);
	cache_unref(e);
	file = (struct file){ .recording.response.sidecar = STR("x.bin") };
	arena_init(&file.arena, SIZE_MAX / 2);
	now = stat_of(1);
	e = cache_add(&c, STR("two files"), &now, &file);
	check_int("two files", c.by_path.len, 0);
	cache_unref(e);
	cache_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_is_there_until_it_changes),
		cmocka_unit_test(the_ones_asked_for_last_stay),
		cmocka_unit_test(some_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
