#include "core/exporter.h"

#include "base/log.h"
#include "base/rand.h"
#include "core/exporter_target.h"
#include "io/offload.h"

#include <errno.h>
#include <stdlib.h>

enum {
	BATCH_SPANS = 512,
	BATCH_BYTES = 4 << 20,
	METRICS_BYTES = 32 << 20,
	TRIES = 5,
	INSTANCE_LEN = 16
};

#define ROUND_NS      CLOCK_S /* between two looks into the mailboxes */
#define RETRY_NS      CLOCK_S /* doubles */
#define RETRY_MAX_NS  (30 * CLOCK_S)
#define LAST_NS       (5 * CLOCK_S) /* for what is left at the end */
#define IDLE_ROUND_NS (20 * CLOCK_MS)
#define GATHER_NS     (10 * CLOCK_S)

struct exporter {
	struct config *config; /* a reference */
	const struct worker_team *team;
	const struct metrics_route_name *routes;
	size_t route_count;
	struct exporter_target traces, metrics;
	struct tracer *tracers; /* one per worker; NULL: no traces */
	struct otlp_resource resource;
	struct task_event changed;
	struct buf batch;
	bool ending;
	int64_t ending_ns;  /* by then workers are done */
	int64_t give_up_ns; /* no delivery goes on after this */
	int64_t metrics_due_ns;
	char instance[INSTANCE_LEN];
	uint64_t delivered, lost, failures; /* counters */
	bool failing;                       /* the operator was told */
};

static struct loop *loop_of(const struct exporter *e)
{
	return e->team->workers[0]->loop;
}

static void wake(struct loop *loop, void *arg)
{
	struct exporter *e = arg;

	(void)loop;
	task_event_set(&e->changed);
}

/* On any worker's thread. */
static void wake_from_worker(void *arg)
{
	struct exporter *e = arg;

	loop_post(loop_of(e), wake, e);
}

static int sampler_ratio(const struct config *cfg, double *out, struct arena *a,
			 struct api_error *error)
{
	const char *text = arena_cz(a, cfg->trace_sampler_arg);
	char *end;

	*out = strtod(text, &end);
	if (end != text && *end == '\0' && *out >= 0 && *out <= 1)
		return 0;
	return api_fail(error, a, 500, "config", NULL,
			"telemetry.sampler_arg: \"%s\" is not a number from "
			"0 to 1",
			text);
}

static int make_tracers(struct exporter *e, struct arena *a,
			struct api_error *error)
{
	const struct config *cfg = e->config;
	double ratio;
	int r = sampler_ratio(cfg, &ratio, a, error);

	if (r != 0)
		return r;
	e->tracers = xcalloc(e->team->count, sizeof(*e->tracers));
	for (size_t i = 0; i < e->team->count; i++) {
		e->tracers[i].sampler =
			trace_sampler(cfg->trace_sampler, ratio);
		e->tracers[i].wake = wake_from_worker;
		e->tracers[i].arg = e;
	}
	return 0;
}

static bool is_retriable(int status)
{
	return status == 0 || status == 429 || status == 502 || status == 503 ||
	       status == 504;
}

/* Told once, and again when it is well. */
static void tell(struct exporter *e, int status)
{
	bool fails = status < 200 || status > 299;

	if (fails)
		counter_add(&e->failures, 1);
	if (fails == e->failing)
		return;
	e->failing = fails;
	if (!fails) {
		log_info("telemetry: delivered again");
	} else if (status > 0) {
		log_warn("telemetry: the collector answers %d", status);
	} else {
		log_warn("telemetry: " STR_FMT, STR_ARG(err_text()));
	}
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Pause before another try.  Returns whether there is time for one. */
static bool pause(struct task *t, struct exporter *e, unsigned tries,
		  int64_t asked_ns)
{
	int64_t ns = asked_ns, end;

	if (ns == 0) {
		ns = least(RETRY_NS << tries, RETRY_MAX_NS);
		ns -= (int64_t)rand_below((uint64_t)ns / 2);
	}
	end = task_now(t) + least(ns, RETRY_MAX_NS);
	/* What ends the program cuts the pause short. */
	while (task_now(t) < end && !e->ending) {
		if (task_sleep(t, least(end, task_now(t) + ROUND_NS / 5)) < 0)
			return false;
	}
	return !e->ending || task_now(t) < e->give_up_ns;
}

/* The end of the program waits for no collector. */
static int give_up(struct task *t, void *arg)
{
	const struct exporter *e = arg;

	return e->ending && task_now(t) >= e->give_up_ns;
}

/* Deliver e->batch.  Returns whether the collector took it. */
static bool deliver(struct task *t, struct exporter *e,
		    const struct exporter_target *to)
{
	struct client *client = e->team->workers[0]->client;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		struct exporter_message m = {
			.body = buf_str(&e->batch),
			.deadline_ns = task_now(t) + GATHER_NS,
			.tick = give_up,
			.tick_arg = e,
		};
		int64_t wait_ns;
		int status;

		if (e->ending)
			m.deadline_ns = least(m.deadline_ns, e->give_up_ns);
		status = exporter_target_send(t, to, client, &m, &wait_ns);
		if (task_is_cancelled(t))
			return false;
		tell(e, status);
		if (status >= 200 && status < 300)
			return true;
		if (!is_retriable(status) || !pause(t, e, tries, wait_ns))
			return false;
	}
	return false;
}

/* Spans of all mailboxes, in turn.  Returns how many. */
static size_t gather_spans(struct exporter *e, struct json_writer *w)
{
	size_t count = 0, before;

	do {
		before = count;
		for (size_t i = 0; i < e->team->count; i++) {
			struct mailbox_text *m =
				mailbox_take(&e->tracers[i].box);

			if (m == NULL)
				continue;
			json_add_raw(w, (struct str){ m->text, m->len });
			free(m);
			count++;
		}
	} while (count > before && count < BATCH_SPANS &&
		 e->batch.len < BATCH_BYTES);
	return count;
}

static void export_spans(struct task *t, struct exporter *e)
{
	size_t count;

	if (e->tracers == NULL)
		return;
	do {
		struct json_writer w;
		bool done;

		buf_clear(&e->batch);
		json_writer_init(&w, &e->batch);
		otlp_begin(&w, &e->resource, OTLP_SPANS);
		count = gather_spans(e, &w);
		otlp_end(&w);
		if (count == 0)
			break;
		done = json_writer_done(&w) == 0 && deliver(t, e, &e->traces);
		counter_add(done ? &e->delivered : &e->lost, count);
	} while (count >= BATCH_SPANS && !task_is_cancelled(t));
	buf_release(&e->batch);
}

/* Sums and text are made on a thread of their own, as for a scrape. */
struct gathering {
	struct offload_work work;
	struct buf out;
	int result;
	struct otlp_resource resource;
	const struct metrics_route_name *routes;
	size_t route_count;
	struct otlp_period period;
	size_t count;
	const struct metrics *metrics[]; /* of each worker */
};

static void free_gathering(struct offload_work *w)
{
	struct gathering *g = (struct gathering *)(void *)w;

	buf_fini(&g->out);
	free(g);
}

static void gather_metrics(struct offload_work *work)
{
	struct gathering *g = (struct gathering *)(void *)work;
	struct metrics *all = metrics_new(g->route_count);
	struct json_writer w;

	for (size_t i = 0; i < g->count; i++)
		metrics_merge(all, g->metrics[i]);
	json_writer_init(&w, &g->out);
	otlp_begin(&w, &g->resource, OTLP_METRICS);
	otlp_metrics(&w, all, g->routes, &g->period);
	otlp_end(&w);
	g->result = json_writer_done(&w);
	metrics_free(all);
}

static struct gathering *make_gathering(const struct exporter *e)
{
	const struct worker_team *team = e->team;
	struct gathering *g =
		xcalloc(1, sizeof(*g) + team->count * sizeof(void *));

	g->work.run = gather_metrics;
	g->work.free = free_gathering;
	g->resource = e->resource;
	g->routes = e->routes;
	g->route_count = e->route_count;
	g->period.start_ns = team->started_wall_ns;
	g->period.now_ns = clock_wall();
	g->period.tls = e->config->tls_cert.len > 0;
	g->count = team->count;
	for (size_t i = 0; i < team->count; i++)
		g->metrics[i] = team->workers[i]->metrics;
	buf_init(&g->out, METRICS_BYTES);
	return g;
}

static void export_metrics(struct task *t, struct exporter *e)
{
	struct gathering *g;
	int r;

	if (e->metrics.origin == NULL)
		return;
	g = make_gathering(e);
	r = offload_run(t, &g->work, task_now(t) + GATHER_NS);
	buf_clear(&e->batch);
	if (r == 0 && g->result == 0 &&
	    buf_add(&e->batch, buf_str(&g->out)) == 0)
		(void)deliver(t, e, &e->metrics);
	buf_release(&e->batch);
	/* After a deadline it is the thread's. */
	if (r == 0 || r == -EAGAIN)
		free_gathering(&g->work);
}

static bool workers_are_idle(const struct exporter *e)
{
	uint64_t busy = 0;

	for (size_t i = 0; i < e->team->count; i++)
		busy += server_stats(e->team->workers[i]->server).connections;
	return busy == 0;
}

/* Until all workers are done, whose last requests have spans as well. */
static void wait_workers(struct task *t, struct exporter *e)
{
	while (!workers_are_idle(e) && task_now(t) < e->ending_ns) {
		if (task_sleep(t, task_now(t) + IDLE_ROUND_NS) < 0)
			return;
	}
}

void exporter_run(struct task *t, void *arg)
{
	struct exporter *e = arg;

	e->metrics_due_ns = task_now(t) + e->config->otlp_interval_ns;
	while (!e->ending) {
		int r = task_event_wait(t, &e->changed, task_now(t) + ROUND_NS);

		if (r == -ECANCELED)
			return;
		task_event_clear(&e->changed);
		export_spans(t, e);
		if (task_now(t) < e->metrics_due_ns || e->ending)
			continue;
		e->metrics_due_ns = task_now(t) + e->config->otlp_interval_ns;
		export_metrics(t, e);
	}
	wait_workers(t, e);
	e->give_up_ns = task_now(t) + LAST_NS;
	export_spans(t, e);
	export_metrics(t, e);
}

void exporter_stop(struct exporter *e, int64_t deadline_ns)
{
	if (e->ending)
		return;
	e->ending = true;
	e->ending_ns = deadline_ns;
	e->give_up_ns = loop_now(loop_of(e)) + LAST_NS;
	task_event_set(&e->changed);
}

struct exporter_stats exporter_stats(const struct exporter *e)
{
	struct exporter_stats s = { .delivered = counter_get(&e->delivered),
				    .lost = counter_get(&e->lost),
				    .failures = counter_get(&e->failures) };

	for (size_t i = 0; e->tracers != NULL && i < e->team->count; i++)
		s.lost += counter_get(&e->tracers[i].box.dropped);
	return s;
}

static int open_targets(struct exporter *e, struct arena *a,
			struct api_error *error)
{
	int r = exporter_target_init(&e->traces, e->config, EXPORTER_TRACES, a,
				     error);

	if (r == 0)
		r = exporter_target_init(&e->metrics, e->config,
					 EXPORTER_METRICS, a, error);
	if (r == 0 && e->traces.origin != NULL)
		r = make_tracers(e, a, error);
	return r;
}

int exporter_new(const struct exporter_cfg *cfg, struct exporter **out,
		 struct api_error *error)
{
	struct config *config = cfg->config;
	struct exporter *e;
	int r;

	*out = NULL;
	if (!exporter_target_is_wanted(config, EXPORTER_TRACES) &&
	    !exporter_target_is_wanted(config, EXPORTER_METRICS))
		return 0;
	e = xcalloc(1, sizeof(*e));
	e->config = config_ref(config);
	e->team = cfg->team;
	e->routes = cfg->routes;
	e->route_count = cfg->route_count;
	task_event_init(&e->changed);
	buf_init(&e->batch, METRICS_BYTES);
	rand_hex(e->instance, sizeof(e->instance));
	e->resource = (struct otlp_resource){
		.service = config->service_name,
		.instance = { e->instance, sizeof(e->instance) },
	};
	r = open_targets(e, cfg->arena, error);
	if (r != 0) {
		exporter_free(e);
		return r;
	}
	*out = e;
	return 0;
}

struct tracer *exporter_tracer(struct exporter *e, size_t i)
{
	return e != NULL && e->tracers != NULL ? &e->tracers[i] : NULL;
}

void exporter_free(struct exporter *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; e->tracers != NULL && i < e->team->count; i++)
		mailbox_fini(&e->tracers[i].box);
	free(e->tracers);
	exporter_target_fini(&e->traces);
	exporter_target_fini(&e->metrics);
	buf_fini(&e->batch);
	config_unref(e->config);
	free(e);
}
