#include "api/route.h"
#include "base/log.h"
#include "cli/doctor_impl.h"
#include "core/worker.h"
#include "io/offload.h"
#include "net/client.h"
#include "net/server.h"

#include <stdlib.h>

#define STEP_NS (20 * CLOCK_MS)
#define WAIT_NS (20 * CLOCK_S)

/* A worker as a server has it, but nobody can connect to it. */
struct visit {
	struct worker worker;
	struct task *refresher;
};

static void publish(struct worker *w, struct catalog *c)
{
	worker_set_catalog(w, c);
}

static bool is_asked(const struct upstream *u)
{
	return u->origin != NULL && !u->is_optional &&
	       (u->provider.type->caps & PROVIDER_LISTS_MODELS) != 0;
}

static bool is_known(const struct model_list *list)
{
	return list->fetched_s > 0 || list->failure.len > 0 || list->keyless;
}

static bool all_known(const struct catalog *c)
{
	for (size_t i = 0; i < c->registry->upstream_count; i++) {
		if (is_asked(&c->registry->upstreams[i]) &&
		    !is_known(&c->lists[i]))
			return false;
	}
	return true;
}

static void refresh(struct task *t, void *arg)
{
	struct visit *v = arg;

	v->refresher = t;
	worker_refresh_models(t, &v->worker);
	v->refresher = NULL;
}

/* As long as somebody has not answered, but no longer than that. */
static void wait(struct task *t, void *arg)
{
	struct visit *v = arg;
	int64_t until = task_now(t) + WAIT_NS;

	while (!all_known(v->worker.catalog) && task_now(t) < until &&
	       task_sleep(t, task_now(t) + STEP_NS) == 0)
		;
	if (v->refresher != NULL)
		task_cancel(v->refresher);
}

static const char *advice(const struct model_list *list)
{
	if (list->status == 401 || list->status == 403)
		return "the key is wrong, expired or of another account";
	if (list->status == 0)
		return "look at base_url, DNS, proxy and firewall: curl -v "
		       "the address";
	if (list->status == 404)
		return "look at base_url: it usually ends in /v1";
	return "ask the provider, or its status page";
}

static void note(struct doctor *d, const struct upstream *u,
		 const struct model_list *list)
{
	struct str id = u->provider.id;
	bool refused = list->status == 401 && u->provider.key.len == 0 &&
		       u->provider.type->grant == NULL;

	if (list->keyless || refused) {
		doctor_note(d, DOCTOR_WARN, "provider",
			    "configure one, if requests do not bring theirs",
			    STR_FMT ": there is no key", STR_ARG(id));
	} else if (list->failure.len > 0) {
		doctor_note(d, list->status == 404 ? DOCTOR_WARN : DOCTOR_BAD,
			    "provider", advice(list), STR_FMT ": " STR_FMT,
			    STR_ARG(id), STR_ARG(list->failure));
	} else if (list->fetched_s == 0) {
		doctor_note(d, DOCTOR_BAD, "provider", advice(list),
			    STR_FMT ": no answer in 20 s", STR_ARG(id));
	} else {
		doctor_note(d, DOCTOR_OK, "provider", NULL,
			    STR_FMT ": answers, %zu models", STR_ARG(id),
			    list->count);
	}
}

static void tell(struct doctor *d, const struct catalog *c)
{
	for (size_t i = 0; i < c->registry->upstream_count; i++) {
		const struct upstream *u = &c->registry->upstreams[i];

		if (u->origin == NULL || u->is_optional)
			continue;
		if (is_asked(u))
			note(d, u, &c->lists[i]);
		else {
			doctor_note(d, DOCTOR_OK, "provider", NULL,
				    STR_FMT ": not asked, it lists no models",
				    STR_ARG(u->provider.id));
		}
	}
}

static bool open_worker(struct worker *w, struct config *config)
{
	struct registry *reg;
	struct api_error e;
	struct arena a;
	int r;

	arena_init(&a, 1 << 20);
	r = registry_new(config, config->environment, &a, &reg, &e);
	arena_fini(&a);
	if (r != 0)
		return false;
	w->catalog = catalog_new(reg, NULL, NULL, clock_wall() / CLOCK_S);
	registry_unref(reg);
	w->loop = loop_new(NULL);
	if (w->loop == NULL)
		return false;
	loop_set_user(w->loop, w);
	w->is_first = true;
	w->publish = publish;
	w->metrics = metrics_new(route_count());
	w->client = client_new(w->loop, &(struct client_cfg){ .pool_max = 1 });
	w->tokens = tokens_new(w->loop, w->client);
	w->server = server_new(w->loop,
			       &(struct server_cfg){
				       .handle = route_request,
				       .refuse = route_refuse,
				       .streams = route_streams,
				       .user = w,
				       .head_max = (size_t)config->head_max,
				       .body_max = (size_t)config->body_max,
				       .connection_max = 1 });
	return true;
}

static void close_worker(struct worker *w)
{
	if (w->loop != NULL) {
		tokens_free(w->tokens);
		client_free(w->client);
		loop_free(w->loop);
		server_free(w->server);
		breaker_fini(&w->breakers);
	}
	catalog_unref(w->catalog);
	offload_stop();
	metrics_free(w->metrics);
}

void doctor_providers(struct doctor *d, struct config *config)
{
	struct visit *v;

	/* Recordings answer then. */
	if (str_eq(config->record_mode, STR("replay")))
		return;
	v = xcalloc(1, sizeof(*v));
	log_set_level(LOG_ERROR);
	if (open_worker(&v->worker, config) &&
	    task_spawn(v->worker.loop, "model lists", refresh, v) == 0 &&
	    task_spawn(v->worker.loop, "wait", wait, v) == 0) {
		loop_run(v->worker.loop);
		tokens_end(v->worker.tokens);
		loop_run(v->worker.loop);
		tell(d, v->worker.catalog);
	}
	close_worker(&v->worker);
	free(v);
}
