/*
 * scrape - GET /metrics: what all workers counted, for Prometheus.
 *
 * The sum and the text are made on a thread of their own: with many models they
 * take long enough to hold up streams.
 */
#include "api/handlers.h"
#include "base/log.h"
#include "core/exporter.h"
#include "core/fail.h"
#include "io/offload.h"
#include "store/store.h"
#include "telemetry/metrics_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	SCRAPE_MAX = 32 << 20
};

#define DEADLINE_NS (10 * CLOCK_S)

/* What is no series of a worker's. */
enum number {
	WORKERS,
	CONNECTIONS,
	ACTIVE,
	ACCEPTED,
	TURNED_AWAY,
	POOL_IDLE,
	POOL_IN_USE,
	POOL_OPENED,
	POOL_REUSED,
	POOL_STALE,
	RELOADS,
	BAD_RELOADS,
	LOG_DROPPED,
	SPANS_OK,
	SPANS_LOST,
	EXPORT_FAILURES,
	STORE_PUT,
	STORE_WRITTEN,
	STORE_QUEUED,
	STORE_NO_ROOM,
	STORE_LEFT_OUT,
	STORE_GROUPS,
	STORE_BAD_GROUPS,
	STORE_EXPIRED,
	MEMORY,
	OPEN_FDS,
	MAX_FDS,
	NUMBERS
};

static const struct {
	const char *name, *type, *help;
	struct prometheus_label label; /* name NULL: none */
} rows[NUMBERS] = {
	[WORKERS] = { "quipu_workers", "gauge", "Worker threads." },
	[CONNECTIONS] = { "quipu_http_connections", "gauge",
			  "Clients that are connected." },
	[ACTIVE] = { "quipu_http_requests_active", "gauge",
		     "Requests under way." },
	[ACCEPTED] = { "quipu_http_connections_accepted_total", "counter",
		       "Connections of clients." },
	[TURNED_AWAY] = { "quipu_http_connections_refused_total", "counter",
			  "Connections over the limit." },
	[POOL_IDLE] = { "quipu_upstream_connections",
			"gauge",
			"Connections to providers.",
			{ "state", STR_INIT("idle") } },
	[POOL_IN_USE] = { "quipu_upstream_connections",
			  "gauge",
			  "",
			  { "state", STR_INIT("in_use") } },
	[POOL_OPENED] = { "quipu_upstream_connections_opened_total", "counter",
			  "Connections made to providers." },
	[POOL_REUSED] = { "quipu_upstream_connections_reused_total", "counter",
			  "Requests sent over an idle connection." },
	[POOL_STALE] = { "quipu_upstream_connections_stale_total", "counter",
			 "Requests sent again: the connection was closed." },
	[RELOADS] = { "quipu_config_reloads_total",
		      "counter",
		      "Configurations read again.",
		      { "result", STR_INIT("ok") } },
	[BAD_RELOADS] = { "quipu_config_reloads_total",
			  "counter",
			  "",
			  { "result", STR_INIT("failed") } },
	[LOG_DROPPED] = { "quipu_log_lines_dropped_total", "counter",
			  "Log lines that nobody took in time." },
	[SPANS_OK] = { "quipu_spans_total",
		       "counter",
		       "Spans for OTLP.",
		       { "result", STR_INIT("delivered") } },
	[SPANS_LOST] = { "quipu_spans_total",
			 "counter",
			 "",
			 { "result", STR_INIT("lost") } },
	[EXPORT_FAILURES] = { "quipu_telemetry_failures_total", "counter",
			      "Deliveries that an OTLP collector did not "
			      "take." },
	[STORE_PUT] = { "quipu_store_put_total", "counter",
			"Completions handed to the store." },
	[STORE_WRITTEN] = { "quipu_store_written_total", "counter",
			    "Completions committed." },
	[STORE_QUEUED] = { "quipu_store_queued", "gauge",
			   "Completions that wait to be written." },
	[STORE_NO_ROOM] = { "quipu_store_full_total", "counter",
			    "How often the queue had no room." },
	[STORE_LEFT_OUT] = { "quipu_store_dropped_total", "counter",
			     "Completions dropped for want of room, as "
			     "store.policy has it." },
	[STORE_GROUPS] = { "quipu_store_groups_total",
			   "counter",
			   "Groups of completions.",
			   { "result", STR_INIT("committed") } },
	[STORE_BAD_GROUPS] = { "quipu_store_groups_total",
			       "counter",
			       "",
			       { "result", STR_INIT("failed") } },
	[STORE_EXPIRED] = { "quipu_store_expired_total", "counter",
			    "Completions deleted for their age or size." },
	[MEMORY] = { "process_resident_memory_bytes", "gauge",
		     "Memory in RAM." },
	[OPEN_FDS] = { "process_open_fds", "gauge", "Open descriptors." },
	[MAX_FDS] = { "process_max_fds", "gauge",
		      "How many descriptors may be open." },
};

struct scrape {
	struct offload_work work;
	struct buf out;
	int result;
	int64_t started_wall_ns;
	struct store *store; /* or NULL */
	uint64_t numbers[NUMBERS];
	size_t worker_count;
	const struct metrics *metrics[]; /* one per worker */
};

static struct scrape *scrape_of(struct offload_work *w)
{
	return (struct scrape *)(void *)w;
}

static void free_scrape(struct offload_work *w)
{
	struct scrape *s = scrape_of(w);

	buf_fini(&s->out);
	free(s);
}

static uint64_t resident_bytes(void)
{
	char text[128];
	struct str pages, rest;
	int64_t n = 0;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (fd >= 0)
		(void)close(fd);
	if (len <= 0)
		return 0;
	(void)str_cut((struct str){ text, (size_t)len }, ' ', &pages, &rest);
	(void)str_cut(rest, ' ', &pages, &rest);
	(void)str_to_i64(pages, 0, INT32_MAX, &n);
	return (uint64_t)n * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *e;
	uint64_t n = 0;

	if (dir == NULL)
		return 0;
	while ((e = readdir(dir)) != NULL)
		n += e->d_name[0] != '.';
	(void)closedir(dir);
	return n > 0 ? n - 1 : 0; /* without dir's own */
}

static double cpu_seconds(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) < 0)
		return 0;
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* It may wait for the writer for a moment. */
static void add_store(struct scrape *s)
{
	struct store_counts c = { 0 };

	if (s->store != NULL)
		store_counts(s->store, &c);
	s->numbers[STORE_PUT] = c.put;
	s->numbers[STORE_WRITTEN] = c.written;
	/* The two are not read at the same moment. */
	s->numbers[STORE_QUEUED] = c.put > c.written ? c.put - c.written : 0;
	s->numbers[STORE_NO_ROOM] = c.full;
	s->numbers[STORE_LEFT_OUT] = c.dropped;
	s->numbers[STORE_GROUPS] = c.groups;
	s->numbers[STORE_BAD_GROUPS] = c.failures;
	s->numbers[STORE_EXPIRED] = c.expired;
}

static void add_process(struct prometheus *p, struct scrape *s)
{
	static const struct prometheus_label version = {
		"version", STR_INIT(QUIPU_VERSION)
	};
	struct rlimit limit = { 0 };

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	s->numbers[LOG_DROPPED] = log_dropped();
	s->numbers[MEMORY] = resident_bytes();
	s->numbers[OPEN_FDS] = open_descriptors();
	s->numbers[MAX_FDS] = limit.rlim_cur;
	for (size_t i = 0; i < NUMBERS; i++) {
		bool has_label = rows[i].label.name != NULL;

		if (rows[i].help[0] != '\0') {
			prometheus_family(p, rows[i].name, rows[i].type,
					  rows[i].help);
		}
		prometheus_value(p, &rows[i].label, has_label, s->numbers[i]);
	}
	prometheus_family(p, "process_cpu_seconds_total", "counter",
			  "Time of processors, user's and system's.");
	prometheus_double(p, cpu_seconds());
	prometheus_family(p, "process_start_time_seconds", "gauge",
			  "When the program was started, since 1970.");
	prometheus_double(p, (double)s->started_wall_ns / 1e9);
	prometheus_family(p, "quipu_build_info", "gauge",
			  "The program's version; always 1.");
	prometheus_value(p, &version, 1, 1);
}

/* On a thread of its own. */
static void run(struct offload_work *w)
{
	struct scrape *s = scrape_of(w);
	struct prometheus p = { .out = &s->out };
	struct metrics *all = metrics_new(route_count());
	struct metrics_route_name *names =
		xcalloc(route_count(), sizeof(*names));

	route_names(names);
	for (size_t i = 0; i < s->worker_count; i++)
		metrics_merge(all, s->metrics[i]);
	metrics_text(&p, all, names);
	add_store(s);
	add_process(&p, s);
	s->result = prometheus_done(&p);
	free(names);
	metrics_free(all);
}

/* What server and client say is asked here: they may be gone on a thread. */
static void add_worker(struct scrape *s, const struct worker *w)
{
	struct server_stats server = server_stats(w->server);
	struct client_stats client = client_stats(w->client);

	s->metrics[s->worker_count++] = w->metrics;
	s->numbers[CONNECTIONS] += server.connections;
	s->numbers[ACTIVE] += server.active;
	s->numbers[ACCEPTED] += server.accepted;
	s->numbers[TURNED_AWAY] += server.refused;
	s->numbers[POOL_IDLE] += client.idle;
	s->numbers[POOL_IN_USE] += client.active;
	s->numbers[POOL_OPENED] += client.connects;
	s->numbers[POOL_REUSED] += client.reuses;
	s->numbers[POOL_STALE] += client.stale_retries;
}

static struct scrape *make(const struct worker *w)
{
	const struct worker_team *team = w->team;
	size_t count = team != NULL ? team->count : 1;
	struct scrape *s = xcalloc(1, sizeof(*s) + count * sizeof(void *));

	s->work.run = run;
	s->work.free = free_scrape;
	buf_init(&s->out, SCRAPE_MAX);
	s->numbers[WORKERS] = count;
	s->store = w->store;
	if (team == NULL) {
		add_worker(s, w);
		return s;
	}
	for (size_t i = 0; i < count; i++)
		add_worker(s, team->workers[i]);
	s->started_wall_ns = team->started_wall_ns;
	s->numbers[RELOADS] = counter_get(&team->reloads);
	s->numbers[BAD_RELOADS] = counter_get(&team->bad_reloads);
	if (team->exporter != NULL) {
		struct exporter_stats e = exporter_stats(team->exporter);

		s->numbers[SPANS_OK] = e.delivered;
		s->numbers[SPANS_LOST] = e.lost;
		s->numbers[EXPORT_FAILURES] = e.failures;
	}
	return s;
}

static void answer(struct task *t, struct request *req)
{
	struct scrape *s = make(req->user);
	struct api_error e;
	int r = offload_run(t, &s->work, task_now(t) + DEADLINE_NS);

	if (r == 0 && s->result == 0) {
		if (request_reply(t, req, 200, PROMETHEUS_TYPE,
				  buf_str(&s->out)) < 0)
			log_debug("the client is gone");
	} else {
		(void)api_fail(&e, &req->arena, 503, "server_error", NULL,
			       "The metrics could not be gathered in time.");
		fail_send(t, req, &e);
	}
	/* After a deadline it is the thread's. */
	if (r == 0 || r == -EAGAIN)
		free_scrape(&s->work);
}

void scrape_get(struct api_call *c)
{
	answer(c->task, c->req);
}

struct str scrape_path(const struct worker *w)
{
	const struct config *cfg = w->catalog->registry->config;

	if (!cfg->metrics_on || cfg->metrics_listen.len > 0)
		return STR_NULL;
	return cfg->metrics_path;
}

void scrape_request(struct task *t, struct request *req)
{
	const struct worker *w = req->user;
	struct str path = w->catalog->registry->config->metrics_path;
	struct api_error e;

	if (str_eq(req->path, path)) {
		answer(t, req);
		return;
	}
	(void)api_fail(&e, &req->arena, 404, "invalid_request_error", NULL,
		       "There is nothing here but " STR_FMT ".", STR_ARG(path));
	e.code = STR("not_found");
	fail_send(t, req, &e);
}
