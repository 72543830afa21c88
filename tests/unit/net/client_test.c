#include "tests/unit/net/upstream.h"

#include <unistd.h>

/* Send, read all, done; what came is in body. */
struct outcome {
	int send, read, status;
	enum client_stage stage;
	bool reused, retried;
	struct buf body;
	size_t reads;
};

static struct outcome call(struct task *t, struct world *w,
			   const struct client_request *req)
{
	struct outcome o = { 0 };
	struct client_response *res;
	struct str data;

	buf_init(&o.body, 4 << 20);
	o.send = client_send(t, w->client, req, &res, &o.stage);
	if (o.send != 0)
		return o;
	o.status = res->head.status;
	o.reused = res->reused;
	o.retried = res->retried;
	for (;;) {
		o.read = client_read(t, res, &data);
		if (o.read != 0 || data.len == 0)
			break;
		o.reads++;
		world_check_int(w, buf_add(&o.body, data), 0);
	}
	client_done(res);
	return o;
}

struct answer {
	const char *name;
	const char *method;
	struct str bytes;
	struct str body;
	int send, status, read;
	bool closes; /* the upstream, after its answer */
	bool pooled;
};

/* "hello hello hello\n" by gzip -n. */
#define GZIP_BYTES                                                         \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x57" \
	"\xc8\x40\x90\x5c\x00\x3b\x7c\x8a\xdf\x12\x00\x00\x00"

static const struct answer answers[] = {
	{ "a body with a length", "GET", STR_INIT(OK_LENGTH), STR_INIT("ok"), 0,
	  200, 0, false, true },
	{ "a length of zero", "POST",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
	  STR_INIT(""), 0, 200, 0, false, true },
	{ "chunks", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
		   "5\r\nhello\r\n1\r\n \r\n5;x=y\r\nworld\r\n0\r\n\r\n"),
	  STR_INIT("hello world"), 0, 200, 0, false, true },
	{ "chunks with trailers", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
		   "2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n"),
	  STR_INIT("ok"), 0, 200, 0, false, true },
	{ "a body until the end of the stream", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\n\r\nuntil the end"),
	  STR_INIT("until the end"), 0, 200, 0, true, false },
	{ "HTTP/1.0", "GET",
	  STR_INIT("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"),
	  STR_INIT("ok"), 0, 200, 0, true, false },
	{ "connection: close", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\nconnection: close\r\n"
		   "content-length: 2\r\n\r\nok"),
	  STR_INIT("ok"), 0, 200, 0, true, false },
	{ "no body after HEAD", "HEAD",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n"),
	  STR_INIT(""), 0, 200, 0, false, true },
	{ "no body with 204", "GET",
	  STR_INIT("HTTP/1.1 204 No Content\r\n\r\n"), STR_INIT(""), 0, 204, 0,
	  false, true },
	{ "no body with 304", "GET",
	  STR_INIT("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"),
	  STR_INIT(""), 0, 304, 0, false, true },
	{ "interim answers are skipped", "GET",
	  STR_INIT("HTTP/1.1 100 Continue\r\n\r\n"
		   "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" OK_LENGTH),
	  STR_INIT("ok"), 0, 200, 0, false, true },
	{ "gzip", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
		   "content-length: 29\r\n\r\n" GZIP_BYTES),
	  STR_INIT("hello hello hello\n"), 0, 200, 0, false, true },
	{ "gzip in chunks", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
		   "transfer-encoding: chunked\r\n\r\n"
		   "1d\r\n" GZIP_BYTES "\r\n0\r\n\r\n"),
	  STR_INIT("hello hello hello\n"), 0, 200, 0, false, true },
	{ "gzip that is cut short", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
		   "transfer-encoding: chunked\r\n\r\n"
		   "1\r\n\x1f\r\n0\r\n\r\n"),
	  STR_INIT(""), 0, 200, -EPROTO, false, false },
	{ "gzip that is none", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
		   "content-length: 2\r\n\r\nok"),
	  STR_INIT(""), 0, 200, -EPROTO, false, false },
	{ "gzip of nothing", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n"
		   "content-length: 0\r\n\r\n"),
	  STR_INIT(""), 0, 200, 0, false, true },
	{ "a coding nobody asked for", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-encoding: br\r\n"
		   "content-length: 2\r\n\r\nok"),
	  STR_INIT(""), -EPROTO, 0, 0, false, false },
	{ "a body cut short of its length", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok"),
	  STR_INIT("ok"), 0, 200, -ECONNRESET, true, false },
	{ "chunks without a last one", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
		   "2\r\nok\r\n"),
	  STR_INIT("ok"), 0, 200, -ECONNRESET, true, false },
	{ "damaged chunks", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
		   "zz\r\nok\r\n"),
	  STR_INIT(""), 0, 200, -EPROTO, false, false },
	{ "both framings", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
		   "content-length: 2\r\n\r\nok"),
	  STR_INIT(""), -EPROTO, 0, 0, false, false },
	{ "two lengths", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"
		   "content-length: 3\r\n\r\nok"),
	  STR_INIT(""), -EPROTO, 0, 0, false, false },
	{ "switching protocols", "GET",
	  STR_INIT("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"),
	  STR_INIT(""), -EPROTO, 0, 0, false, false },
	{ "a head that is cut short", "GET",
	  STR_INIT("HTTP/1.1 200 OK\r\ncontent-len"), STR_INIT(""), -ECONNRESET,
	  0, 0, true, false },
	{ "no answer at all", "GET", STR_INIT(""), STR_INIT(""), -ECONNRESET, 0,
	  0, true, false },
	{ "not HTTP", "GET", STR_INIT("220 smtp.example.com ready\r\n\r\n\r\n"),
	  STR_INIT(""), -EPROTO, 0, 0, false, false },
};

/* Every answer twice on one client: pooled or not shows in the second. */
static void play_answer(struct task *t, struct world *w)
{
	const struct answer *a = w->arg;
	struct client_request req = get(w);

	req.method = str_of(a->method);
	for (size_t i = 0; i < 2; i++) {
		struct outcome o = call(t, w, &req);

		world_check_int(w, o.send, a->send);
		world_check_int(w, o.status, a->status);
		world_check_int(w, o.read, a->read);
		world_check_str(w, buf_str(&o.body), a->body);
		world_check_int(w, o.reused, i == 1 && a->pooled);
		buf_fini(&o.body);
	}
	world_check_int(w, client_stats(w->client).idle, a->pooled ? 1 : 0);
	world_check_int(w, w->accepted, a->pooled ? 1 : 2);
}

static void run_answer(const struct answer *a, size_t step, size_t buf_size)
{
	char head[200];
	struct step once[4] = {
		{ EXPECT, STR_NULL },
		{ SEND, a->bytes },
		{ a->closes ? CLOSE : STEP_END, STR_NULL },
	};
	struct step twice[5];
	struct world w = {
		.step = step,
		.cfg = plain_cfg,
		.run = play_answer,
		.arg = a,
	};

	(void)snprintf(head, sizeof(head),
		       "%s / HTTP/1.1\r\nhost: up.test\r\n"
		       "accept-encoding: gzip\r\n%s\r\n",
		       a->method,
		       str_eq(str_of(a->method), STR("POST"))
			       ? "content-length: 0\r\n"
			       : "");
	once[0].bytes = str_of(head);
	memcpy(twice, once, 2 * sizeof(*once));
	memcpy(twice + 2, once, 3 * sizeof(*once));
	w.cfg.body_buf_size = buf_size;
	w.scripts[0] = a->pooled ? twice : once;
	w.scripts[1] = once;
	world_run(&w, a->name);
}

static void answers_are_read_at_every_split(void **state)
{
	static const size_t steps[] = { 0, 1, 2, 3, 7, 20 };
	static const size_t buf_sizes[] = { 64 * 1024, 1, 2, 5, 33 };

	(void)state;
	for (size_t i = 0; i < countof(answers); i++) {
		for (size_t j = 0; j < countof(steps); j++)
			run_answer(&answers[i], steps[j], 64 * 1024);
		for (size_t j = 0; j < countof(buf_sizes); j++)
			run_answer(&answers[i], 0, buf_sizes[j]);
	}
}

static void play_chunks(struct task *t, struct world *w)
{
	struct client_request req = get(w);
	struct outcome o = call(t, w, &req);

	world_check_int(w, o.reads, 1);
	world_check_str(w, buf_str(&o.body), STR("data: a\n\ndata: bc\n\n"));
	buf_fini(&o.body);
}

static void chunks_of_one_read_are_one_slice(void **state)
{
	static const struct step script[] = {
		{ EXPECT, STR_INIT(GET_HEAD) },
		{ SEND,
		  STR_INIT("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
			   "\r\n9\r\ndata: a\n\n\r\na\r\ndata: bc\n\n\r\n"
			   "0\r\n\r\n") },
		{ STEP_END, STR_NULL },
	};
	struct world w = {
		.scripts = { script },
		.cfg = plain_cfg,
		.run = play_chunks,
	};

	(void)state;
	world_run(&w, "chunks of one read");
}

struct sent {
	const char *name;
	const char *method, *target;
	struct http_header headers[4];
	struct str pieces[3];
	struct str proxy_host; /* not "": the upstream is a proxy */
	struct str userinfo;
	size_t pool_max;
	struct str want;
};

static const struct sent sents[] = {
	{ "GET with a field",
	  "GET",
	  "/v1/models?limit=2",
	  { { HTTP_OTHER, STR_INIT("X-A"), STR_INIT("1") } },
	  { { 0 } },
	  STR_INIT(""),
	  STR_INIT(""),
	  1,
	  STR_INIT("GET /v1/models?limit=2 HTTP/1.1\r\nhost: up.test\r\n"
		   "X-A: 1\r\naccept-encoding: gzip\r\n\r\n") },
	{ "POST in pieces, one of them empty",
	  "POST",
	  "/",
	  { { HTTP_CONTENT_TYPE, STR_INIT("content-type"),
	      STR_INIT("text/plain") } },
	  { STR_INIT("ab"), STR_INIT(""), STR_INIT("cde") },
	  STR_INIT(""),
	  STR_INIT(""),
	  1,
	  STR_INIT("POST / HTTP/1.1\r\nhost: up.test\r\n"
		   "content-type: text/plain\r\naccept-encoding: gzip\r\n"
		   "content-length: 5\r\n\r\nabcde") },
	{ "an own accept-encoding",
	  "GET",
	  "/",
	  { { HTTP_OTHER, STR_INIT("Accept-Encoding"), STR_INIT("br") } },
	  { { 0 } },
	  STR_INIT(""),
	  STR_INIT(""),
	  1,
	  STR_INIT("GET / HTTP/1.1\r\nhost: up.test\r\n"
		   "Accept-Encoding: br\r\n\r\n") },
	{ "framing fields are the client's",
	  "GET",
	  "/",
	  { { HTTP_OTHER, STR_INIT("Content-Length"), STR_INIT("7") },
	    { HTTP_OTHER, STR_INIT("transfer-encoding"), STR_INIT("chunked") },
	    { HTTP_HOST, STR_INIT("host"), STR_INIT("other") },
	    { HTTP_CONNECTION, STR_INIT("connection"), STR_INIT("upgrade") } },
	  { { 0 } },
	  STR_INIT(""),
	  STR_INIT(""),
	  1,
	  STR_INIT(GET_HEAD) },
	{ "no pool",
	  "GET",
	  "/",
	  { { 0 } },
	  { { 0 } },
	  STR_INIT(""),
	  STR_INIT(""),
	  0,
	  STR_INIT("GET / HTTP/1.1\r\nhost: up.test\r\n"
		   "accept-encoding: gzip\r\nconnection: close\r\n\r\n") },
	{ "absolute form to a proxy, with credentials",
	  "GET",
	  "/a",
	  { { 0 } },
	  { { 0 } },
	  STR_INIT("127.0.0.1"),
	  STR_INIT("user:p%40ss"),
	  1,
	  STR_INIT("GET http://up.test/a HTTP/1.1\r\nhost: up.test\r\n"
		   "accept-encoding: gzip\r\n"
		   "proxy-authorization: Basic dXNlcjpwQHNz\r\n\r\n") },
};

static void play_sent(struct task *t, struct world *w)
{
	const struct sent *s = w->arg;
	struct client_request req = get(w);
	struct outcome o;

	req.method = str_of(s->method);
	req.target = str_of(s->target);
	req.headers = s->headers;
	while (req.header_count < countof(s->headers) &&
	       s->headers[req.header_count].name.len > 0)
		req.header_count++;
	req.pieces = s->pieces;
	req.piece_count = countof(s->pieces);
	if (s->proxy_host.len > 0) {
		w->origin.host = STR("up.test");
		w->origin.proxy.host = s->proxy_host;
		w->origin.proxy.port = w->port;
		w->origin.proxy.userinfo = s->userinfo;
	}
	o = call(t, w, &req);
	world_check_int(w, o.send, 0);
	world_check_str(w, buf_str(&o.body), STR("ok"));
	buf_fini(&o.body);
}

static void requests_are_sent_exactly(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(sents); i++) {
		struct step script[] = {
			{ EXPECT, sents[i].want },
			{ SEND, STR_INIT(OK_LENGTH) },
			{ STEP_END, STR_NULL },
		};
		struct world w = {
			.scripts = { script },
			.cfg = plain_cfg,
			.run = play_sent,
			.arg = &sents[i],
		};

		w.cfg.pool_max = sents[i].pool_max;
		world_run(&w, sents[i].name);
	}
}

static void play_bad_requests(struct task *t, struct world *w)
{
	static const struct http_header evil = { HTTP_OTHER, STR_INIT("x"),
						 STR_INIT("a\r\nb: c") };
	static char long_target[HTTP_HEAD_MAX + 2];
	struct client_request req = get(w);
	struct outcome o;

	req.headers = &evil;
	req.header_count = 1;
	o = call(t, w, &req);
	world_check_int(w, o.send, -EINVAL);
	req.header_count = 0;
	memset(long_target, 'a', sizeof(long_target));
	long_target[0] = '/';
	req.target = (struct str){ long_target, sizeof(long_target) };
	o = call(t, w, &req);
	world_check_int(w, o.send, -EMSGSIZE);
	req.target.len = HTTP_HEAD_MAX - 10;
	o = call(t, w, &req);
	world_check_int(w, o.send, -EMSGSIZE);
}

static void requests_that_cannot_be_sent_are_refused(void **state)
{
	struct world w = { .cfg = plain_cfg, .run = play_bad_requests };

	(void)state;
	world_run(&w, "bad requests");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read_at_every_split),
		cmocka_unit_test(chunks_of_one_read_are_one_slice),
		cmocka_unit_test(requests_are_sent_exactly),
		cmocka_unit_test(requests_that_cannot_be_sent_are_refused),
	};

	return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
