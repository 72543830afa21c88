#include "cli/keep.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cli/say.h"
#include "store/store.h"

#include <errno.h>
#include <sys/stat.h>

#define CLOSE_NS (10 * CLOCK_S)

#define SQLITE STR("sqlite:")

/* Returns 0 or -errno, with err_text(). */
static int make_folders(const char *path)
{
	struct str whole = str_of(path);
	struct arena a;
	int r = 0;

	arena_init(&a, 1 << 20);
	for (size_t i = 1; i < whole.len && r == 0; i++) {
		const char *folder;

		if (whole.ptr[i] != '/')
			continue;
		folder = arena_cz(&a, str_take(whole, i));
		if (mkdir(folder, S_IRWXU) < 0 && errno != EEXIST) {
			r = err_new(-errno,
				    "store: cannot make the folder %s: %s",
				    folder, strerrordesc_np(errno));
		}
	}
	arena_fini(&a);
	return r;
}

static int open_store(const struct config *config, unsigned producers,
		      struct store **out)
{
	struct store_cfg cfg = {
		.uri = config->store_uri,
		.producers = producers,
		.policy = config->store_drops ? STORE_DROP : STORE_BLOCK,
		.sync = config->store_syncs ? STORE_SYNC_FULL
					    : STORE_SYNC_NORMAL,
		.keep_s = config->keep_days * INT64_C(86400),
		.keep_bytes = config->keep_bytes,
	};
	struct arena a;
	int r = 0;

	arena_init(&a, 1 << 20);
	if (str_starts(cfg.uri, SQLITE))
		r = make_folders(arena_cz(&a, str_drop(cfg.uri, SQLITE.len)));
	arena_fini(&a);
	return r < 0 ? r : store_open(&cfg, out);
}

/* Who named it: "quipu.yaml:3", "--store". */
static struct str origin_of(const struct config *config)
{
	const struct config_value *v = config->store_values;

	while (v->setting != NULL &&
	       !str_eq(str_of(v->setting->key), STR("store.uri")))
		v++;
	return v->origin;
}

static int refuse(const struct config *config, struct buf *messages)
{
	if (config->store_is_default) {
		say(messages,
		    STR_FMT "; completions are not kept: name a place with "
			    "--store sqlite:FILE, or say --store none\n",
		    STR_ARG(err_text()));
		return 0;
	}
	say(messages,
	    STR_FMT " (" STR_FMT "); name another place with --store, or keep "
		    "nothing with --store none\n",
	    STR_ARG(err_text()), STR_ARG(origin_of(config)));
	return -1;
}

int keep_open(const struct config *config, unsigned producers,
	      struct store **out, struct buf *messages)
{
	int r;

	*out = NULL;
	if (str_eq(config->store_uri, STR("none"))) {
		log_info("store=none");
		return 0;
	}
	if (config->store_uri.len == 0)
		r = err_new(-ENOENT, "store: there is no home directory");
	else
		r = open_store(config, producers, out);
	if (r < 0)
		return refuse(config, messages);
	log_info("store=" STR_FMT, STR_ARG(config->store_uri));
	return 0;
}

void keep_close(struct store *s)
{
	/* What is lost is logged there. */
	if (s != NULL)
		(void)store_close(s, clock_monotonic() + CLOSE_NS);
}
