/* A body that its handler reads as it comes: the server in the simulator. */
#include "net/upload.h"

#include "io/sim.h"
#include "net/server.h"
#include "tests/unit/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	BYTES_MAX = 1 << 20
};

/* How the handler treats the body. */
enum manner {
	READS,      /* all of it */
	INFLATES,   /* the same */
	IGNORES,    /* answers at once */
	READS_ONCE, /* and answers then */
	STOPS,      /* leaves without an answer */
};

struct scene {
	enum manner manner;
	uint64_t max;     /* 0: no limit */
	size_t step;      /* bytes per write; 0: all */
	struct str bytes; /* what the client sends */
	bool hangs_up;    /* after it, not only its sending side */
	bool stalls;      /* after it, sends nothing more */
	struct sim *sim;
	struct server *server;
	struct buf body;   /* as the handler saw it */
	struct buf answer; /* all bytes that came back */
	int result;        /* of the last read */
	int64_t client_ns; /* how long the client was at it */
	unsigned requests;
};

/* A failed check must not jump off a task's stack. */
static void must(bool cond)
{
	if (!cond)
		abort();
}

static void reply_text(struct task *t, struct request *req, int status,
		       struct str text)
{
	if (request_reply(t, req, status, STR("text/plain"), text) < 0)
		return;
}

static void read_all(struct task *t, struct scene *s, struct request *req)
{
	struct str data;

	for (;;) {
		s->result = upload_read(t, req, &data);
		if (s->result != 0 || data.len == 0)
			return;
		must(buf_add(&s->body, data) == 0);
		if (s->manner == READS_ONCE)
			return;
	}
}

static void handle(struct task *t, struct request *req)
{
	struct scene *s = req->user;

	s->requests++;
	must(req->body.len == 0);
	if (str_eq(req->path, STR("/next"))) {
		reply_text(t, req, 200, STR("next"));
		return;
	}
	if (s->max > 0)
		upload_limit(req, s->max);
	s->result = s->manner == INFLATES ? upload_inflate(req, 1000) : 0;
	if (s->result == 0 && s->manner != IGNORES && s->manner != STOPS)
		read_all(t, s, req);
	if (s->result == HTTP_BAD) {
		reply_text(t, req, upload_fault(req)->status,
			   str_of(upload_fault(req)->text));
	} else if (s->result == 0 && s->manner != STOPS) {
		reply_text(t, req, 200, buf_str(&s->body));
	}
}

static void refuse(struct task *t, struct request *req,
		   const struct http_fault *fault)
{
	reply_text(t, req, fault->status, str_of(fault->text));
}

static bool streams(const struct request *req)
{
	return str_eq(req->path, STR("/"));
}

/* Each piece arrives before the next is sent. */
static int send_steps(struct task *t, struct scene *s, struct io *io)
{
	size_t step = s->step > 0 ? s->step : s->bytes.len;
	struct str rest = s->bytes;
	int r = 0;

	while (r == 0 && rest.len > 0) {
		struct str piece = str_take(rest, step);

		rest = str_drop(rest, piece.len);
		r = io_write(t, io, &piece, 1, task_now(t) + 9 * CLOCK_S);
		if (r == 0)
			r = task_sleep(t, task_now(t) + CLOCK_MS);
	}
	return r;
}

static void client(struct task *t, void *arg)
{
	struct scene *s = arg;
	int64_t start_ns = task_now(t);
	struct io_addr addr;
	struct io *io;
	size_t n = 1;
	int r = io_addr_parse(STR("10.0.0.9"), 80, &addr);

	if (r == 0)
		r = io_connect(t, &addr, CLOCK_NEVER, &io);
	must(r == 0);
	r = send_steps(t, s, io);
	if (r == 0 && !s->stalls && !s->hangs_up)
		r = task_sleep(t, task_now(t) + CLOCK_S);
	if (r == 0 && !s->stalls)
		io_shutdown_write(io);
	while (n > 0 && !s->hangs_up) {
		must(buf_reserve(&s->answer, 1000) == 0);
		if (io_read(t, io, s->answer.ptr + s->answer.len, 1000,
			    task_now(t) + 60 * CLOCK_S, &n) < 0)
			break;
		s->answer.len += n;
	}
	io_close(io);
	s->client_ns = task_now(t) - start_ns;
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
				       .streams = streams,
				       .user = s,
				       .head_max = 8000,
				       .body_max = 100,
				       .inflated_max = 100,
				       .head_timeout_ns = 15 * CLOCK_S,
				       .body_timeout_ns = 5 * CLOCK_S,
				       .keepalive_timeout_ns = 75 * CLOCK_S,
				       .write_timeout_ns = 60 * CLOCK_S,
				       .connection_max = 10 });
	buf_init(&s->body, BYTES_MAX);
	buf_init(&s->answer, BYTES_MAX);
	s->requests = 0;
	s->result = 0;
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
	buf_fini(&s->body);
	buf_fini(&s->answer);
}

static bool answered(const struct scene *s, const char *text)
{
	struct str all = buf_str(&s->answer);

	return str_find(all, str_of(text)) < all.len;
}

#define POST    "POST / HTTP/1.1\r\nhost: a\r\n"
#define NEXT    "GET /next HTTP/1.1\r\nhost: a\r\n\r\n"
#define CHUNKED POST "transfer-encoding: chunked\r\n\r\n"

/* "hello hello hello\n" by gzip -n. */
#define GZIP_BYTES                                                         \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x57" \
	"\xc8\x40\x90\x5c\x00\x3b\x7c\x8a\xdf\x12\x00\x00\x00"

static void every_split_gives_the_same(void **state)
{
	static const struct {
		const char *name;
		enum manner manner;
		struct str bytes, body;
	} cases[] = {
		{ "a length", READS,
		  STR_INIT(POST "content-length: 11\r\n\r\nhello world" NEXT),
		  STR_INIT("hello world") },
		{ "a length of none", READS,
		  STR_INIT(POST "content-length: 0\r\n\r\n" NEXT),
		  STR_INIT("") },
		{ "no body", READS, STR_INIT(POST "\r\n" NEXT), STR_INIT("") },
		{ "chunks", READS,
		  STR_INIT(CHUNKED "5\r\nhello\r\n1;x=y\r\n \r\n5\r\nworld\r\n"
				   "0\r\nsum: 1\r\n\r\n" NEXT),
		  STR_INIT("hello world") },
		{ "a coding that is not undone", READS,
		  STR_INIT(POST "content-encoding: gzip\r\ncontent-length: 29"
				"\r\n\r\n" GZIP_BYTES NEXT),
		  STR_INIT(GZIP_BYTES) },
		{ "a coding that is undone", INFLATES,
		  STR_INIT(POST "content-encoding: gzip\r\ncontent-length: 29"
				"\r\n\r\n" GZIP_BYTES NEXT),
		  STR_INIT("hello hello hello\n") },
		{ "the same in chunks", INFLATES,
		  STR_INIT(POST "content-encoding: gzip\r\n"
				"transfer-encoding: chunked\r\n\r\n"
				"1d\r\n" GZIP_BYTES "\r\n0\r\n\r\n" NEXT),
		  STR_INIT("hello hello hello\n") },
		{ "little is left unread", IGNORES,
		  STR_INIT(POST "content-length: 11\r\n\r\nhello world" NEXT),
		  STR_INIT("") },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t n = 1; n <= cases[i].bytes.len; n++) {
			struct scene s = { .manner = cases[i].manner,
					   .bytes = cases[i].bytes,
					   .step = n };

			run(&s);
			check_int(cases[i].name, s.result, 0);
			check_str(cases[i].name, buf_str(&s.body),
				  cases[i].body);
			check_int(cases[i].name, s.requests, 2);
			check_true(cases[i].name,
				   str_ends(buf_str(&s.answer), STR("next")));
			end(&s);
		}
	}
}

static void faults_are_told(void **state)
{
	static const struct {
		const char *name;
		struct scene scene;
		int status; /* 0: cut */
	} cases[] = {
		{ "a length over the limit",
		  { .max = 10,
		    .bytes = STR_INIT(POST "content-length: 11\r\n\r\n"
					   "hello world" NEXT) },
		  413 },
		{ "chunks over the limit",
		  { .max = 10,
		    .bytes = STR_INIT(CHUNKED "5\r\nhello\r\n6\r\n world\r\n"
					      "0\r\n\r\n" NEXT) },
		  413 },
		{ "damaged chunks",
		  { .bytes = STR_INIT(CHUNKED "5\r\nhello\r\nx\r\n" NEXT) },
		  400 },
		{ "gzip that is none",
		  { .manner = INFLATES,
		    .bytes =
			    STR_INIT(POST "content-encoding: gzip\r\n"
					  "content-length: 2\r\n\r\nok" NEXT) },
		  400 },
		{ "a coding that is not known",
		  { .manner = INFLATES,
		    .bytes =
			    STR_INIT(POST "content-encoding: br\r\n"
					  "content-length: 2\r\n\r\nok" NEXT) },
		  415 },
		{ "a body that stops coming",
		  { .stalls = true,
		    .bytes = STR_INIT(POST "content-length: 20\r\n\r\nhello") },
		  408 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		for (size_t n = 1; n <= 16; n++) {
			struct scene s = cases[i].scene;
			char line[40];

			s.step = n;
			run(&s);
			(void)snprintf(line, sizeof(line), "HTTP/1.1 %d ",
				       cases[i].status);
			check_int(cases[i].name, s.result, HTTP_BAD);
			check_true(cases[i].name, answered(&s, line));
			check_true(cases[i].name,
				   answered(&s, "connection: close"));
			check_int(cases[i].name, s.requests, 1);
			end(&s);
		}
	}
}

static void a_client_that_is_gone_is_seen(void **state)
{
	static const struct str cases[] = {
		STR_INIT(POST "content-length: 20\r\n\r\nhello"),
		STR_INIT(CHUNKED "5\r\nhello\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct scene s = { .bytes = cases[i], .hangs_up = true };

		run(&s);
		check_int("it is seen", s.result, -ECONNRESET);
		end(&s);
	}
}

/* What comes behind a body that is not read to its end is not a request. */
static void a_body_left_unread_ends_the_connection(void **state)
{
	static const struct {
		const char *name;
		enum manner manner;
		struct str head;
		size_t len;
		unsigned requests;
	} cases[] = {
		{ "much is left", READS_ONCE,
		  STR_INIT(POST "content-length: 200000\r\n\r\n"), 200000, 1 },
		{ "little is left", READS_ONCE,
		  STR_INIT(POST "content-length: 60000\r\n\r\n"), 60000, 2 },
		{ "chunks are left", IGNORES, STR_INIT(CHUNKED "ea60\r\n"),
		  60000, 1 },
		{ "no answer", STOPS,
		  STR_INIT(POST "content-length: 10\r\n\r\n"), 10, 1 },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct scene s = { .manner = cases[i].manner, .step = 5000 };
		struct buf b;

		buf_init(&b, BYTES_MAX);
		assert_int_equal(buf_add(&b, cases[i].head), 0);
		assert_int_equal(buf_reserve(&b, cases[i].len), 0);
		memset(b.ptr + b.len, 'G', cases[i].len);
		b.len += cases[i].len;
		assert_int_equal(buf_add(&b, STR(NEXT)), 0);
		s.bytes = buf_str(&b);
		run(&s);
		check_int(cases[i].name, s.requests, cases[i].requests);
		check_int(cases[i].name, answered(&s, "connection: close"),
			  cases[i].requests == 1 && cases[i].manner != STOPS);
		end(&s);
		buf_fini(&b);
	}
}

static void continue_comes_with_the_first_read(void **state)
{
	static const struct {
		const char *name;
		enum manner manner;
		bool has;
	} cases[] = {
		{ "a handler that reads", READS, true },
		{ "a handler that does not", IGNORES, false },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct scene s = {
			.manner = cases[i].manner,
			.stalls = true,
			.bytes = STR(POST "expect: 100-continue\r\n"
					  "content-length: 5\r\n\r\n"),
		};

		run(&s);
		check_int(cases[i].name, answered(&s, "HTTP/1.1 100 Continue"),
			  cases[i].has);
		check_true(cases[i].name, answered(&s, "connection: close"));
		end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_gives_the_same),
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(a_client_that_is_gone_is_seen),
		cmocka_unit_test(a_body_left_unread_ends_the_connection),
		cmocka_unit_test(continue_comes_with_the_first_read),
	};

	return cmocka_run_group_tests_name("upload", tests, NULL, NULL);
}
