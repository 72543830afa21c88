#include "tests/sim/world.h"

#include "tests/sim/world_worker.h"

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
	struct up *ups[3]; /* 1 and 2 */
	unsigned running;  /* clients */
	int64_t began_ns;
};

struct up {
	struct world *world;
	int by;
	struct io *io; /* listens */
	struct task *task;
};

struct client_arg {
	struct world *world;
	enum client_way way;
	int last_by;
};

static const struct str answer_head =
	STR_INIT("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
		 "transfer-encoding: chunked\r\n\r\n");
#define WHOLE(by)                                                             \
	STR_INIT("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"      \
		 "content-length: 59\r\n\r\n{\"model\":\"up\",\"choices\":[{" \
		 "\"message\":{\"content\":\"whole" by "\"}}]}")

static const struct str answers_whole[] = {
	[1] = WHOLE("1"), [2] = WHOLE("2")
};

static const char *model_of(const struct world *w)
{
	return w->cfg.routed ? "fast" : "openai/m";
}

static enum upstream_way pick_way(const struct up *up, int64_t now_ns)
{
	const struct world_cfg *cfg = &up->world->cfg;

	if (cfg->both_reset)
		return rand_below(3) == 0 ? UP_RESET_BEFORE_ANSWER : UP_GOOD;
	if (up->by == 2 || (cfg->well_ns > 0 && now_ns >= cfg->well_ns))
		return UP_GOOD;
	if (cfg->mix)
		return (enum upstream_way)rand_below(UP_WAYS);
	if (cfg->upstream == UP_FLAPS) {
		return now_ns / (3 * CLOCK_S) % 2 == 0 ? UP_GOOD
						       : UP_RESET_BEFORE_ANSWER;
	}
	return cfg->upstream;
}

static int send_text(struct task *t, struct io *io, struct str s)
{
	return io_write(t, io, &s, 1, task_now(t) + 60 * CLOCK_S);
}

/* Event i of a stream as a chunk; the last is [DONE] and the end. */
static struct str event_text(int i, int by, char *out, size_t size)
{
	char event[96];
	int n;

	if (i == EVENTS)
		n = snprintf(event, sizeof(event), "data: [DONE]\n\n");
	else {
		n = snprintf(event, sizeof(event),
			     "data: {\"model\":\"up\",\"n\":%d,\"by\":%d}\n\n",
			     i, by);
	}
	n = snprintf(out, size, "%x\r\n%s\r\n%s", (unsigned)n, event,
		     i == EVENTS ? "0\r\n\r\n" : "");
	return (struct str){ out, (size_t)n };
}

static int answer_stream(struct task *t, const struct up *up, struct io *io,
			 enum upstream_way way)
{
	int bad = (int)rand_below(EVENTS);
	char text[160];
	int r = send_text(t, io, answer_head);

	for (int i = 0; i <= EVENTS && r == 0; i++) {
		struct str s = event_text(i, up->by, text, sizeof(text));

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
static int answer(struct task *t, const struct up *up, struct io *io,
		  bool stream)
{
	enum upstream_way way = pick_way(up, task_now(t) - up->world->began_ns);
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
	if (way == UP_LIMITED) {
		return send_text(t, io,
				 STR("HTTP/1.1 429 Slowly\r\ncontent-length: "
				     "0\r\nretry-after: 2\r\n\r\n"));
	}
	r = stream ? answer_stream(t, up, io, way)
		   : send_text(t, io, answers_whole[up->by]);
	return way == UP_CLOSE_AFTER_ANSWER ? -1 : r;
}

struct up_conn {
	struct up *up;
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
	struct world *w = c->up->world;
	struct buf in;
	bool stream;
	int r = 0;

	buf_init(&in, ANSWER_MAX);
	if (w->cfg.play != NULL) {
		w->cfg.play->serve(t, &w->cfg, c->io, &w->result);
		r = -1;
	}
	while (r == 0) {
		r = read_request(t, c->io, &in);
		/* An upstream may answer a stream's request with a whole. */
		stream = rand_below(2) == 0;
		if (r == 0) {
			w->result.asked[c->up->by]++;
			r = answer(t, c->up, c->io, stream);
		}
	}
	buf_fini(&in);
	io_close(c->io);
	free(c);
}

static void accept_upstream(struct task *t, void *arg)
{
	struct up *up = arg;
	struct io *io;

	up->task = t;
	while (io_accept(t, up->io, CLOCK_NEVER, &io) == 0) {
		struct up_conn *c = xcalloc(1, sizeof(*c));

		*c = (struct up_conn){ up, io };
		if (task_spawn(task_loop(t), "upstream connection",
			       serve_upstream, c) < 0)
			abort();
	}
	io_close(up->io);
}

static void lie(struct world *w, const char *what, struct str got)
{
	w->result.lies++;
	(void)snprintf(w->result.lie, sizeof(w->result.lie), "%s: " STR_FMT,
		       what, STR_ARG(str_take(got, 100)));
}

/* All n events of a stream of one upstream in order, with the client's model. */
static bool is_whole_stream(const struct world *w, struct str body, int by)
{
	char want[96];

	for (int i = 0; i < EVENTS; i++) {
		size_t at;

		(void)snprintf(
			want, sizeof(want),
			"data: {\"model\":\"%s\",\"n\":%d,\"by\":%d}\n\n",
			model_of(w), i, by);
		at = str_find(body, str_of(want));
		if (at == body.len)
			return false;
		body = str_drop(body, at + strlen(want));
	}
	return str_find(body, STR("data: [DONE]\n\n")) < body.len &&
	       str_ends(body, STR("0\r\n\r\n"));
}

static bool has(struct str got, struct str text)
{
	return str_find(got, text) < got.len;
}

/* Bytes of both upstreams in one answer. */
static bool is_mixed(struct str got)
{
	return (has(got, STR("\"by\":1")) || has(got, STR("whole1"))) &&
	       (has(got, STR("\"by\":2")) || has(got, STR("whole2")));
}

/* Who gave the answer; 0: it is not whole. */
static int answered_by(const struct world *w, struct str got)
{
	struct str model = w->cfg.routed
				   ? STR("{\"model\":\"fast\",\"choices")
				   : STR("{\"model\":\"openai/m\",\"choices");

	for (int by = 1; by <= 2; by++) {
		const char *whole = by == 1 ? "whole1" : "whole2";

		if (is_whole_stream(w, got, by) ||
		    (has(got, str_of(whole)) && has(got, model)))
			return by;
	}
	return 0;
}

/* Does the answer, as far as it came, say what it is? */
static void judge(struct client_arg *a, struct str got, bool hung_up)
{
	struct str ok = STR("HTTP/1.1 200");
	struct world *w = a->world;
	int by = answered_by(w, got);

	if (is_mixed(got))
		lie(w, "an answer of two upstreams", got);
	if (hung_up)
		return;
	if (got.len == 0 || !str_starts(got, ok)) {
		w->result.failures++; /* an error status, or cut before it */
		return;
	}
	if (by > 0) {
		w->result.answers++;
		w->result.by[by]++;
		a->last_by = by;
	} else if (!str_ends(got, STR("0\r\n\r\n"))) {
		w->result.failures++;
	} else {
		lie(w, "a clean end of an answer that is not whole", got);
	}
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
	char head[160], body[160];
	int len = snprintf(body, sizeof(body),
			   "{\"model\":\"%s\",\"stream\":true,\"messages\":[{"
			   "\"role\":\"user\",\"content\":\"hi\"}]}",
			   model_of(a->world));
	int n = snprintf(head, sizeof(head),
			 "POST /v1/chat/completions HTTP/1.1\r\nhost: q\r\n"
			 "content-length: %d\r\n\r\n",
			 len);
	struct str pieces[] = { { head, (size_t)n }, { body, (size_t)len } };

	return io_write(t, io, pieces, 2, task_now(t) + 60 * CLOCK_S);
}

/* A client that has lost its connection makes another, for its next request. */
static int connect_again(struct task *t, struct io **io)
{
	struct io_addr addr;
	int r;

	if (*io != NULL)
		return 0;
	r = io_addr_parse(STR("10.0.0.9"), 8321, &addr);
	if (r == 0)
		r = io_connect(t, &addr, task_now(t) + 60 * CLOCK_S, io);
	return r;
}

/* One request.  Returns != 0 when the client is to stop. */
static int run_request(struct task *t, struct client_arg *a, struct io **io,
		       struct buf *got)
{
	int r = connect_again(t, io);

	if (r != 0) {
		a->world->result.failures++;
		return r;
	}
	buf_clear(got);
	r = ask(t, a, *io);
	if (r == 0)
		r = read_answer(t, a, *io, got);
	judge(a, buf_str(got), r == 1);
	if (r != 0) {
		io_close(*io);
		*io = NULL;
	}
	if (a->world->cfg.pause_ns > 0)
		r = task_sleep(t, task_now(t) + a->world->cfg.pause_ns);
	return r;
}

static void run_client(struct task *t, void *arg)
{
	struct client_arg *a = arg;
	struct world *w = a->world;
	unsigned requests = w->cfg.requests > 0 ? w->cfg.requests : REQUESTS;
	struct io *io = NULL;
	struct buf got;
	int r = 0;

	buf_init(&got, ANSWER_MAX);
	if (w->cfg.play != NULL) {
		r = connect_again(t, &io);
		if (r == 0)
			w->cfg.play->visit(t, &w->cfg, io, &w->result);
		requests = 0;
	}
	for (unsigned i = 0; i < requests && r == 0; i++)
		r = run_request(t, a, &io, &got);
	if (io != NULL)
		io_close(io);
	buf_fini(&got);
	w->result.last_by_first += a->last_by == 1;
	w->running--;
	free(a);
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

	w->began_ns = task_now(t);

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
	for (int i = 1; i <= 2; i++) {
		if (w->ups[i] != NULL && w->ups[i]->task != NULL)
			task_cancel(w->ups[i]->task);
	}
	loop_cancel_all(loop);
}

static void start_upstream(struct world *w, struct up *up, int by)
{
	*up = (struct up){ .world = w, .by = by };
	if ((by == 1 && w->cfg.refused) || (by == 2 && !w->cfg.routed))
		return;
	w->ups[by] = up;
	up->io = listen_at(w, by == 1 ? STR("10.0.0.1") : STR("10.0.0.2"), 80);
	if (task_spawn(sim_loop(w->sim), "upstream", accept_upstream, up) < 0)
		abort();
}

struct world_result world_run(const struct world_cfg *cfg)
{
	struct world w = { .cfg = *cfg };
	struct up first, second;
	struct config *config = world_config(cfg->routed);

	w.sim = sim_new(&(struct sim_cfg){ .seed = cfg->seed,
					   .delay_min_ns = 10 * CLOCK_US,
					   .delay_max_ns = 2 * CLOCK_MS,
					   .window = 2048,
					   .split = true,
					   .reset_ppm = cfg->reset_ppm });
	sim_host(w.sim, STR("api.test"), STR("10.0.0.1"));
	world_worker(&w.worker, sim_loop(w.sim), config);
	sim_host(w.sim, STR("two.test"), STR("10.0.0.2"));
	start_upstream(&w, &first, 1);
	start_upstream(&w, &second, 2);
	if (server_listen(w.worker.server,
			  listen_at(&w, STR("10.0.0.9"), 8321)) < 0 ||
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
