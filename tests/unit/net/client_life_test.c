#include "tests/unit/net/upstream.h"

#include <sys/socket.h>
#include <unistd.h>

static int send_read(struct task *t, struct world *w,
		     const struct client_request *req, struct str *got)
{
	static char text[64 * 1024];
	enum client_stage stage;
	struct client_response *res;
	struct buf body;
	int r = client_send(t, w->client, req, &res, &stage);

	if (r != 0)
		return r;
	buf_init(&body, sizeof(text));
	r = client_read_all(t, res, sizeof(text), &body);
	client_done(res);
	if (body.len > 0)
		memcpy(text, body.ptr, body.len);
	*got = (struct str){ text, body.len };
	buf_fini(&body);
	return r;
}

static void get_ok(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	struct str got = STR_NULL;

	world_check_int(w, send_read(t, w, &req, &got), 0);
	world_check_str(w, got, STR("ok"));
}

/* stale connections */

struct stale {
	const char *name;
	struct step first[6];
	struct step second[4];
	int want; /* of the second request */
	uint64_t connects, retries;
};

static const struct stale stales[] = {
	{ "closed on the second request: sent again",
	  { ASKED, ANSWER(OK_LENGTH), ASKED, DO(CLOSE) },
	  { ASKED, ANSWER(OK_LENGTH), DO(STEP_END) },
	  0,
	  2,
	  1 },
	{ "reset on the second request: sent again",
	  { ASKED, ANSWER(OK_LENGTH), ASKED, DO(RESET) },
	  { ASKED, ANSWER(OK_LENGTH), DO(STEP_END) },
	  0,
	  2,
	  1 },
	{ "a byte of the answer came: not sent again",
	  { ASKED, ANSWER(OK_LENGTH), ASKED, ANSWER("H"), DO(CLOSE) },
	  { ASKED, ANSWER(OK_LENGTH), DO(STEP_END) },
	  -ECONNRESET,
	  1,
	  0 },
	{ "the new connection dies as well: sent twice, not three times",
	  { ASKED, ANSWER(OK_LENGTH), ASKED, DO(CLOSE) },
	  { ASKED, DO(CLOSE) },
	  -ECONNRESET,
	  2,
	  1 },
	{ "closed while idle: not used at all",
	  { ASKED, ANSWER(OK_LENGTH), DO(CLOSE) },
	  { ASKED, ANSWER(OK_LENGTH), DO(STEP_END) },
	  0,
	  2,
	  0 },
	{ "bytes while idle: not used at all",
	  { ASKED, ANSWER(OK_LENGTH), DO(SLEEP),
	    ANSWER("HTTP/1.1 408 x\r\n\r\n"), DO(STEP_END) },
	  { ASKED, ANSWER(OK_LENGTH), DO(STEP_END) },
	  0,
	  2,
	  0 },
};

static void play_stale(struct task *t, struct world *w)
{
	const struct stale *s = w->arg;
	struct client_request req = get(w);
	struct str got;

	get_ok(t, w);
	world_check_int(w, client_stats(w->client).idle, 1);
	world_check_int(w, task_sleep(t, soon(t, 60)), 0);
	world_check_int(w, send_read(t, w, &req, &got), s->want);
	world_check_int(w, client_stats(w->client).connects, s->connects);
	world_check_int(w, client_stats(w->client).stale_retries, s->retries);
}

static void stale_connections_are_retried_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(stales); i++) {
		struct world w = {
			.scripts = { stales[i].first, stales[i].second },
			.cfg = plain_cfg,
			.run = play_stale,
			.arg = &stales[i],
		};

		world_run(&w, stales[i].name);
	}
}

static void play_first_dies(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	struct str got;

	world_check_int(w, send_read(t, w, &req, &got), -ECONNRESET);
	world_check_int(w, client_stats(w->client).connects, 1);
}

static void new_connections_are_not_retried(void **state)
{
	static const struct step dies[] = { ASKED, DO(CLOSE) };
	struct world w = {
		.scripts = { dies, dies },
		.cfg = plain_cfg,
		.run = play_first_dies,
	};

	(void)state;
	world_run(&w, "a new connection dies");
}

/* the pool */

static const struct step serves[] = {
	ASKED, ANSWER(OK_LENGTH), ASKED,        ANSWER(OK_LENGTH),
	ASKED, ANSWER(OK_LENGTH), DO(STEP_END),
};

static void play_two_at_once(struct task *t, struct world *w)
{
	struct client_response *res[3];
	enum client_stage stage;
	struct client_request req = get(w);
	struct str data;

	for (size_t i = 0; i < 3; i++) {
		world_check_int(
			w, client_send(t, w->client, &req, &res[i], &stage), 0);
	}
	for (size_t i = 0; i < 3; i++) {
		world_check_int(w, client_read(t, res[i], &data), 0);
		world_check_str(w, data, STR("ok"));
		client_done(res[i]);
	}
	/* The oldest went: two may be idle. */
	world_check_int(w, client_stats(w->client).idle, 2);
	get_ok(t, w);
	get_ok(t, w);
	world_check_int(w, client_stats(w->client).connects, 3);
	world_check_int(w, client_stats(w->client).reuses, 2);
	world_check_int(w, task_sleep(t, soon(t, 60)), 0);
	client_sweep(w->client);
	world_check_int(w, client_stats(w->client).idle, 0);
	get_ok(t, w);
	world_check_int(w, client_stats(w->client).connects, 4);
}

static void the_pool_is_bounded_and_grows_old(void **state)
{
	struct world w = {
		.scripts = { serves, serves, serves, serves },
		.cfg = { .pool_max = 2, .pool_idle_ns = 50 * CLOCK_MS },
		.run = play_two_at_once,
	};

	(void)state;
	world_run(&w, "the pool");
}

struct unread {
	const char *name;
	struct step script[4];
	size_t idle;
};

static const struct unread unreads[] = {
	{ "an unread body that came with its head",
	  { ASKED, ANSWER(OK_LENGTH), DO(STEP_END) },
	  1 },
	{ "an unread body that is still coming",
	  { ASKED, ANSWER("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok"),
	    DO(STEP_END) },
	  0 },
	{ "bytes after the answer",
	  { ASKED, ANSWER(OK_LENGTH "x"), DO(STEP_END) },
	  0 },
	{ "bytes after an answer without a body",
	  { ASKED, ANSWER("HTTP/1.1 204 x\r\n\r\nx"), DO(STEP_END) },
	  0 },
	{ "a peer that keeps nothing",
	  { ASKED,
	    ANSWER("HTTP/1.1 204 x\r\nkeep-alive: max=3, timeout=1\r\n\r\n"),
	    DO(STEP_END) },
	  0 },
	{ "a peer that keeps five seconds",
	  { ASKED, ANSWER("HTTP/1.1 204 x\r\nkeep-alive: timeout=5\r\n\r\n"),
	    DO(STEP_END) },
	  1 },
};

static void play_unread(struct task *t, struct world *w)
{
	const struct unread *u = w->arg;
	struct client_request req = get(w);
	struct client_response *res;
	enum client_stage stage;

	world_check_int(w, client_send(t, w->client, &req, &res, &stage), 0);
	if (w->fault[0] != '\0')
		return;
	client_done(res);
	world_check_int(w, client_stats(w->client).idle, u->idle);
}

static void only_clean_connections_are_pooled(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(unreads); i++) {
		struct world w = {
			.scripts = { unreads[i].script },
			.cfg = plain_cfg,
			.run = play_unread,
			.arg = &unreads[i],
		};

		world_run(&w, unreads[i].name);
	}
}

/* timeouts */

struct slow {
	const char *name;
	struct step script[6];
	struct client_timeouts timeouts;
	int64_t total_ms;
	size_t body;
	int send, read;
	enum client_stage stage;
	bool proxy;
};

#define HALF "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok"

static const struct slow slows[] = {
	{ .name = "no head in time",
	  .script = { ASKED, DO(STEP_END) },
	  .timeouts = { .first_byte_ns = 20 * CLOCK_MS },
	  .send = -ETIMEDOUT,
	  .stage = CLIENT_FIRST_BYTE },
	{ .name = "half a head in time",
	  .script = { ASKED, ANSWER("HTTP/1.1 200"), DO(STEP_END) },
	  .timeouts = { .first_byte_ns = 20 * CLOCK_MS },
	  .send = -ETIMEDOUT,
	  .stage = CLIENT_FIRST_BYTE },
	{ .name = "a silent body",
	  .script = { ASKED, ANSWER(HALF), DO(STEP_END) },
	  .timeouts = { .idle_ns = 20 * CLOCK_MS },
	  .read = -ETIMEDOUT },
	{ .name = "the whole takes too long before the head",
	  .script = { ASKED, DO(STEP_END) },
	  .timeouts = { .first_byte_ns = CLOCK_S },
	  .total_ms = 20,
	  .send = -ETIMEDOUT,
	  .stage = CLIENT_FIRST_BYTE },
	{ .name = "the whole takes too long in the body",
	  .script = { ASKED, ANSWER(HALF), DO(STEP_END) },
	  .timeouts = { .idle_ns = CLOCK_S },
	  .total_ms = 20,
	  .read = -ETIMEDOUT },
	{ .name = "a peer that does not read",
	  .script = { DO(SLEEP), DO(SLEEP), DO(SLEEP), DO(CLOSE) },
	  .timeouts = { .idle_ns = 20 * CLOCK_MS },
	  .body = 32 << 20,
	  .send = -ETIMEDOUT,
	  .stage = CLIENT_WRITE },
	{ .name = "a proxy that does not answer",
	  .script = { DO(SLEEP), DO(SLEEP), DO(SLEEP), DO(CLOSE) },
	  .timeouts = { .connect_ns = 20 * CLOCK_MS },
	  .send = -ETIMEDOUT,
	  .stage = CLIENT_PROXY,
	  .proxy = true },
	{ .name = "fast enough",
	  .script = { ASKED, DO(SLEEP), ANSWER(HALF), DO(SLEEP), ANSWER("ok") },
	  .timeouts = { .connect_ns = CLOCK_S,
			.first_byte_ns = CLOCK_S,
			.idle_ns = CLOCK_S },
	  .total_ms = 1000 },
};

/* Only its address is needed: no handshake gets that far in these tests. */
static struct tls_ctx *some_ctx(void)
{
	static char ctx;

	return (struct tls_ctx *)(void *)&ctx;
}

static void use_proxy(struct world *w)
{
	w->origin.tls = true;
	w->origin.tls_ctx = some_ctx();
	w->origin.host = STR("up.test");
	w->origin.port = 443;
	w->origin.proxy.host = STR("127.0.0.1");
	w->origin.proxy.port = w->port;
}

static void play_slow(struct task *t, struct world *w)
{
	const struct slow *s = w->arg;
	struct client_request req = get(w);
	struct client_response *res;
	enum client_stage stage = CLIENT_DNS;
	char *body = xcalloc(1, s->body + 1);
	struct str piece = { body, s->body };
	struct buf got;
	int64_t start = task_now(t);
	int r;

	if (s->proxy)
		use_proxy(w);
	req.timeouts = s->timeouts;
	req.timeouts.deadline_ns =
		s->total_ms > 0 ? soon(t, (int)s->total_ms) : CLOCK_NEVER;
	req.pieces = &piece;
	req.piece_count = 1;
	buf_init(&got, 100);
	r = client_send(t, w->client, &req, &res, &stage);
	world_check_int(w, r, s->send);
	if (r == 0) {
		world_check_int(w, client_read_all(t, res, 100, &got), s->read);
		client_done(res);
	} else {
		world_check_int(w, stage, s->stage);
	}
	if (s->send < 0 || s->read < 0)
		world_check(w, task_now(t) - start >= 19 * CLOCK_MS);
	world_check(w, task_now(t) - start < 500 * CLOCK_MS);
	buf_fini(&got);
	free(body);
}

static void every_phase_has_its_timeout(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(slows); i++) {
		struct world w = {
			.scripts = { slows[i].script },
			.cfg = plain_cfg,
			.run = play_slow,
			.arg = &slows[i],
		};

		world_run(&w, slows[i].name);
	}
}

/* the caller's own client hangs up */

struct leaver {
	int fd;
	int64_t left_ns;
};

static void leave(struct task *t, void *arg)
{
	struct leaver *l = arg;

	(void)!task_sleep(t, soon(t, 20));
	l->left_ns = task_now(t);
	(void)close(l->fd);
}

static void play_hang_up(struct task *t, struct world *w)
{
	const struct slow *s = w->arg;
	char *body = xcalloc(1, s->body + 1);
	struct str piece = { body, s->body }, data;
	struct client_request req = get(w);
	struct client_response *res;
	enum client_stage stage;
	struct leaver leaver;
	int fds[2], r;

	world_check_int(
		w, socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	world_check_int(w, io_adopt(w->loop, fds[0], &req.watch), 0);
	leaver = (struct leaver){ .fd = fds[1] };
	world_check_int(w, task_spawn(w->loop, "leave", leave, &leaver), 0);
	if (s->proxy)
		use_proxy(w);
	req.pieces = &piece;
	req.piece_count = 1;
	r = client_send(t, w->client, &req, &res, &stage);
	world_check_int(w, r, s->send);
	if (r == 0) {
		world_check_int(w, client_read(t, res, &data), 0);
		world_check_str(w, data, STR("ok"));
		world_check_int(w, client_read(t, res, &data), CLIENT_HUNG_UP);
		client_done(res);
	}
	world_check(w, leaver.left_ns > 0);
	world_check(w, task_now(t) - leaver.left_ns < 500 * CLOCK_MS);
	world_check_int(w, client_stats(w->client).idle, 0);
	io_close(req.watch);
	free(body);
}

static const struct slow hang_ups[] = {
	{ .name = "hung up before the head",
	  .script = { ASKED, DO(STEP_END) },
	  .send = CLIENT_HUNG_UP },
	{ .name = "hung up in the body", .script = { ASKED, ANSWER(HALF) } },
	{ .name = "hung up while sending",
	  .script = { DO(SLEEP), DO(SLEEP), DO(SLEEP), DO(CLOSE) },
	  .body = 32 << 20,
	  .send = CLIENT_HUNG_UP },
	{ .name = "hung up while connecting",
	  .script = { DO(SLEEP), DO(SLEEP), DO(SLEEP), DO(CLOSE) },
	  .send = CLIENT_HUNG_UP,
	  .proxy = true },
};

static void a_hang_up_ends_every_wait(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(hang_ups); i++) {
		struct world w = {
			.scripts = { hang_ups[i].script },
			.cfg = plain_cfg,
			.run = play_hang_up,
			.arg = &hang_ups[i],
		};

		world_run(&w, hang_ups[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stale_connections_are_retried_once),
		cmocka_unit_test(new_connections_are_not_retried),
		cmocka_unit_test(the_pool_is_bounded_and_grows_old),
		cmocka_unit_test(only_clean_connections_are_pooled),
		cmocka_unit_test(every_phase_has_its_timeout),
		cmocka_unit_test(a_hang_up_ends_every_wait),
	};

	return cmocka_run_group_tests_name("client life", tests, NULL, NULL);
}
