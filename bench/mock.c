/*
 * mock - an upstream that answers as OpenAI does, as fast as one core can.
 *
 *	bench_mock --listen 127.0.0.1:0 --tokens 100 --pace 20
 *
 * What to answer can also come with a request, as its "user" member, within the
 * first or the last ENDS_MAX bytes of the body: "mock tokens=5 pace=20 hold=0".
 * tokens is the number of deltas of a stream, pace the milliseconds between them
 * (0: as fast as the socket takes them), hold the milliseconds before the answer.
 */
#include "bench/mock_text.h"
#include "bench/mock_wheel.h"
#include "bench/tool.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEAD_MAX = 16 * 1024,
	ENDS_MAX = 512,
	READ_SIZE = 64 * 1024,
	OUT_MAX = 4 << 20, /* a reader that is slower than this is dropped */
	BATCH = 512,
	TOKENS_MAX = 100 * 1000 * 1000,
	MS_MAX = 3600 * 1000,
	/* A burst gives other streams a turn after so many events. */
	BURST_EVENTS = 64,
};

struct plan {
	int64_t tokens, pace_ms, hold_ms;
	bool is_chat, is_models, is_stats;
	bool stream, usage;
};

enum conn_state {
	CONN_HEAD,
	CONN_BODY,
	CONN_HELD,
	CONN_STREAM,
};

struct conn {
	int fd;
	enum conn_state state;
	uint32_t interest; /* of epoll */
	struct mock_timer timer;
	struct plan plan;
	struct buf in;  /* the head, later the first bytes of the body */
	struct buf out; /* what the socket did not take */
	int64_t body_left;
	int64_t next_event;
};

static struct mock {
	int epoll_fd, listen_fd;
	struct plan plan; /* for requests that do not say */
	struct mock_wheel wheel;
	char scratch[READ_SIZE];
	int64_t conns, held, held_peak, streams, streams_peak, requests;
} mock;

static void conn_count(struct conn *c, int by)
{
	int64_t *n = c->state == CONN_STREAM ? &mock.streams : &mock.held;
	int64_t *peak =
		c->state == CONN_STREAM ? &mock.streams_peak : &mock.held_peak;

	if (c->state != CONN_STREAM && c->state != CONN_HELD)
		return;
	*n += by;
	if (*n > *peak)
		*peak = *n;
}

static void conn_set_state(struct conn *c, enum conn_state state)
{
	conn_count(c, -1);
	c->state = state;
	conn_count(c, 1);
}

static void conn_free(struct conn *c)
{
	conn_set_state(c, CONN_HEAD);
	mock_wheel_drop(&mock.wheel, &c->timer);
	close(c->fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c);
	mock.conns--;
}

static int conn_watch(struct conn *c, uint32_t interest)
{
	struct epoll_event e = { .events = interest, .data.ptr = c };

	if (c->interest == interest)
		return 0;
	c->interest = interest;
	return epoll_ctl(mock.epoll_fd, EPOLL_CTL_MOD, c->fd, &e) < 0 ? -errno
								      : 0;
}

/* Send now what the socket takes, keep the rest. */
static int conn_send(struct conn *c, struct str bytes)
{
	ssize_t n = 0;

	if (c->out.len == 0)
		n = send(c->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return -errno;
	bytes = str_drop(bytes, n > 0 ? (size_t)n : 0);
	if (bytes.len == 0)
		return 0;
	if (buf_add(&c->out, bytes) < 0)
		return -EMSGSIZE;
	return conn_watch(c, EPOLLIN | EPOLLOUT);
}

static void conn_next_request(struct conn *c)
{
	conn_set_state(c, CONN_HEAD);
	buf_clear(&c->in);
}

/* What the n-th event of a stream is; false after the last. */
static bool event_kind(const struct plan *p, int64_t n,
		       enum mock_text_event *out)
{
	static const enum mock_text_event tail[] = {
		MOCK_TEXT_FINISH,
		MOCK_TEXT_USAGE,
		MOCK_TEXT_DONE,
	};

	if (n <= p->tokens) {
		*out = n == 0 ? MOCK_TEXT_ROLE : MOCK_TEXT_DELTA;
		return true;
	}
	n -= p->tokens + 1;
	if (!p->usage && n > 0)
		n++;
	if (n >= (int64_t)countof(tail))
		return false;
	*out = tail[n];
	return true;
}

static int send_event(struct conn *c, enum mock_text_event kind)
{
	char text[MOCK_TEXT_EVENT_MAX];

	c->next_event++;
	return conn_send(c, mock_text_event(kind, clock_monotonic(), text));
}

/*
 * Send what is due: one event and then a pause, or in a burst up to what the
 * socket takes.  What follows the last token follows at once, as at OpenAI.
 */
static int conn_step(struct conn *c)
{
	enum mock_text_event kind = MOCK_TEXT_ROLE;
	int r;

	for (int i = 0; i < BURST_EVENTS; i++) {
		if (c->out.len > 0 && c->plan.pace_ms == 0)
			return 0; /* EPOLLOUT goes on */
		if (!event_kind(&c->plan, c->next_event, &kind)) {
			conn_next_request(c);
			return 0;
		}
		r = send_event(c, kind);
		if (r < 0)
			return r;
		if (c->plan.pace_ms > 0 && c->next_event <= c->plan.tokens) {
			mock_wheel_set(&mock.wheel, &c->timer,
				       mock.wheel.now_ms + c->plan.pace_ms);
			return 0;
		}
	}
	return conn_watch(c, EPOLLIN | EPOLLOUT);
}

/* The head of a stream goes out in one write with its first event. */
static int stream_start(struct conn *c)
{
	char text[MOCK_TEXT_EVENT_MAX];
	char both[2 * MOCK_TEXT_EVENT_MAX];
	struct str head = mock_text_stream_head();
	struct str role = mock_text_event(MOCK_TEXT_ROLE, 0, text);
	int r;

	conn_set_state(c, CONN_STREAM);
	if (head.len + role.len > sizeof(both))
		return -EMSGSIZE;
	memcpy(both, head.ptr, head.len);
	memcpy(both + head.len, role.ptr, role.len);
	c->next_event = 1;
	r = conn_send(c, (struct str){ both, head.len + role.len });
	if (r < 0)
		return r;
	if (c->plan.pace_ms == 0 || c->plan.tokens == 0)
		return conn_step(c);
	mock_wheel_set(&mock.wheel, &c->timer,
		       mock.wheel.now_ms + c->plan.pace_ms);
	return 0;
}

static int send_stats(struct conn *c)
{
	char body[256], text[512];
	int n = snprintf(body, sizeof(body),
			 "{\"connections\":%lld,\"requests\":%lld,"
			 "\"held_peak\":%lld,\"streams_peak\":%lld}\n",
			 (long long)mock.conns, (long long)mock.requests,
			 (long long)mock.held_peak,
			 (long long)mock.streams_peak);

	mock.held_peak = mock.held;
	mock.streams_peak = mock.streams;
	n = snprintf(text, sizeof(text),
		     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		     "Content-Length: %d\r\n\r\n%s",
		     n, body);
	return conn_send(c, (struct str){ text, (size_t)n });
}

static int conn_answer(struct conn *c)
{
	struct str whole;

	if (c->plan.stream)
		return stream_start(c);
	conn_next_request(c);
	if (c->plan.is_stats)
		return send_stats(c);
	if (c->plan.is_chat) {
		whole = mock_text_chat();
	} else if (c->plan.is_models) {
		whole = mock_text_models();
	} else {
		whole = mock_text_not_found();
	}
	return conn_send(c, whole);
}

static void plan_set(struct plan *p, struct str key, struct str value)
{
	if (str_eq(key, STR("tokens"))) {
		(void)str_to_i64(value, 0, TOKENS_MAX, &p->tokens);
	} else if (str_eq(key, STR("pace"))) {
		(void)str_to_i64(value, 0, MS_MAX, &p->pace_ms);
	} else if (str_eq(key, STR("hold"))) {
		(void)str_to_i64(value, 0, MS_MAX, &p->hold_ms);
	}
}

static bool has(struct str s, struct str needle)
{
	return str_find(s, needle) < s.len;
}

static void plan_read(struct plan *p, struct str body)
{
	static const struct str key = STR_INIT("\"user\":\"mock ");
	struct str words, word, name, value;
	size_t at = str_find(body, key);

	p->stream = p->is_chat && (has(body, STR("\"stream\":true")) ||
				   has(body, STR("\"stream\": true")));
	p->usage = has(body, STR("\"include_usage\":true"));
	if (at == body.len)
		return;
	(void)str_cut(str_drop(body, at + key.len), '"', &words, &value);
	while (words.len > 0) {
		(void)str_cut(words, ' ', &word, &words);
		(void)str_cut(word, '=', &name, &value);
		plan_set(p, name, value);
	}
}

static int conn_request(struct conn *c)
{
	mock.requests++;
	plan_read(&c->plan, buf_str(&c->in));
	if (c->plan.hold_ms == 0)
		return conn_answer(c);
	conn_set_state(c, CONN_HELD);
	mock_wheel_set(&mock.wheel, &c->timer,
		       mock.wheel.now_ms + c->plan.hold_ms);
	return 0;
}

static int take_head(struct conn *c, struct str head)
{
	struct str line, name, value;

	(void)str_cut(head, '\n', &line, &head);
	c->plan = mock.plan;
	c->plan.is_chat = str_starts(line, STR("POST /v1/chat/completions "));
	c->plan.is_models = str_starts(line, STR("GET /v1/models "));
	c->plan.is_stats = str_starts(line, STR("GET /mock "));
	c->body_left = 0;
	while (head.len > 0) {
		(void)str_cut(head, '\n', &line, &head);
		(void)str_cut(line, ':', &name, &value);
		/* Whoever tests against this sends lengths. */
		if (str_eq_nocase(name, STR("transfer-encoding")))
			return -EPROTO;
		if (str_eq_nocase(name, STR("content-length")) &&
		    !str_to_i64(str_trim(value), 0, INT64_MAX, &c->body_left))
			return -EPROTO;
	}
	return 0;
}

/* What steers the mock stands at one of a body's ends; what is between goes. */
static int keep_ends(struct buf *in, struct str bytes)
{
	struct str first;
	size_t over;

	first = str_take(bytes, in->len < ENDS_MAX ? ENDS_MAX - in->len : 0);
	if (buf_add(in, first) < 0)
		return -EMSGSIZE;
	bytes = str_drop(bytes, first.len);
	if (bytes.len > ENDS_MAX)
		bytes = str_drop(bytes, bytes.len - ENDS_MAX);
	if (bytes.len == 0)
		return 0;
	over = in->len + bytes.len;
	over = over > 2 * ENDS_MAX ? over - 2 * ENDS_MAX : 0;
	memmove(in->ptr + ENDS_MAX, in->ptr + ENDS_MAX + over,
		in->len - ENDS_MAX - over);
	in->len -= over;
	return buf_add(in, bytes);
}

static int feed_body(struct conn *c, struct str bytes)
{
	if ((int64_t)bytes.len > c->body_left)
		return -EPROTO; /* pipelining */
	c->body_left -= (int64_t)bytes.len;
	if (keep_ends(&c->in, bytes) < 0)
		return -EMSGSIZE;
	return c->body_left == 0 ? conn_request(c) : 0;
}

static int feed_head(struct conn *c, struct str bytes)
{
	struct str head = bytes;
	size_t end, old = c->in.len;
	int r;

	/* Nearly every request comes in one piece and needs no copy. */
	end = old == 0 ? str_find(bytes, STR("\r\n\r\n")) : bytes.len;
	if (end == bytes.len) {
		if (buf_add(&c->in, bytes) < 0)
			return -EMSGSIZE;
		head = buf_str(&c->in);
		end = str_find(head, STR("\r\n\r\n"));
		if (end == head.len)
			return 0;
	}
	r = take_head(c, str_take(head, end + 2));
	if (r < 0)
		return r;
	bytes = str_drop(bytes, end + 4 - old);
	c->state = CONN_BODY;
	buf_clear(&c->in);
	return feed_body(c, bytes);
}

static int conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd, mock.scratch, sizeof(mock.scratch), 0);
	struct str bytes = { mock.scratch, n > 0 ? (size_t)n : 0 };

	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (c->state == CONN_HEAD)
		return feed_head(c, bytes);
	if (c->state == CONN_BODY)
		return feed_body(c, bytes);
	return -EPROTO; /* pipelining */
}

static int conn_write(struct conn *c)
{
	ssize_t n;
	int r;

	if (c->out.len > 0) {
		n = send(c->fd, c->out.ptr, c->out.len, MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		buf_drop(&c->out, (size_t)n);
		if (c->out.len > 0)
			return 0;
		buf_release(&c->out);
	}
	r = conn_watch(c, EPOLLIN);
	if (r == 0 && c->state == CONN_STREAM && c->plan.pace_ms == 0)
		r = conn_step(c);
	return r;
}

static void on_due(struct mock_timer *t)
{
	struct conn *c = list_entry(t, struct conn, timer);
	int r = c->state == CONN_HELD ? conn_answer(c) : conn_step(c);

	if (r < 0)
		conn_free(c);
}

static void accept_all(void)
{
	for (int i = 0; i < BATCH; i++) {
		struct epoll_event e = { .events = EPOLLIN };
		struct conn *c;
		int on = 1;
		int fd = accept4(mock.listen_fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		c = xcalloc(1, sizeof(*c));
		c->fd = fd;
		c->interest = EPOLLIN;
		mock_wheel_timer_init(&c->timer);
		buf_init(&c->in, HEAD_MAX);
		buf_init(&c->out, OUT_MAX);
		mock.conns++;
		e.data.ptr = c;
		if (epoll_ctl(mock.epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0)
			conn_free(c);
	}
}

static void on_ready(const struct epoll_event *e)
{
	struct conn *c = e->data.ptr;
	int r = 0;

	if (c == NULL) {
		accept_all();
		return;
	}
	if ((e->events & EPOLLOUT) != 0)
		r = conn_write(c);
	if (r == 0 && (e->events & ~(uint32_t)EPOLLOUT) != 0)
		r = conn_read(c);
	if (r < 0)
		conn_free(c);
}

static void run(void)
{
	static struct epoll_event events[BATCH];

	for (;;) {
		int n = epoll_wait(mock.epoll_fd, events, BATCH,
				   mock.wheel.count > 0 ? 1 : -1);
		int64_t now_ms = clock_monotonic() / CLOCK_MS;

		if (n < 0 && errno != EINTR)
			tool_die("epoll_wait: %s", strerrordesc_np(errno));
		/* With no timer set there is nothing to catch up with. */
		if (mock.wheel.count == 0)
			mock.wheel.now_ms = now_ms;
		for (int i = 0; i < n; i++)
			on_ready(&events[i]);
		mock_wheel_run(&mock.wheel, now_ms, on_due);
	}
}

static void usage(void)
{
	tool_die("usage: bench_mock [--listen 127.0.0.1:PORT] [--tokens N] "
		 "[--pace MS] [--hold MS]");
}

static const char *read_options(int argc, char **argv)
{
	const char *address = "127.0.0.1:0";

	mock.plan.tokens = 100;
	for (int i = 1; i < argc; i += 2) {
		if (i + 1 >= argc)
			usage();
		if (strcmp(argv[i], "--listen") == 0) {
			address = argv[i + 1];
		} else if (strcmp(argv[i], "--tokens") == 0) {
			mock.plan.tokens =
				tool_int(argv[i], argv[i + 1], 0, TOKENS_MAX);
		} else if (strcmp(argv[i], "--pace") == 0) {
			mock.plan.pace_ms =
				tool_int(argv[i], argv[i + 1], 0, MS_MAX);
		} else if (strcmp(argv[i], "--hold") == 0) {
			mock.plan.hold_ms =
				tool_int(argv[i], argv[i + 1], 0, MS_MAX);
		} else {
			usage();
		}
	}
	return address;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = tool_addr(read_options(argc, argv));
	struct epoll_event e = { .events = EPOLLIN };

	tool_raise_files();
	mock_text_init();
	mock_wheel_init(&mock.wheel, clock_monotonic() / CLOCK_MS);
	mock.listen_fd = tool_listen(&address);
	mock.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (mock.epoll_fd < 0 ||
	    epoll_ctl(mock.epoll_fd, EPOLL_CTL_ADD, mock.listen_fd, &e) < 0)
		tool_die("epoll: %s", strerrordesc_np(errno));
	printf("{\"event\":\"listening\",\"port\":%d}\n",
	       ntohs(address.sin_port));
	fflush(stdout);
	run();
}
