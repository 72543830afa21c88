#include "cli/reload.h"

#include "cli/load.h"
#include "cli/say.h"
#include "cli/systemd.h"

#include <time.h>

enum {
	CLOSE_S = 10 /* longer than all workers take to go over */
};

/* What was gathered for whoever asked, as lines of the log. */
static void tell(struct str messages, int r)
{
	struct str line;

	while (messages.len > 0) {
		(void)str_cut(messages, '\n', &line, &messages);
		if (r != 0) {
			log_error("reload: " STR_FMT, STR_ARG(line));
		} else {
			log_warn("reload: " STR_FMT, STR_ARG(line));
		}
	}
	if (r != 0) {
		log_error("reload: the configuration is bad, the old one "
			  "stays");
	} else {
		log_info("reloaded: providers, models, certificates");
	}
}

static int load(struct reload *r, struct buf *messages)
{
	struct config *config;
	int result;

	if (load_config(r->argv, r->environment, &config, messages) < 0) {
		cluster_note_bad_reload(r->cluster);
		return WORKER_RELOAD_BAD;
	}
	load_secrets(config);
	result = cluster_reload(r->cluster, config, config->environment,
				messages);
	if (result == 0)
		log_set_level(load_log_level(config));
	config_unref(config);
	return result == 0 ? 0 : WORKER_RELOAD_BAD;
}

static int run_locked(struct reload *r, struct buf *messages)
{
	int result;

	if (r->closed)
		return WORKER_RELOAD_BUSY;
	systemd_notify("RELOADING=1");
	result = load(r, messages);
	tell(buf_str(messages), result);
	systemd_notify("READY=1");
	return result;
}

static int asked(void *arg, struct buf *messages)
{
	struct reload *r = arg;
	int result;

	if (pthread_mutex_trylock(&r->lock) != 0)
		return WORKER_RELOAD_BUSY;
	result = run_locked(r, messages);
	(void)pthread_mutex_unlock(&r->lock);
	return result;
}

void reload_init(struct reload *r, struct cluster *c, char **argv,
		 char **environment)
{
	*r = (struct reload){ .cluster = c,
			      .argv = argv,
			      .environment = environment };
	(void)pthread_mutex_init(&r->lock, NULL);
	cluster_set_reload(c, asked, r);
}

void reload_run(struct reload *r)
{
	struct buf messages;

	buf_init(&messages, LOAD_MESSAGES_MAX);
	(void)pthread_mutex_lock(&r->lock);
	(void)run_locked(r, &messages);
	(void)pthread_mutex_unlock(&r->lock);
	buf_fini(&messages);
}

bool reload_close(struct reload *r)
{
	struct timespec until;

	/* ThreadSanitizer does not know pthread_mutex_clocklock(). */
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CLOSE_S;
	if (pthread_mutex_timedlock(&r->lock, &until) != 0)
		return false;
	r->closed = true;
	(void)pthread_mutex_unlock(&r->lock);
	return true;
}
