/* A request's body that is sent as it comes. */
#include "tests/unit/net/upstream.h"

enum {
	ENDLESS = 1 << 30
};

#define HEAD_OF(framing)      \
	"POST / HTTP/1.1\r\n" \
	"host: up.test\r\n"   \
	"accept-encoding: gzip\r\n" framing "\r\n\r\n"

/* A source that gives data in parts, or as its test wants. */
struct source {
	struct str data;
	size_t part;    /* bytes per call */
	bool shy;       /* every other call there is nothing yet */
	bool stalls;    /* when all was given, instead of the end */
	int fails;      /* when all was given */
	uint64_t given; /* bytes */
	unsigned calls;
	struct io *io, *peer; /* io is readable unless the source stalls */
};

static int next(struct task *t, void *arg, struct str *data)
{
	struct source *s = arg;
	char byte;
	size_t n;

	(void)t;
	if (s->shy && s->calls++ % 2 == 0)
		return -EAGAIN;
	*data = str_take(s->data, s->part);
	if (s->data.len < ENDLESS)
		s->data = str_drop(s->data, data->len);
	s->given += data->len;
	if (data->len > 0)
		return 0;
	if (s->stalls && io_try_read(s->io, &byte, 1, &n) == 0)
		return -EAGAIN;
	return s->stalls ? -EAGAIN : s->fails;
}

static void source_open(struct task *t, struct source *s)
{
	struct str byte = STR("x");
	int fds[2];
	size_t n;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds) < 0 ||
	    io_adopt(task_loop(t), fds[0], &s->io) < 0 ||
	    io_adopt(task_loop(t), fds[1], &s->peer) < 0 ||
	    io_try_write(s->peer, &byte, 1, &n) < 0 || task_yield(t) < 0)
		abort();
}

static void source_close(struct source *s)
{
	io_close(s->io);
	io_close(s->peer);
}

static struct client_request post(const struct world *w,
				  struct client_body *body)
{
	struct client_request req = get(w);

	req.method = STR("POST");
	req.body = body;
	return req;
}

struct outcome {
	int send, status;
	enum client_stage stage;
};

static struct outcome send_it(struct task *t, struct world *w, struct source *s,
			      struct client_body *body)
{
	struct client_request req = post(w, body);
	struct client_response *res;
	struct outcome o = { 0 };
	struct buf all;

	source_open(t, s);
	body->next = next;
	body->arg = s;
	body->io = s->io;
	if (body->idle_ns == 0)
		body->idle_ns = 5 * CLOCK_S;
	o.send = client_send(t, w->client, &req, &res, &o.stage);
	if (o.send == 0) {
		o.status = res->head.status;
		buf_init(&all, 1000);
		if (client_read_all(t, res, 1000, &all) != 0)
			o.status = 0;
		buf_fini(&all);
		client_done(res);
	}
	source_close(s);
	return o;
}

#define HELLO "hello world"

struct sent {
	const char *name;
	struct client_body body;
	size_t part;
	bool shy;
	struct str wire;
};

static void play_sent(struct task *t, struct world *w)
{
	const struct sent *c = w->arg;
	struct source s = { .data = STR(HELLO),
			    .part = c->part,
			    .shy = c->shy };
	struct client_body body = c->body;
	struct outcome o = send_it(t, w, &s, &body);

	world_check_int(w, o.send, 0);
	world_check_int(w, o.status, 200);
	world_check_int(w, body.taken, strlen(HELLO));
	world_check_int(w, client_stats(w->client).idle, 1);
}

static void parts_go_out_as_they_come(void **state)
{
	const struct client_body with_length = {
		.has_length = true,
		.length = strlen(HELLO),
	};
	static const struct str plain =
		STR_INIT(HEAD_OF("content-length: 11") HELLO);
	const struct sent cases[] = {
		{ "a length", with_length, 100, false, plain },
		{ "a length, byte by byte", with_length, 1, true, plain },
		{ "a length, in threes", with_length, 3, true, plain },
		{ "chunks",
		  { 0 },
		  100,
		  false,
		  STR(HEAD_OF("transfer-encoding: chunked") "b\r\n" HELLO
							    "\r\n0\r\n\r\n") },
		{ "chunks of six",
		  { 0 },
		  6,
		  true,
		  STR(HEAD_OF("transfer-encoding: chunked") "6\r\nhello \r\n"
							    "5\r\nworld\r\n"
							    "0\r\n\r\n") },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct step script[] = { { EXPECT, cases[i].wire },
					 ANSWER(OK_LENGTH),
					 { 0 } };
		struct world w = { .scripts = { script },
				   .cfg = plain_cfg,
				   .run = play_sent,
				   .arg = &cases[i] };

		world_run(&w, cases[i].name);
		check_int(cases[i].name, w.accepted, 1);
	}
}

#define REFUSAL "HTTP/1.1 413 X\r\ncontent-length: 2\r\n\r\nno"

struct early {
	const char *name;
	struct source source;
};

static void play_early(struct task *t, struct world *w)
{
	const struct early *c = w->arg;
	struct client_body body = { .has_length = true, .length = 1ULL << 40 };
	struct source s = c->source;
	struct outcome o = send_it(t, w, &s, &body);

	world_check_int(w, o.send, 0);
	world_check_int(w, o.status, 413);
	world_check(w, body.taken < (64 << 20));
	world_check_int(w, client_stats(w->client).idle, 0);
}

/* Also one in two pieces, and one after an interim answer. */
static void an_early_answer_ends_the_upload(void **state)
{
	static char zeros[65536];
	static const struct step at_once[] = {
		{ EAT, STR_INIT("world") },
		ANSWER(REFUSAL),
		{ 0 },
	};
	static const struct step interim[] = {
		ANSWER("HTTP/1.1 100 Continue\r\n\r\n"),
		DO(SLEEP),
		ANSWER("HTTP/1.1 413 X\r\n"),
		DO(SLEEP),
		ANSWER("content-length: 2\r\n\r\nno"),
		{ 0 },
	};
	static const struct step and_closes[] = {
		ANSWER(REFUSAL),
		DO(SLEEP),
		DO(CLOSE),
		{ 0 },
	};
	enum {
		SCRIPTS = 3
	};
	static const struct step *const scripts[SCRIPTS] = { at_once, interim,
							     and_closes };
	const struct early cases[] = {
		{ "the source has stalled",
		  { .data = STR(HELLO), .part = 3, .stalls = true } },
		{ "the upstream reads nothing",
		  { .data = { zeros, ENDLESS }, .part = sizeof(zeros) } },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases) * SCRIPTS; i++) {
		const struct early *c = &cases[i / SCRIPTS];
		const struct step *script = scripts[i % SCRIPTS];
		struct world w = { .scripts = { script },
				   .cfg = plain_cfg,
				   .run = play_early,
				   .arg = c };

		/* It would eat for ever. */
		if (script == at_once && c->source.data.len == ENDLESS)
			continue;
		world_run(&w, c->name);
		check_int(c->name, w.accepted, 1);
	}
}

struct failure {
	const char *name;
	struct source source;
	struct client_body body;
	int failed;
};

static void play_failure(struct task *t, struct world *w)
{
	const struct failure *c = w->arg;
	struct client_body body = c->body;
	struct source s = c->source;
	struct outcome o = send_it(t, w, &s, &body);

	world_check_int(w, o.send, CLIENT_BODY_FAILED);
	world_check_int(w, body.failed, c->failed);
}

static void a_failed_source_ends_the_request(void **state)
{
	/* It reads until the client closes. */
	static const struct step script[] = { { EAT, STR_INIT("\xff") },
					      { 0 } };
	const struct failure cases[] = {
		{ "it fails",
		  { .data = STR(HELLO), .part = 5, .fails = 7 },
		  { 0 },
		  7 },
		{ "it is silent",
		  { .data = STR(HELLO), .part = 5, .stalls = true },
		  { .idle_ns = 20 * CLOCK_MS },
		  -ETIMEDOUT },
		{ "it is short of its length",
		  { .data = STR(HELLO), .part = 5 },
		  { .has_length = true, .length = 12 },
		  -EPROTO },
		{ "it is longer than its length",
		  { .data = STR(HELLO), .part = 4 },
		  { .has_length = true, .length = 10 },
		  -EPROTO },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct world w = { .scripts = { script },
				   .cfg = plain_cfg,
				   .run = play_failure,
				   .arg = &cases[i] };

		world_run(&w, cases[i].name);
	}
}

static void play_lost(struct task *t, struct world *w)
{
	struct source s = { .data = STR(HELLO), .part = 5, .stalls = true };
	struct client_body body = { 0 };
	struct outcome o = send_it(t, w, &s, &body);

	world_check(w, o.send < 0);
	world_check_int(w, o.stage, CLIENT_WRITE);
}

static void a_lost_upstream_is_not_asked_again(void **state)
{
	static const struct step script[] = { { EAT, STR_INIT("d\r\n") },
					      DO(CLOSE),
					      { 0 } };
	struct world w = { .scripts = { script, script },
			   .cfg = plain_cfg,
			   .run = play_lost };

	(void)state;
	world_run(&w, "the upstream closes");
	check_int("connections", w.accepted, 1);
}

/* A pooled connection may be stale, and the body is there only once. */
static void play_pooled(struct task *t, struct world *w)
{
	struct source s = { .data = STR(HELLO), .part = 100 };
	struct client_body body = { .has_length = true,
				    .length = strlen(HELLO) };
	struct client_request req = get(w);
	struct client_response *res;
	enum client_stage stage;

	world_check_int(w, client_send(t, w->client, &req, &res, &stage), 0);
	client_done(res);
	world_check_int(w, client_stats(w->client).idle, 1);
	world_check_int(w, send_it(t, w, &s, &body).status, 200);
	world_check_int(w, client_stats(w->client).stale_retries, 0);
	world_check_int(w, client_stats(w->client).reuses, 0);
}

static void an_upload_has_a_connection_of_its_own(void **state)
{
	static const struct step first[] = { ASKED,
					     ANSWER("HTTP/1.1 204 X\r\n\r\n"),
					     { 0 } };
	static const struct step second[] = { { EAT, STR_INIT("world") },
					      ANSWER(OK_LENGTH),
					      { 0 } };
	struct world w = { .scripts = { first, second },
			   .cfg = plain_cfg,
			   .run = play_pooled };

	(void)state;
	world_run(&w, "a pooled connection is there");
	check_int("connections", w.accepted, 2);
}

static void hang_up(struct task *t, void *arg)
{
	if (task_sleep(t, soon(t, 30)) == 0)
		io_shutdown_write(arg);
}

static void play_hang_up(struct task *t, struct world *w)
{
	static char zeros[65536];
	struct source s = { .data = { zeros, ENDLESS }, .part = sizeof(zeros) };
	struct client_body body = { .next = next,
				    .arg = &s,
				    .idle_ns = CLOCK_S };
	struct client_request req = post(w, &body);
	struct client_response *res;
	enum client_stage stage;

	source_open(t, &s);
	body.io = s.io;
	req.watch = s.io;
	world_check_int(w, task_spawn(w->loop, "hang up", hang_up, s.peer), 0);
	world_check_int(w, client_send(t, w->client, &req, &res, &stage),
			CLIENT_HUNG_UP);
	source_close(&s);
}

static void a_hang_up_ends_a_blocked_upload(void **state)
{
	static const struct step script[] = {
		DO(SLEEP), DO(SLEEP), DO(SLEEP), DO(SLEEP), { 0 }
	};
	struct world w = { .scripts = { script },
			   .cfg = plain_cfg,
			   .run = play_hang_up };

	(void)state;
	world_run(&w, "the upstream reads nothing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_go_out_as_they_come),
		cmocka_unit_test(an_early_answer_ends_the_upload),
		cmocka_unit_test(a_failed_source_ends_the_request),
		cmocka_unit_test(a_lost_upstream_is_not_asked_again),
		cmocka_unit_test(an_upload_has_a_connection_of_its_own),
		cmocka_unit_test(a_hang_up_ends_a_blocked_upload),
	};

	return cmocka_run_group_tests_name("client body", tests, NULL, NULL);
}
