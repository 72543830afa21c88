#include "core/library_impl.h"
#include "recording/index_scan.h"

#include <errno.h>
#include <sys/stat.h>

struct reports {
	struct buf *messages;
	size_t count;
};

static void report(void *arg, struct str path, const char *why)
{
	struct reports *reports = arg;

	reports->count++;
	/* What no longer fits is in the count. */
	(void)!buf_printf(reports->messages, "recordings: " STR_FMT ": %s\n",
			  STR_ARG(path), why);
}

static void say_count(const struct reports *r)
{
	if (r->count > 0) {
		(void)!buf_printf(r->messages,
				  "recordings: %zu files are left out\n",
				  r->count);
	}
}

static bool may_make(const struct library_cfg *cfg)
{
	return cfg->mode == EDGE_RECORD || cfg->mode == EDGE_AUTO ||
	       cfg->mode == EDGE_REFRESH || cfg->mode == EDGE_OFF;
}

int library_folder_open(struct library *l, struct buf *messages)
{
	struct reports reports = { messages, 0 };
	const struct index_options options = { report, &reports };
	char *dir = arena_cz(&l->arena, l->cfg.dir);
	int r;

	if (may_make(&l->cfg) && mkdir(dir, 0777) < 0 && errno != EEXIST) {
		(void)!buf_printf(messages,
				  "recordings: %s: cannot be made: "
				  "%s\n",
				  dir, strerrordesc_np(errno));
		return -1;
	}
	r = index_open(dir, &options, &l->index);
	if (r < 0) {
		(void)!buf_printf(messages,
				  "recordings: %s: %s; recordings.dir says "
				  "where they are\n",
				  dir, strerrordesc_np(-r));
		return -1;
	}
	say_count(&reports);
	return 0;
}

size_t library_reload(struct library *l, struct buf *messages)
{
	struct reports reports = { messages, 0 };
	const struct index_options options = { report, &reports };
	struct arena a;
	size_t before;
	int r;

	if (l == NULL)
		return 0;
	arena_init(&a, 1 << 20);
	before = index_count(l->index);
	r = index_scan(l->index, arena_cz(&a, l->cfg.dir), &options);
	arena_fini(&a);
	if (r < 0) {
		(void)!buf_printf(messages, "recordings: " STR_FMT ": %s\n",
				  STR_ARG(l->cfg.dir), strerrordesc_np(-r));
	}
	say_count(&reports);
	return index_count(l->index) - before;
}
