#include "net/proxy.h"
#include "tests/unit/net/upstream.h"

#include <unistd.h>

/* Send, read all, done: the first error, or 0 with the body in got. */
static int fetch(struct task *t, struct world *w,
		 const struct client_request *req, struct buf *got)
{
	enum client_stage stage;
	struct client_response *res;
	int r = client_send(t, w->client, req, &res, &stage);

	if (r != 0)
		return r;
	r = client_read_all(t, res, got->max, got);
	client_done(res);
	return r;
}

static void get_ok(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	struct buf got;

	buf_init(&got, 100);
	world_check_int(w, fetch(t, w, &req, &got), 0);
	world_check_str(w, buf_str(&got), STR("ok"));
	buf_fini(&got);
}

/* answers before the request is sent */

static void play_early(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	char *body = xcalloc(1, 16 << 20);
	struct str pieces[2] = { { body, 8 << 20 }, { body, 8 << 20 } };
	struct client_response *res;
	enum client_stage stage;
	struct str data;
	int r;

	req.method = STR("POST");
	req.pieces = pieces;
	req.piece_count = 2;
	r = client_send(t, w->client, &req, &res, &stage);
	world_check_int(w, r, 0);
	if (r == 0) {
		world_check_int(w, res->head.status, 413);
		world_check_int(w, client_read(t, res, &data), 0);
		world_check_str(w, data, STR("ok"));
		world_check_int(w, client_read(t, res, &data), 0);
		world_check_int(w, data.len, 0);
		client_done(res);
	}
	world_check_int(w, client_stats(w->client).idle, 0);
	free(body);
}

#define TOO_LARGE "HTTP/1.1 413 x\r\ncontent-length: 2\r\n\r\nok"

static void an_early_answer_ends_the_sending(void **state)
{
	static const struct {
		const char *name;
		struct step script[5];
	} rows[] = {
		{ "answered at once, not read",
		  { ANSWER(TOO_LARGE), DO(SLEEP), DO(SLEEP), DO(CLOSE) } },
		{ "an interim answer first",
		  { ANSWER("HTTP/1.1 100 Continue\r\n\r\n"), DO(SLEEP),
		    ANSWER(TOO_LARGE), DO(SLEEP), DO(CLOSE) } },
		{ "in two parts",
		  { ANSWER("HTTP/1.1 413 x\r\ncont"), DO(SLEEP),
		    ANSWER("ent-length: 2\r\n\r\nok"), DO(SLEEP), DO(CLOSE) } },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct world w = {
			.scripts = { rows[i].script },
			.cfg = plain_cfg,
			.run = play_early,
		};

		world_run(&w, rows[i].name);
	}
}

static void play_large(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	char *body = xcalloc(1, 8 << 20);
	struct str pieces[70];
	struct buf got;

	/* More pieces than one write takes, and the last ends the script's
	 * meal. */
	memset(body, 'x', 8 << 20);
	for (size_t i = 0; i < countof(pieces); i++)
		pieces[i] = (struct str){ body + i * 1000, 100000 };
	pieces[69] = STR("END");
	req.method = STR("POST");
	req.pieces = pieces;
	req.piece_count = countof(pieces);
	buf_init(&got, 100);
	world_check_int(w, fetch(t, w, &req, &got), 0);
	world_check_str(w, buf_str(&got), STR("ok"));
	world_check_int(w, client_stats(w->client).idle, 1);
	buf_fini(&got);
	free(body);
}

static void large_bodies_are_sent_whole(void **state)
{
	static const struct step script[] = {
		{ EAT, STR_INIT("xEND") },
		ANSWER(OK_LENGTH),
		DO(STEP_END),
	};
	struct world w = {
		.scripts = { script },
		.cfg = plain_cfg,
		.run = play_large,
	};

	(void)state;
	world_run(&w, "a large body");
}

/* ticks */

struct ticks {
	int count, end_at;
};

static int count_tick(struct task *t, void *arg)
{
	struct ticks *ticks = arg;

	(void)t;
	return ++ticks->count == ticks->end_at;
}

static void play_ticks(struct task *t, struct world *w)
{
	struct ticks ticks = { 0, 0 };
	struct client_request req = get(w);
	struct buf got;

	req.tick_ns = 10 * CLOCK_MS;
	req.tick = count_tick;
	req.tick_arg = &ticks;
	buf_init(&got, 100);
	world_check_int(w, fetch(t, w, &req, &got), 0);
	world_check_str(w, buf_str(&got), STR("okok"));
	/* Two silences of 30 ms. */
	world_check(w, ticks.count >= 4 && ticks.count <= 6);
	ticks = (struct ticks){ 0, 2 };
	world_check_int(w, fetch(t, w, &req, &got), CLIENT_TICK_END);
	world_check_int(w, ticks.count, 2);
	world_check_int(w, client_stats(w->client).idle, 0);
	buf_fini(&got);
}

static void silence_is_ticked(void **state)
{
	static const struct step script[] = {
		ASKED,
		DO(SLEEP),
		ANSWER("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nok"),
		DO(SLEEP),
		ANSWER("ok"),
		ASKED,
		DO(STEP_END),
	};
	struct world w = {
		.scripts = { script },
		.cfg = plain_cfg,
		.run = play_ticks,
	};

	(void)state;
	world_run(&w, "ticks");
}

/* limits */

struct limit {
	const char *name;
	size_t fields;   /* of the answer's head, 1,000 bytes each */
	size_t interims; /* before it */
	int want;
};

static const struct limit limits[] = {
	{ "a head just in the limit", 32, 0, 0 },
	{ "a head over the limit", 33, 0, -EPROTO },
	{ "a head far over the limit", 90, 0, -EPROTO },
	{ "sixteen interim answers", 1, 16, 0 },
	{ "seventeen interim answers", 1, 17, -EPROTO },
};

static void play_limit(struct task *t, struct world *w)
{
	const struct limit *l = w->arg;
	struct client_request req = get(w);
	struct buf got;

	buf_init(&got, 100);
	world_check_int(w, fetch(t, w, &req, &got), l->want);
	buf_fini(&got);
}

static void make_answer(const struct limit *l, struct buf *out)
{
	char field[1001];

	(void)snprintf(field, sizeof(field), "name: %0992d\r\n", 7);
	for (size_t i = 0; i < l->interims; i++) {
		assert_int_equal(buf_add(out, STR("HTTP/1.1 102 x\r\n\r\n")),
				 0);
	}
	assert_int_equal(buf_add(out, STR("HTTP/1.1 200 x\r\n"
					  "content-length: 0\r\n")),
			 0);
	for (size_t i = 0; i < l->fields; i++)
		assert_int_equal(buf_add(out, (struct str){ field, 1000 }), 0);
	assert_int_equal(buf_add(out, STR("\r\n")), 0);
}

static void heads_are_bounded(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(limits); i++) {
		struct step script[] = { ASKED, { SEND, { 0 } }, DO(STEP_END) };
		struct world w = {
			.scripts = { script },
			.cfg = plain_cfg,
			.run = play_limit,
			.arg = &limits[i],
		};
		struct buf answer;

		buf_init(&answer, 1 << 20);
		make_answer(&limits[i], &answer);
		script[1].bytes = buf_str(&answer);
		world_run(&w, limits[i].name);
		w = (struct world){
			.scripts = { script },
			.cfg = plain_cfg,
			.run = play_limit,
			.arg = &limits[i],
			.step = 700,
		};
		world_run(&w, limits[i].name);
		buf_fini(&answer);
	}
}

static void play_too_long(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	struct buf got;

	buf_init(&got, 17);
	world_check_int(w, fetch(t, w, &req, &got), -EMSGSIZE);
	buf_fini(&got);
	buf_init(&got, 1000);
	world_check_int(w, fetch(t, w, &req, &got), -EMSGSIZE);
	world_check_int(w, client_stats(w->client).idle, 0);
	buf_fini(&got);
}

/* "hello hello hello\n", 18 bytes. */
#define GZIP_ANSWER                                                        \
	"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"                    \
	"content-length: 29\r\n\r\n"                                       \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x57" \
	"\xc8\x40\x90\x5c\x00\x3b\x7c\x8a\xdf\x12\x00\x00\x00"

static void inflated_bodies_are_bounded(void **state)
{
	static const struct step script[] = { ASKED, ANSWER(GZIP_ANSWER),
					      DO(STEP_END) };
	struct world w = {
		.scripts = { script, script },
		.cfg = { .inflated_max = 17 },
		.run = play_too_long,
	};

	(void)state;
	w.cfg.pool_max = 1;
	world_run(&w, "inflated bodies");
}

/* UNIX sockets */

static void unix_sockets_are_origins_too(void **state)
{
	static const struct step script[] = { ASKED, ANSWER(OK_LENGTH),
					      DO(STEP_END) };
	char path[64];
	struct world w = {
		.scripts = { script },
		.cfg = plain_cfg,
		.run = get_ok,
		.unix_path = path,
	};

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/quipu-client-%d",
		       (int)getpid());
	world_run(&w, "a UNIX socket");
	(void)unlink(path);
}

/* error texts */

static void play_texts(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	struct buf got;
	char want[100];

	buf_init(&got, 10);
	world_check_int(w, fetch(t, w, &req, &got), -ECONNRESET);
	(void)snprintf(want, sizeof(want),
		       "waiting for the answer of 127.0.0.1:%u: it closed the "
		       "connection",
		       w->port);
	world_check_str(w, err_text(), str_of(want));
	world_check_int(w, fetch(t, w, &req, &got), -EPROTO);
	world_check(w, str_starts(err_text(), STR("reading the answer of ")));
	w->origin.port = 1;
	world_check_int(w, fetch(t, w, &req, &got), -ECONNREFUSED);
	world_check_str(w, err_text(),
			STR("connect to 127.0.0.1:1: connection refused"));
	w->origin.host = STR("no-such-host.invalid");
	world_check_int(w, fetch(t, w, &req, &got), -ENOENT);
	world_check(w, str_starts(err_text(),
				  STR("look up no-such-host.invalid: ")));
	buf_fini(&got);
}

static void errors_say_what_was_tried(void **state)
{
	static const struct step dies[] = { ASKED, DO(CLOSE) };
	static const struct step babbles[] = { ASKED, ANSWER("hello\r\n\r\n"),
					       DO(STEP_END) };
	struct world w = {
		.scripts = { dies, babbles },
		.cfg = plain_cfg,
		.run = play_texts,
	};

	(void)state;
	world_run(&w, "error texts");
}

/* proxies */

struct tunnel {
	const char *name;
	struct str answer;
	int want;
	struct str text;
};

#define ASK_TEXT "ask the proxy for up.test: "

static const struct tunnel tunnels[] = {
	{ "wrong credentials",
	  STR_INIT("HTTP/1.1 407 x\r\ncontent-length: 0\r\n\r\n"),
	  -ECONNREFUSED,
	  STR_INIT(ASK_TEXT "it wants other credentials (407)") },
	{ "a bad gateway", STR_INIT("HTTP/1.1 502 x\r\n\r\n"), -ECONNREFUSED,
	  STR_INIT(ASK_TEXT "it answered 502") },
	{ "bytes after the tunnel's head", STR_INIT("HTTP/1.1 200 x\r\n\r\nx"),
	  -EPROTO, STR_INIT(ASK_TEXT "bytes after its head") },
	{ "no answer", STR_INIT(""), -ECONNRESET,
	  STR_INIT(ASK_TEXT "it closed the connection") },
};

static void play_tunnel(struct task *t, struct world *w)
{
	const struct tunnel *tun = w->arg;
	struct client_request req = get(w);
	struct client_response *res;
	enum client_stage stage = CLIENT_DNS;
	static char ctx; /* never looked at: no handshake begins */

	w->origin.tls = true;
	w->origin.tls_ctx = (struct tls_ctx *)(void *)&ctx;
	w->origin.host = STR("up.test");
	w->origin.port = 443;
	w->origin.proxy.host = STR("127.0.0.1");
	w->origin.proxy.port = w->port;
	w->origin.proxy.userinfo = STR("me:secret");
	world_check_int(w, client_send(t, w->client, &req, &res, &stage),
			tun->want);
	world_check_int(w, stage, CLIENT_PROXY);
	world_check_str(w, err_text(), tun->text);
}

static void proxies_may_refuse(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(tunnels); i++) {
		struct step script[] = {
			{ EXPECT,
			  STR_INIT("CONNECT up.test:443 HTTP/1.1\r\n"
				   "host: up.test:443\r\nproxy-authorization: "
				   "Basic bWU6c2VjcmV0\r\n\r\n") },
			{ SEND, tunnels[i].answer },
			DO(CLOSE),
		};
		struct world w = {
			.scripts = { script },
			.cfg = plain_cfg,
			.run = play_tunnel,
			.arg = &tunnels[i],
		};

		world_run(&w, tunnels[i].name);
	}
}

static void no_proxy_exempts_hosts(void **state)
{
	static const struct {
		const char *list, *host;
		uint16_t port;
		bool want;
	} rows[] = {
		{ "", "a.com", 80, false },
		{ "*", "a.com", 80, true },
		{ "a.com", "a.com", 80, true },
		{ "a.com", "A.COM", 80, true },
		{ "a.com", "a.com.", 80, true },
		{ "a.com", "b.a.com", 80, true },
		{ "a.com", "ba.com", 80, false },
		{ ".a.com", "a.com", 80, true },
		{ ".a.com", "b.a.com", 80, true },
		{ "*.a.com", "b.a.com", 80, true },
		{ "b.a.com", "a.com", 80, false },
		{ "x, a.com ,y", "a.com", 80, true },
		{ "x y\ta.com", "a.com", 80, true },
		{ ",,", "a.com", 80, false },
		{ ".", "a.com", 80, false },
		{ "a.com:8080", "a.com", 8080, true },
		{ "a.com:8080", "a.com", 80, false },
		{ "a.com:", "a.com", 80, false },
		{ "127.0.0.1", "127.0.0.1", 80, true },
		{ "127.0.0.1:81", "127.0.0.1", 80, false },
		{ "0.0.1", "127.0.0.1", 80, false },
		{ "10.0.0.0/8", "10.255.0.1", 80, true },
		{ "10.0.0.0/8", "11.0.0.1", 80, false },
		{ "10.0.0.0/9", "10.128.0.1", 80, false },
		{ "10.0.0.0/33", "10.0.0.0", 80, false },
		{ "10.0.0.0/8", "10.a.com", 80, false },
		{ "0.0.0.0/0", "1.2.3.4", 80, true },
		{ "::1", "::1", 80, true },
		{ "[::1]", "::1", 80, true },
		{ "[::1]:80", "[::1]", 80, true },
		{ "[::1]:81", "::1", 80, false },
		{ "0:0::1", "::1", 80, true },
		{ "fd00::/8", "fd12::1", 80, true },
		{ "fd00::/8", "fe12::1", 80, false },
		{ "0.0.0.0/0", "::1", 80, false },
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		char name[100];

		(void)snprintf(name, sizeof(name), "'%s' and '%s':%u",
			       rows[i].list, rows[i].host, rows[i].port);
		check_int(name,
			  proxy_is_bypassed(str_of(rows[i].list),
					    str_of(rows[i].host), rows[i].port),
			  rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_early_answer_ends_the_sending),
		cmocka_unit_test(large_bodies_are_sent_whole),
		cmocka_unit_test(silence_is_ticked),
		cmocka_unit_test(heads_are_bounded),
		cmocka_unit_test(inflated_bodies_are_bounded),
		cmocka_unit_test(unix_sockets_are_origins_too),
		cmocka_unit_test(errors_say_what_was_tried),
		cmocka_unit_test(proxies_may_refuse),
		cmocka_unit_test(no_proxy_exempts_hosts),
	};

	return cmocka_run_group_tests_name("client edge", tests, NULL, NULL);
}
