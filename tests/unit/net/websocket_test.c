/* A server that says back what it hears, in the simulator. */
#include "net/websocket.h"

#include "io/sim.h"
#include "net/server.h"
#include "tests/unit/table.h"

#include <stdlib.h>

enum {
	BYTES_MAX = 1 << 20,
	MESSAGE_MAX = 1000,
};

struct scene {
	struct str bytes; /* what the client sends */
	struct str bye;   /* ... and after a while */
	size_t step;      /* bytes per write */
	bool polls;       /* before it receives */
	bool stays;       /* the client, until the server leaves */
	struct sim *sim;
	struct server *server;
	struct buf answer; /* all bytes that came back */
	int result;        /* of the last call */
	unsigned peer_code;
};

/* A failed check must not jump off a task's stack. */
static void must(bool cond)
{
	if (!cond)
		abort();
}

static void serve(struct task *t, struct scene *s, struct websocket *ws)
{
	struct str text;
	char copy[MESSAGE_MAX];
	int r = 0;

	while (r == 0) {
		for (int i = 0; r == 0 && s->polls && i < 20; i++) {
			r = websocket_poll(t, ws);
			if (r == 0)
				r = task_sleep(t, task_now(t) + CLOCK_MS);
		}
		if (r == 0)
			r = websocket_receive(t, ws, task_now(t) + 9 * CLOCK_S,
					      &text);
		if (r == 0) {
			must(text.len <= sizeof(copy));
			if (text.len > 0)
				memcpy(copy, text.ptr, text.len);
			text.ptr = copy;
			r = websocket_send(t, ws, text);
		}
	}
	s->result = r;
	s->peer_code = ws->peer_code;
	websocket_close(t, ws,
			r == WEBSOCKET_SERVER_ENDS ? FRAME_CLOSE_AWAY
						   : FRAME_CLOSE_NORMAL,
			STR_NULL);
}

static void handle(struct task *t, struct request *req)
{
	struct scene *s = req->user;
	struct http_fault fault;
	struct websocket ws;
	int r;

	must(websocket_is_asked(req));
	r = websocket_accept(t, req, MESSAGE_MAX, &fault, &ws);
	if (r == 0)
		serve(t, s, &ws);
	if (r == WEBSOCKET_REFUSED)
		r = request_reply(t, req, fault.status, STR("text/plain"),
				  str_of(fault.text));
	must(r == 0);
}

static void refuse(struct task *t, struct request *req,
		   const struct http_fault *fault)
{
	if (request_reply(t, req, fault->status, STR("text/plain"),
			  str_of(fault->text)) < 0)
		return;
}

static void client(struct task *t, void *arg)
{
	struct scene *s = arg;
	struct io_addr addr;
	struct io *io;
	size_t n = 1;
	int r = io_addr_parse(STR("10.0.0.9"), 80, &addr);

	if (r == 0)
		r = io_connect(t, &addr, CLOCK_NEVER, &io);
	must(r == 0);
	for (struct str rest = s->bytes; r == 0 && rest.len > 0;) {
		struct str piece = str_take(rest, s->step);

		rest = str_drop(rest, piece.len);
		r = io_write(t, io, &piece, 1, task_now(t) + 9 * CLOCK_S);
		if (r == 0)
			r = task_sleep(t, task_now(t) + CLOCK_MS);
	}
	if (s->bye.len > 0 && r == 0)
		r = task_sleep(t, task_now(t) + CLOCK_S / 2);
	if (s->bye.len > 0 && r == 0)
		r = io_write(t, io, &s->bye, 1, task_now(t) + 9 * CLOCK_S);
	if (s->stays)
		server_shutdown(s->server, task_now(t) + 60 * CLOCK_S);
	while (n > 0) {
		must(buf_reserve(&s->answer, 1000) == 0);
		if (io_read(t, io, s->answer.ptr + s->answer.len, 1000,
			    task_now(t) + 5 * CLOCK_S, &n) < 0)
			break;
		s->answer.len += n;
	}
	io_close(io);
	if (!s->stays)
		server_shutdown(s->server, task_now(t) + CLOCK_S);
}

static void run(struct scene *s)
{
	struct io_listen_cfg cfg = { 0 };
	struct io *listener;

	s->sim = sim_new(&(struct sim_cfg){ .seed = 1,
					    .delay_min_ns = CLOCK_US,
					    .delay_max_ns = CLOCK_US });
	s->server = server_new(sim_loop(s->sim),
			       &(struct server_cfg){
				       .handle = handle,
				       .refuse = refuse,
				       .user = s,
				       .head_max = 8000,
				       .body_max = 100,
				       .inflated_max = 100,
				       .head_timeout_ns = 15 * CLOCK_S,
				       .body_timeout_ns = 5 * CLOCK_S,
				       .keepalive_timeout_ns = 75 * CLOCK_S,
				       .write_timeout_ns = 60 * CLOCK_S,
				       .connection_max = 10 });
	buf_init(&s->answer, BYTES_MAX);
	assert_int_equal(io_addr_parse(STR("10.0.0.9"), 80, &cfg.addr), 0);
	assert_int_equal(io_listen(sim_loop(s->sim), &cfg, &listener), 0);
	assert_int_equal(server_listen(s->server, listener), 0);
	assert_int_equal(task_spawn(sim_loop(s->sim), "client", client, s), 0);
	loop_run(sim_loop(s->sim));
	assert_int_equal(sim_open_streams(s->sim), 0);
}

static void end(struct scene *s)
{
	server_free(s->server);
	sim_free(s->sim);
	buf_fini(&s->answer);
}

/* What came after the head of the answer. */
static struct str frames(const struct scene *s)
{
	struct str all = buf_str(&s->answer);
	size_t at = str_find(all, STR("\r\n\r\n"));

	return at < all.len ? str_drop(all, at + 4) : STR_NULL;
}

#define ASK                                                            \
	"GET / HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade" \
	"\r\nupgrade: WebSocket\r\n"
#define KEY    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define OPEN   ASK KEY "sec-websocket-version: 13\r\n\r\n"
#define MASK   "\0\0\0\0"
#define HI     "\x81\x82" MASK "hi"
#define BYE    "\x88\x82" MASK "\x03\xe8"
#define CLOSED "\x88\x02\x03\xe8"

static void what_is_said_comes_back(void **state)
{
	static const struct {
		const char *name;
		struct str bytes, want;
		unsigned peer_code;
	} cases[] = {
		{ "a message", STR_INIT(OPEN HI), STR_INIT("\x81\x02hi" CLOSED),
		  1000 },
		{ "with a mask",
		  STR_INIT(OPEN "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
		  STR_INIT("\x81\x05Hello" CLOSED), 1000 },
		{ "an empty one", STR_INIT(OPEN "\x81\x80" MASK),
		  STR_INIT("\x81\x00" CLOSED), 1000 },
		{ "fragments, and a ping between",
		  STR_INIT(OPEN "\x01\x81" MASK "a\x89\x81" MASK
				"p\x00\x81" MASK "b\x80\x81" MASK "c"),
		  STR_INIT("\x8a\x01p\x81\x03"
			   "abc" CLOSED),
		  1000 },
		{ "a pong means nothing", STR_INIT(OPEN "\x8a\x81" MASK "x" HI),
		  STR_INIT("\x81\x02hi" CLOSED), 1000 },
		{ "a close without a code", STR_INIT(OPEN "\x88\x80" MASK),
		  STR_INIT(CLOSED), FRAME_CLOSE_NONE },
		{ "a bad code", STR_INIT(OPEN "\x88\x82" MASK "\x03\xed"),
		  STR_INIT("\x88\x02\x03\xea"), 0 },
		{ "binary", STR_INIT(OPEN "\x82\x80" MASK),
		  STR_INIT("\x88\x24\x03\xeb"
			   "messages are text here, not binary"),
		  0 },
		{ "not UTF-8", STR_INIT(OPEN "\x81\x81" MASK "\xff"),
		  STR_INIT("\x88\x1a\x03\xef"
			   "the message is not UTF-8"),
		  0 },
		{ "nothing to go on with", STR_INIT(OPEN "\x80\x80" MASK),
		  STR_INIT("\x88\x16\x03\xea"
			   "no message has begun"),
		  0 },
		{ "a message in a message",
		  STR_INIT(OPEN "\x01\x80" MASK "\x81\x80" MASK),
		  STR_INIT("\x88\x22\x03\xea"
			   "the message before has not ended"),
		  0 },
		{ "too long", STR_INIT(OPEN "\x81\xfe\x03\xe9" MASK),
		  STR_INIT("\x88\x19\x03\xf1"
			   "the message is too long"),
		  0 },
		{ "without a mask", STR_INIT(OPEN "\x81\x02hi"),
		  STR_INIT("\x88\x23\x03\xea"
			   "a client's frame has to be masked"),
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t n = 1; n <= cases[i].bytes.len; n++) {
			struct scene s = {
				.bytes = cases[i].bytes,
				.bye = cases[i].peer_code == 1000 ? STR(BYE)
								  : STR_NULL,
				.step = n,
			};

			run(&s);
			check_str(cases[i].name, frames(&s), cases[i].want);
			check_int(cases[i].name, s.result, WEBSOCKET_CLOSED);
			check_int(cases[i].name, s.peer_code,
				  cases[i].peer_code);
			end(&s);
		}
	}
}

/* RFC 6455 section 1.3 gives this proof. */
static void the_key_is_proved(void **state)
{
	struct scene s = { .bytes = STR(OPEN BYE), .step = 1000 };

	(void)state;
	run(&s);
	assert_true(str_starts(buf_str(&s.answer),
			       STR("HTTP/1.1 101 Switching Protocols\r\n")));
	assert_true(str_find(buf_str(&s.answer),
			     STR("sec-websocket-accept: "
				 "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")) <
		    s.answer.len);
	end(&s);
}

static void what_is_no_request_is_refused(void **state)
{
	static const struct {
		const char *name;
		struct str bytes;
		const char *status;
	} cases[] = {
		{ "an old version",
		  STR_INIT(ASK KEY "sec-websocket-version: 8\r\n\r\n"),
		  "HTTP/1.1 426 " },
		{ "no key", STR_INIT(ASK "sec-websocket-version: 13\r\n\r\n"),
		  "HTTP/1.1 400 " },
		{ "a short key",
		  STR_INIT(ASK "sec-websocket-version: 13\r\n"
			       "sec-websocket-key: AAAA\r\n\r\n"),
		  "HTTP/1.1 400 " },
		{ "no connection",
		  STR_INIT("GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket"
			   "\r\n" KEY "sec-websocket-version: 13\r\n\r\n"),
		  "HTTP/1.1 400 " },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct scene s = { .bytes = cases[i].bytes, .step = 1000 };

		run(&s);
		check_true(cases[i].name, str_starts(buf_str(&s.answer),
						     str_of(cases[i].status)));
		end(&s);
	}
}

static void pings_are_answered_meanwhile(void **state)
{
	struct scene s = { .polls = true,
			   .step = 3,
			   .bytes = STR(OPEN HI "\x89\x81" MASK "1" HI
						"\x89\x81" MASK "2" BYE) };

	(void)state;
	run(&s);
	/* The pongs overtake the messages, which wait to be received. */
	assert_true(str_starts(frames(&s), STR("\x8a\x01"
					       "1")));
	assert_int_equal(s.result, WEBSOCKET_CLOSED);
	end(&s);
}

static void a_server_that_stops_says_so(void **state)
{
	struct scene s = { .stays = true, .step = 1000, .bytes = STR(OPEN HI) };

	(void)state;
	run(&s);
	check_str("the frames", frames(&s), STR("\x81\x02hi\x88\x02\x03\xe9"));
	assert_int_equal(s.result, WEBSOCKET_SERVER_ENDS);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_comes_back),
		cmocka_unit_test(the_key_is_proved),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(pings_are_answered_meanwhile),
		cmocka_unit_test(a_server_that_stops_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
