#include "tests/sim/world.h"

#include "base/log.h"
#include "base/rand.h"
#include "net/client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EVENTS = 20,
	ANSWER_MAX = 64 * 1024,
	REQUESTS = 3
};

struct world {
	struct world_cfg cfg;
	struct world_result result;
	struct sim *sim;
	struct worker worker;
	struct io *upstream;
	struct task *upstream_task;
	unsigned running; /* clients */
};

struct client_arg {
	struct world *world;
	enum client_way way;
	bool stream;
};

static const struct str answer_head =
	STR_INIT("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
		 "transfer-encoding: chunked\r\n\r\n");
static const struct str answer_whole = STR_INIT(
	"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
	"content-length: 58\r\n\r\n"
	"{\"model\":\"up\",\"choices\":[{\"message\":{\"content\":\"whole\"}}]}");

static enum upstream_way pick_way(const struct world *w)
{
	return w->cfg.mix ? (enum upstream_way)rand_below(UP_WAYS)
			  : w->cfg.upstream;
}

static int send_text(struct task *t, struct io *io, struct str s)
{
	return io_write(t, io, &s, 1, task_now(t) + 60 * CLOCK_S);
}

/* Event i of a stream as a chunk; the last is [DONE] and the end. */
static struct str event_text(int i, char *out, size_t size)
{
	char event[96];
	int n;

	if (i == EVENTS)
		n = snprintf(event, sizeof(event), "data: [DONE]\n\n");
	else
		n = snprintf(event, sizeof(event),
			     "data: {\"model\":\"up\",\"n\":%d}\n\n", i);
	n = snprintf(out, size, "%x\r\n%s\r\n%s", (unsigned)n, event,
		     i == EVENTS ? "0\r\n\r\n" : "");
	return (struct str){ out, (size_t)n };
}

static int answer_stream(struct task *t, struct io *io, enum upstream_way way)
{
	int bad = (int)rand_below(EVENTS);
	char text[160];
	int r = send_text(t, io, answer_head);

	for (int i = 0; i <= EVENTS && r == 0; i++) {
		struct str s = event_text(i, text, sizeof(text));

		if (i == bad && way == UP_STALL_MID_STREAM)
			return task_sleep(t, task_now(t) + 3600 * CLOCK_S);
		if (i == bad && way == UP_RESET_MID_EVENT) {
			r = send_text(t, io, str_take(s, s.len / 2));
			sim_reset(io);
			return -1;
		}
		if (i == bad && way == UP_CUT_MID_EVENT) {
			r = send_text(t, io, str_take(s, s.len / 2));
			return -1;
		}
		r = send_text(t, io, s);
		if (r == 0 && rand_below(3) == 0)
			r = task_sleep(t, task_now(t) + 5 * CLOCK_MS);
	}
	return r;
}

/* Answer one request.  Returns != 0 when the connection is to be closed. */
static int answer(struct task *t, struct world *w, struct io *io, bool stream)
{
	enum upstream_way way = pick_way(w);
	int r;

	if (way == UP_RESET_BEFORE_ANSWER) {
		sim_reset(io);
		return -1;
	}
	if (way == UP_STALL_BEFORE_HEAD)
		return task_sleep(t, task_now(t) + 3600 * CLOCK_S);
	if (way == UP_BUSY) {
		return send_text(t, io,
				 STR("HTTP/1.1 503 Busy\r\ncontent-length: "
				     "0\r\nretry-after: 1\r\n\r\n"));
	}
	r = stream ? answer_stream(t, io, way) : send_text(t, io, answer_whole);
	return way == UP_CLOSE_AFTER_ANSWER ? -1 : r;
}

struct up_conn {
	struct world *world;
	struct io *io;
};

/* Read one request whole: its head, and the body by content-length. */
static int read_request(struct task *t, struct io *io, struct buf *in)
{
	struct str all, key = STR("content-length: ");
	size_t scan = 0, head, n;
	int64_t len = 0;
	int r;

	for (;;) {
		head = http_head_end(buf_str(in), &scan);
		all = buf_str(in);
		if (head > 0) {
			struct str h = str_take(all, head), rest;

			h = str_drop(h, str_find(h, key) + key.len);
			(void)str_cut(h, '\r', &h, &rest);
			(void)str_to_i64(h, 0, INT32_MAX, &len);
			if (all.len >= head + (size_t)len)
				break;
		}
		if (buf_reserve(in, 4096) < 0)
			return -1;
		r = io_read(t, io, in->ptr + in->len, 4096, CLOCK_NEVER, &n);
		if (r < 0 || n == 0)
			return -1;
		in->len += n;
	}
	buf_drop(in, head + (size_t)len);
	return 0;
}

static void serve_upstream(struct task *t, void *arg)
{
	struct up_conn *c = arg;
	struct buf in;
	bool stream;
	int r = 0;

	buf_init(&in, ANSWER_MAX);
	while (r == 0) {
		r = read_request(t, c->io, &in);
		/* An upstream may answer a stream's request with a whole. */
		stream = rand_below(2) == 0;
		if (r == 0)
			r = answer(t, c->world, c->io, stream);
	}
	buf_fini(&in);
	io_close(c->io);
	free(c);
}

static void accept_upstream(struct task *t, void *arg)
{
	struct world *w = arg;
	struct io *io;

	w->upstream_task = t;
	while (io_accept(t, w->upstream, CLOCK_NEVER, &io) == 0) {
		struct up_conn *c = xcalloc(1, sizeof(*c));

		*c = (struct up_conn){ w, io };
		if (task_spawn(task_loop(t), "upstream connection",
			       serve_upstream, c) < 0)
			abort();
	}
	io_close(w->upstream);
}

static void lie(struct world *w, const char *what, struct str got)
{
	w->result.lies++;
	(void)snprintf(w->result.lie, sizeof(w->result.lie), "%s: " STR_FMT,
		       what, STR_ARG(str_take(got, 100)));
}

/* All n events of a stream in order, each with the client's model. */
static bool is_whole_stream(struct str body)
{
	char want[96];

	for (int i = 0; i < EVENTS; i++) {
		size_t at;

		(void)snprintf(want, sizeof(want),
			       "data: {\"model\":\"openai/m\",\"n\":%d}\n\n",
			       i);
		at = str_find(body, str_of(want));
		if (at == body.len)
			return false;
		body = str_drop(body, at + strlen(want));
	}
	return str_find(body, STR("data: [DONE]\n\n")) < body.len &&
	       str_ends(body, STR("0\r\n\r\n"));
}

/* Does the answer, as far as it came, say what it is? */
static void judge(struct world *w, struct str got, bool hung_up)
{
	struct str ok = STR("HTTP/1.1 200");

	if (hung_up)
		return;
	if (got.len == 0 || !str_starts(got, ok)) {
		w->result.failures++; /* an error status, or cut before it */
		return;
	}
	if (is_whole_stream(got) ||
	    str_find(got, STR("\"model\":\"openai/m\",\"choices\":[{"
			      "\"delta\":{\"content\":\"whole\"")) < got.len)
		w->result.answers++;
	else if (!str_ends(got, STR("0\r\n\r\n")))
		w->result.failures++;
	else
		lie(w, "a clean end of an answer that is not whole", got);
}

/* A stream ends with its last chunk, a whole answer as the upstream's. */
static bool is_at_end(struct str all)
{
	if (str_find(all, STR("content-length: ")) == all.len)
		return str_ends(all, STR("0\r\n\r\n"));
	if (str_find(all, STR("\"choices\"")) < all.len)
		return str_ends(all, STR("}}]}"));
	return str_ends(all, STR("}}"));
}

/* Read one answer: to its end by framing, or to the connection's. */
static int read_answer(struct task *t, const struct client_arg *a,
		       struct io *io, struct buf *got)
{
	size_t n = 1;
	int r = 0;

	while (r == 0 && n > 0) {
		if (is_at_end(buf_str(got)))
			return 0;
		if (a->way == CLIENT_HANGS_UP && rand_below(8) == 0)
			return 1;
		if (a->way == CLIENT_SLOW)
			r = task_sleep(t, task_now(t) + 20 * CLOCK_MS);
		if (r == 0)
			r = buf_reserve(got, 4096);
		if (r == 0) {
			r = io_read(t, io, got->ptr + got->len,
				    a->way == CLIENT_SLOW ? 50 : 4096,
				    task_now(t) + 4000 * CLOCK_S, &n);
		}
		if (r == 0)
			got->len += n;
	}
	return -1;
}

static int ask(struct task *t, const struct client_arg *a, struct io *io)
{
	struct str body = STR("{\"model\":\"openai/m\",\"stream\":true,"
			      "\"messages\":[{\"role\":\"user\",\"content\":"
			      "\"hi\"}]}");
	char head[160];
	int n = snprintf(head, sizeof(head),
			 "POST /v1/chat/completions HTTP/1.1\r\nhost: q\r\n"
			 "content-length: %zu\r\n\r\n",
			 body.len);
	struct str pieces[] = { { head, (size_t)n }, body };

	(void)a;
	return io_write(t, io, pieces, 2, task_now(t) + 60 * CLOCK_S);
}

static void run_client(struct task *t, void *arg)
{
	struct client_arg *a = arg;
	struct world *w = a->world;
	struct io_addr addr;
	struct buf got;
	struct io *io;
	int r;

	buf_init(&got, ANSWER_MAX);
	r = io_addr_parse(STR("10.0.0.9"), 8321, &addr);
	if (r == 0)
		r = io_connect(t, &addr, task_now(t) + 60 * CLOCK_S, &io);
	if (r == 0) {
		for (int i = 0; i < REQUESTS && r == 0; i++) {
			buf_clear(&got);
			r = ask(t, a, io);
			if (r == 0)
				r = read_answer(t, a, io, &got);
			judge(w, buf_str(&got), r == 1);
		}
		io_close(io);
	} else {
		w->result.failures++;
	}
	buf_fini(&got);
	w->running--;
	free(a);
}

static char base_url[] = "OPENAI_BASE_URL=http://api.test/v1";
static char api_key[] = "OPENAI_API_KEY=k";
static char ping[] = "--ping-interval=10s", retries[] = "--retries=1";
static char *environment[] = { base_url, api_key, NULL };
static char *flags[] = { ping, retries, NULL };

static struct config *make_config(void)
{
	struct config *config;
	struct buf messages;
	struct arena a;

	buf_init(&messages, 4096);
	arena_init(&a, 1 << 20);
	if (config_load(&(struct config_sources){ .environment = environment,
						  .flags = flags },
			provider_config_types(&a), &config, &messages) != 0)
		abort();
	arena_fini(&a);
	buf_fini(&messages);
	return config;
}

static void publish(struct worker *w, struct catalog *c)
{
	worker_set_catalog(w, c);
}

static void start_worker(struct world *w, struct config *config)
{
	struct loop *loop = sim_loop(w->sim);
	struct registry *reg;
	struct api_error e;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (registry_new(config, environment, &a, &reg, &e) != 0)
		abort();
	arena_fini(&a);
	w->worker = (struct worker){
		.loop = loop,
		.catalog = catalog_new(reg, NULL, NULL, 1),
		.publish = publish,
		.metrics = metrics_new(route_count()),
		.client = client_new(loop,
				     &(struct client_cfg){
					     .pool_max = 8,
					     .pool_idle_ns = 60 * CLOCK_S }),
	};
	registry_unref(reg);
	w->worker.server =
		server_new(loop, &(struct server_cfg){
					 .handle = route_request,
					 .refuse = route_refuse,
					 .user = &w->worker,
					 .head_max = 32768,
					 .body_max = 1 << 20,
					 .inflated_max = 1 << 20,
					 .head_timeout_ns = 15 * CLOCK_S,
					 .body_timeout_ns = 60 * CLOCK_S,
					 .keepalive_timeout_ns = 75 * CLOCK_S,
					 .write_timeout_ns = 60 * CLOCK_S,
					 .connection_max = 1000,
				 });
}

static struct io *listen_at(struct world *w, struct str host, uint16_t port)
{
	struct io_listen_cfg cfg = { 0 };
	struct io *io;

	if (io_addr_parse(host, port, &cfg.addr) < 0 ||
	    io_listen(sim_loop(w->sim), &cfg, &io) < 0)
		abort();
	return io;
}

/* Start the clients, wait for them, and shut all down. */
static void direct(struct task *t, void *arg)
{
	struct world *w = arg;
	struct loop *loop = task_loop(t);

	for (unsigned i = 0; i < w->cfg.clients; i++) {
		struct client_arg *a = xcalloc(1, sizeof(*a));

		a->world = w;
		a->way = w->cfg.mix ? (enum client_way)rand_below(CLIENT_WAYS)
				    : w->cfg.client;
		w->running++;
		if (task_spawn(loop, "client", run_client, a) < 0)
			abort();
	}
	if (w->cfg.shutdown &&
	    task_sleep(t, task_now(t) + (int64_t)rand_below(
						100 * (uint64_t)CLOCK_MS)) == 0)
		server_shutdown(w->worker.server, task_now(t) + CLOCK_S);
	while (w->running > 0) {
		if (task_sleep(t, task_now(t) + 100 * CLOCK_MS) < 0)
			break;
	}
	if (!w->cfg.shutdown)
		server_shutdown(w->worker.server, task_now(t) + CLOCK_S);
	while (server_stats(w->worker.server).connections > 0) {
		if (task_sleep(t, task_now(t) + 100 * CLOCK_MS) < 0)
			break;
	}
	client_free(w->worker.client);
	task_cancel(w->upstream_task);
	loop_cancel_all(loop);
}

struct world_result world_run(const struct world_cfg *cfg)
{
	struct world w = { .cfg = *cfg };
	struct config *config = make_config();

	w.sim = sim_new(&(struct sim_cfg){ .seed = cfg->seed,
					   .delay_min_ns = 10 * CLOCK_US,
					   .delay_max_ns = 2 * CLOCK_MS,
					   .window = 2048,
					   .split = true,
					   .reset_ppm = cfg->reset_ppm });
	sim_host(w.sim, STR("api.test"), STR("10.0.0.1"));
	start_worker(&w, config);
	w.upstream = listen_at(&w, STR("10.0.0.1"), 80);
	if (server_listen(w.worker.server,
			  listen_at(&w, STR("10.0.0.9"), 8321)) < 0 ||
	    task_spawn(sim_loop(w.sim), "upstream", accept_upstream, &w) < 0 ||
	    task_spawn(sim_loop(w.sim), "director", direct, &w) < 0)
		abort();
	loop_run(sim_loop(w.sim));
	w.result.streams_left = sim_open_streams(w.sim);
	if (loop_task_count(sim_loop(w.sim)) > 0)
		lie(&w, "tasks are left", STR("the world stood still"));
	else
		server_free(w.worker.server);
	breaker_fini(&w.worker.breakers);
	catalog_unref(w.worker.catalog);
	config_unref(config);
	metrics_free(w.worker.metrics);
	sim_free(w.sim);
	return w.result;
}
