#include "cli/turn.h"

#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
	WAIT_S = 5
};

/* Shared by whoever waits and by the posts; the last one frees it. */
struct turn {
	struct turn_cfg cfg; /* with references of its own */
	struct catalog *catalog;
	pthread_mutex_t lock;
	pthread_cond_t done;
	size_t left; /* workers that have not gone over */
	size_t refs;
};

static void unref(struct turn *turn)
{
	size_t refs;

	(void)pthread_mutex_lock(&turn->lock);
	refs = --turn->refs;
	(void)pthread_mutex_unlock(&turn->lock);
	if (refs > 0)
		return;
	catalog_unref(turn->catalog);
	registry_unref(turn->cfg.registry);
	tls_ctx_unref(turn->cfg.tls);
	(void)pthread_cond_destroy(&turn->done);
	(void)pthread_mutex_destroy(&turn->lock);
	free(turn);
}

static void finish(struct turn *turn, struct worker *w)
{
	if (turn->cfg.tls != NULL)
		server_set_tls(w->server, turn->cfg.tls);
	(void)pthread_mutex_lock(&turn->lock);
	turn->left--;
	(void)pthread_cond_signal(&turn->done);
	(void)pthread_mutex_unlock(&turn->lock);
	unref(turn);
}

static void follow(struct loop *loop, void *arg)
{
	struct worker *w = loop_user(loop);
	struct turn *turn = arg;

	worker_set_catalog(w, catalog_ref(turn->catalog));
	finish(turn, w);
}

static void lead(struct loop *loop, void *arg)
{
	struct worker *w = loop_user(loop);
	struct turn *turn = arg;

	worker_adopt(w, turn->cfg.registry, clock_wall() / CLOCK_S);
	turn->catalog = catalog_ref(w->catalog);
	for (size_t i = 1; i < turn->cfg.count; i++)
		loop_post(turn->cfg.workers[i]->loop, follow, turn);
	if (!server_is_ending(w->server))
		turn->cfg.refresh(loop);
	finish(turn, w);
}

static void wait(struct turn *turn)
{
	struct timespec until;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	(void)pthread_mutex_lock(&turn->lock);
	while (turn->left > 0 && r == 0) {
		r = pthread_cond_clockwait(&turn->done, &turn->lock,
					   CLOCK_MONOTONIC, &until);
	}
	if (turn->left > 0)
		log_warn("reload: %zu workers are busy and follow later",
			 turn->left);
	(void)pthread_mutex_unlock(&turn->lock);
}

void turn_run(const struct turn_cfg *cfg)
{
	struct turn *turn = xcalloc(1, sizeof(*turn));

	turn->cfg = *cfg;
	(void)registry_ref(cfg->registry);
	if (cfg->tls != NULL)
		(void)tls_ctx_ref(cfg->tls);
	(void)pthread_mutex_init(&turn->lock, NULL);
	(void)pthread_cond_init(&turn->done, NULL);
	turn->left = cfg->count;
	turn->refs = cfg->count + 1;
	loop_post(cfg->workers[0]->loop, lead, turn);
	wait(turn);
	unref(turn);
}
