#include "cli/cluster.h"

#include "api/background.h"
#include "api/handlers.h"
#include "base/log.h"
#include "cli/keep.h"
#include "cli/listen.h"
#include "cli/say.h"
#include "cli/scrape_server.h"
#include "cli/systemd.h"
#include "cli/turn.h"
#include "core/exporter.h"
#include "core/library.h"
#include "io/offload.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	WORKERS_MAX = 256,
	DUMP_BYTES_MAX = 4 << 20
};

#define SWEEP_NS (5 * CLOCK_S)

struct member {
	struct worker worker;
	struct cluster *cluster;
	pthread_t thread;
	struct task *refresher; /* of the first worker */
	struct task *sweeper;
	struct str address;
};

struct cluster {
	struct config *config;
	struct catalog *catalog; /* what new workers begin with */
	struct tls_ctx *tls;
	struct arena arena;
	struct buf addresses;
	size_t count;
	bool ending;
	struct member *members;
	struct worker **workers;
	struct worker_team team;
	struct library *library;
	struct store *store;           /* or NULL */
	struct background *background; /* the same */
	struct server *metrics_server; /* of the first worker; or NULL */
	struct exporter *exporter;     /* or NULL */
	struct metrics_route_name *routes;
};

static void complain(struct buf *messages, const struct api_error *e)
{
	say(messages, STR_FMT "\n", STR_ARG(e->message));
}

static int load_registry(struct config *config, char **environment,
			 struct registry **out, struct buf *messages)
{
	struct api_error e;
	struct arena a;
	int r;

	arena_init(&a, 1 << 20);
	r = registry_new(config, environment, &a, out, &e);
	if (r != 0)
		complain(messages, &e);
	arena_fini(&a);
	return r == 0 ? 0 : -1;
}

static int load_catalog(struct config *config, char **environment,
			struct catalog **out, struct buf *messages)
{
	struct registry *reg;

	if (load_registry(config, environment, &reg, messages) < 0)
		return -1;
	*out = catalog_new(reg, NULL, NULL, clock_wall() / CLOCK_S);
	registry_unref(reg);
	return 0;
}

static int load_tls(const struct config *config, struct tls_ctx **out,
		    struct buf *messages)
{
	struct tls_server_cfg cfg = { .tls13_only = config->tls13_only };
	struct arena a;

	*out = NULL;
	if (config->tls_cert.len == 0)
		return 0;
	arena_init(&a, 1 << 20);
	cfg.cert_file = arena_cz(&a, config->tls_cert);
	cfg.key_file = arena_cz(&a, config->tls_key);
	if (config->tls_client_ca.len > 0)
		cfg.client_ca_file = arena_cz(&a, config->tls_client_ca);
	*out = tls_server_ctx_new(&cfg);
	arena_fini(&a);
	if (*out == NULL)
		say(messages, STR_FMT "\n", STR_ARG(err_text()));
	return *out != NULL ? 0 : -1;
}

static void set_catalog(struct loop *loop, void *arg)
{
	worker_set_catalog(loop_user(loop), arg);
}

/*
 * Every worker gets a reference of its own.  Who publishes has it at once: what
 * it publishes next is built on it.
 */
static void publish(struct worker *w, struct catalog *c)
{
	struct cluster *cluster = w->group;

	for (size_t i = 0; i < cluster->count; i++) {
		if (cluster->workers[i] != w)
			loop_post(cluster->workers[i]->loop, set_catalog,
				  catalog_ref(c));
	}
	worker_set_catalog(w, c);
}

static struct server *make_server(struct cluster *c, struct worker *w)
{
	const struct config *cfg = c->config;
	size_t per_worker =
		((size_t)cfg->max_connections + c->count - 1) / c->count;

	return server_new(w->loop,
			  &(struct server_cfg){
				  .handle = route_request,
				  .refuse = route_refuse,
				  .streams = route_streams,
				  .user = w,
				  .head_max = (size_t)cfg->head_max,
				  .body_max = (size_t)cfg->body_max,
				  .inflated_max = (size_t)cfg->inflated_max,
				  .head_timeout_ns = cfg->head_timeout_ns,
				  .body_timeout_ns = cfg->body_timeout_ns,
				  .keepalive_timeout_ns =
					  cfg->keepalive_timeout_ns,
				  .write_timeout_ns = cfg->write_timeout_ns,
				  .connection_max = per_worker,
				  .tls = c->tls });
}

static void note_addresses(struct cluster *c, const struct listen_set *set)
{
	char text[IO_ADDR_TEXT_MAX];
	struct io_addr a;

	for (size_t i = 0; i < set->count; i++) {
		struct str t;

		io_local_addr(set->ios[i], &a);
		t = io_addr_text(&a, text);
		say(&c->addresses, "%s" STR_FMT "\n",
		    a.sa.sa_family == AF_UNIX ? ""
		    : c->tls != NULL          ? "https://"
					      : "http://",
		    STR_ARG(t));
	}
}

static int open_worker(struct cluster *c, size_t i, struct listen_plan *plan,
		       struct buf *messages)
{
	struct member *m = &c->members[i];
	struct worker *w = &m->worker;
	struct listen_set set;
	int r;

	m->cluster = c;
	w->loop = loop_new(
		&(struct loop_cfg){ .busy_poll_ns = c->config->busy_poll_ns });
	if (w->loop == NULL) {
		say(messages, "cannot make an event loop: %s\n",
		    strerrordesc_np(errno));
		return -1;
	}
	loop_set_user(w->loop, w);
	w->is_first = i == 0;
	w->group = c;
	w->publish = publish;
	w->catalog = catalog_ref(c->catalog);
	w->metrics = metrics_new(route_count());
	w->team = &c->team;
	c->workers[i] = w;
	w->client =
		client_new(w->loop,
			   &(struct client_cfg){
				   .pool_max = (size_t)c->config->pool_max,
				   .pool_idle_ns =
					   c->config->pool_idle_timeout_ns });
	w->library = c->library;
	w->store = c->store;
	w->producer = (unsigned)i;
	w->background = c->background;
	w->tokens = tokens_new(w->loop, w->client);
	w->server = make_server(c, w);
	r = listen_open(plan, w->loop, &set, messages);
	if (i == 0)
		note_addresses(c, &set);
	for (size_t j = 0; j < set.count; j++) {
		if (server_listen(w->server, set.ios[j]) < 0) {
			io_close(set.ios[j]);
			r = -1;
		}
	}
	return r;
}

static int open_exporter(struct cluster *c, struct buf *messages)
{
	struct exporter_cfg cfg = { .config = c->config,
				    .team = &c->team,
				    .arena = &c->arena };
	struct api_error e;
	int r;

	c->routes = xcalloc(route_count(), sizeof(*c->routes));
	route_names(c->routes);
	cfg.routes = c->routes;
	cfg.route_count = route_count();
	r = exporter_new(&cfg, &c->exporter, &e);
	if (r != 0) {
		complain(messages, &e);
		return -1;
	}
	c->team.exporter = c->exporter;
	for (size_t i = 0; i < c->count; i++)
		c->workers[i]->tracer = exporter_tracer(c->exporter, i);
	return 0;
}

static size_t worker_count(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t n = config->workers > 0 ? (size_t)config->workers
				       : (size_t)(cores > 0 ? cores : 1);

	return n < WORKERS_MAX ? n : WORKERS_MAX;
}

static struct background *open_background(const struct cluster *c)
{
	size_t runs = (size_t)c->config->responses.background_runs;

	return background_new(&(struct background_cfg){
		.store = c->store,
		.runs = (unsigned)((runs + c->count - 1) / c->count),
		.queue = (unsigned)c->config->responses.background_queue });
}

int cluster_new(struct config *config, char **environment, struct cluster **out,
		struct buf *messages)
{
	struct cluster *c = xcalloc(1, sizeof(*c));
	struct listen_plan plan = { .config = config,
				    .port = (uint16_t)config->port,
				    .unix_fd = -1 };
	int r;

	c->config = config_ref(config);
	c->count = worker_count(config);
	c->members = xcalloc(c->count, sizeof(*c->members));
	c->workers = xcalloc(c->count, sizeof(struct worker *));
	c->team = (struct worker_team){ .workers = c->workers,
					.count = c->count,
					.started_wall_ns = clock_wall() };
	arena_init(&c->arena, 1 << 20);
	buf_init(&c->addresses, 64 * 1024);
	plan.fd = systemd_sockets(&plan.fd_count);
	r = load_catalog(config, environment, &c->catalog, messages);
	if (r == 0)
		r = library_from_config(config, getenv("CI") != NULL,
					&c->library, messages);
	if (r == 0)
		r = load_tls(config, &c->tls, messages);
	if (r == 0)
		r = keep_open(config, (unsigned)c->count, &c->store, messages);
	if (r == 0 && c->store != NULL)
		c->background = open_background(c);
	for (size_t i = 0; i < c->count && r == 0; i++)
		r = open_worker(c, i, &plan, messages);
	if (r == 0)
		r = scrape_server_open(c->workers[0], &c->metrics_server,
				       messages);
	if (r == 0)
		r = open_exporter(c, messages);
	if (r < 0) {
		cluster_free(c);
		return -1;
	}
	*out = c;
	return 0;
}

/*
 * The last to start is the one that runs on: reloads may follow each other, or
 * the end of the program, before a spawned task has begun.
 */
static void refresh(struct task *t, void *arg)
{
	struct member *m = arg;

	if (server_is_ending(m->worker.server))
		return;
	if (m->refresher != NULL)
		task_cancel(m->refresher);
	m->refresher = t;
	worker_refresh_models(t, &m->worker);
	if (m->refresher == t)
		m->refresher = NULL;
}

static void sweep(struct task *t, void *arg)
{
	struct member *m = arg;

	if (server_is_ending(m->worker.server))
		return;
	m->sweeper = t;
	while (task_sleep(t, task_now(t) + SWEEP_NS) == 0)
		client_sweep(m->worker.client);
	m->sweeper = NULL;
}

static void *run_worker(void *arg)
{
	struct member *m = arg;

	/* For top -H, and whoever measures. */
	(void)pthread_setname_np(pthread_self(), "worker");
	loop_run(m->worker.loop);
	return NULL;
}

int cluster_start(struct cluster *c)
{
	for (size_t i = 0; i < c->count; i++) {
		struct member *m = &c->members[i];
		int r = task_spawn(m->worker.loop, "sweeper", sweep, m);

		if (r == 0 && i == 0)
			r = task_spawn(m->worker.loop, "model lists", refresh,
				       m);
		if (r == 0 && i == 0 && c->exporter != NULL)
			r = task_spawn(m->worker.loop, "telemetry",
				       exporter_run, c->exporter);
		if (r == 0 && c->background != NULL)
			r = task_spawn(m->worker.loop, "background",
				       background_serve, &m->worker);
		if (r == 0)
			r = -pthread_create(&m->thread, NULL, run_worker, m);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct catalog *cluster_catalog(const struct cluster *c)
{
	return c->catalog;
}

struct library *cluster_library(const struct cluster *c)
{
	return c->library;
}

size_t cluster_worker_count(const struct cluster *c)
{
	return c->count;
}

struct str cluster_addresses(const struct cluster *c)
{
	return buf_str(&c->addresses);
}

static void shut_down(struct loop *loop, void *arg)
{
	struct member *m = arg;
	const struct config *cfg = m->cluster->config;

	if (m->refresher != NULL)
		task_cancel(m->refresher);
	if (m->sweeper != NULL)
		task_cancel(m->sweeper);
	background_stop(&m->worker);
	tokens_end(m->worker.tokens);
	if (!server_is_ending(m->worker.server))
		server_shutdown(m->worker.server,
				loop_now(loop) + cfg->shutdown_timeout_ns);
	if (m->worker.is_first && m->cluster->exporter != NULL)
		exporter_stop(m->cluster->exporter,
			      loop_now(loop) + cfg->shutdown_timeout_ns);
	if (m->worker.is_first && m->cluster->metrics_server != NULL)
		server_shutdown(m->cluster->metrics_server, loop_now(loop));
}

void cluster_shutdown(struct cluster *c)
{
	for (size_t i = 0; i < c->count; i++)
		loop_post(c->members[i].worker.loop, shut_down, &c->members[i]);
}

static void dump(struct loop *loop, void *arg)
{
	struct str text, line;
	struct buf out;

	(void)arg;
	buf_init(&out, DUMP_BYTES_MAX);
	loop_dump(loop, &out);
	text = buf_str(&out);
	log_info("tasks: %zu", loop_task_count(loop));
	while (text.len > 0) {
		(void)str_cut(text, '\n', &line, &text);
		log_info("task " STR_FMT, STR_ARG(line));
	}
	buf_fini(&out);
}

void cluster_dump(struct cluster *c)
{
	for (size_t i = 0; i < c->count; i++)
		loop_post(c->members[i].worker.loop, dump, NULL);
}

static void refresh_again(struct loop *loop)
{
	struct worker *w = loop_user(loop);
	struct cluster *c = w->group;

	if (task_spawn(loop, "model lists", refresh, &c->members[0]) < 0)
		log_warn("no model lists: out of tasks");
}

void cluster_note_bad_reload(struct cluster *c)
{
	counter_add(&c->team.bad_reloads, 1);
}

void cluster_set_reload(struct cluster *c,
			int (*fn)(void *arg, struct buf *messages), void *arg)
{
	c->team.reload = fn;
	c->team.reload_arg = arg;
}

int cluster_reload(struct cluster *c, struct config *config, char **environment,
		   struct buf *messages)
{
	struct turn_cfg turn = { .workers = c->workers,
				 .count = c->count,
				 .refresh = refresh_again };
	size_t more;

	if (load_registry(config, environment, &turn.registry, messages) < 0) {
		cluster_note_bad_reload(c);
		return -1;
	}
	if (load_tls(config, &turn.tls, messages) < 0) {
		registry_unref(turn.registry);
		cluster_note_bad_reload(c);
		return -1;
	}
	counter_add(&c->team.reloads, 1);
	config_note_fixed(c->config, config, messages);
	if ((turn.tls == NULL) != (c->tls == NULL)) {
		say(messages,
		    "warning: server.tls_certfile: TLS is turned on or off by "
		    "a restart only\n");
	}
	if (c->tls == NULL) {
		tls_ctx_unref(turn.tls);
		turn.tls = NULL;
	}
	turn_run(&turn);
	more = library_reload(c->library, messages);
	if (more > 0)
		log_info("recordings: %zu more", more);
	registry_unref(turn.registry);
	tls_ctx_unref(turn.tls);
	return 0;
}

int cluster_check(struct config *config, char **environment,
		  struct buf *messages)
{
	struct tls_ctx *tls = NULL;
	struct registry *reg;
	int r = load_registry(config, environment, &reg, messages);

	if (r < 0)
		return r;
	registry_unref(reg);
	r = load_tls(config, &tls, messages);
	tls_ctx_unref(tls);
	return r;
}

void cluster_wait(struct cluster *c)
{
	for (size_t i = 0; i < c->count; i++)
		(void)pthread_join(c->members[i].thread, NULL);
}

static void close_worker(struct worker *w)
{
	if (w->loop == NULL)
		return;
	tokens_free(w->tokens);
	/* Its pooled connections are the loop's; no task is left to use it. */
	if (w->client != NULL)
		client_free(w->client);
	loop_free(w->loop);
	if (w->server != NULL)
		server_free(w->server);
	breaker_fini(&w->breakers);
	catalog_unref(w->catalog);
}

void cluster_free(struct cluster *c)
{
	struct str path = c->config->unix_path;

	for (size_t i = 0; i < c->count; i++)
		close_worker(&c->members[i].worker);
	if (c->addresses.len > 0 && path.len > 0)
		(void)unlink(arena_cz(&c->arena, path));
	if (c->metrics_server != NULL)
		server_free(c->metrics_server);
	offload_stop();
	exporter_free(c->exporter);
	free(c->routes);
	library_close(c->library);
	background_free(c->background);
	keep_close(c->store);
	/* Threads may have been reading them. */
	for (size_t i = 0; i < c->count; i++)
		metrics_free(c->members[i].worker.metrics);
	tls_ctx_unref(c->tls);
	catalog_unref(c->catalog);
	config_unref(c->config);
	buf_fini(&c->addresses);
	arena_fini(&c->arena);
	free(c->members);
	free(c->workers);
	free(c);
}
