#include "bench/load.h"

#include "bench/reply.h"
#include "bench/stats.h"
#include "bench/tool.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_SIZE = 64 * 1024,
	BATCH = 512,
	ERRORS_MAX = 1000, /* then the run is over */
	OPEN_TIMEOUT_S = 60,
	TICK_S = 1,
};

enum conn_state {
	CONN_SENDING, /* first the connection itself */
	CONN_WAITING,
	CONN_IDLE, /* nothing left to ask */
};

struct conn {
	int fd;
	enum conn_state state;
	bool is_open; /* counted as such: has worked once */
	size_t sent;
	int64_t start_ns; /* of the request */
	int64_t last_ns;  /* the last event came; 0: none yet */
	struct reply reply;
};

static struct crowd {
	const struct load_options *options;
	struct buf request;
	struct conn *conns;
	int64_t conn_count; /* made so far */
	int64_t open;       /* of these, that work */
	int64_t sent_all;   /* requests sent to the last byte */
	int epoll_fd;
	int64_t now_ns;
	bool is_counting; /* the window of measurement is open */
	int64_t window_ns, window_cpu_ns;
	int64_t started, done, events, bytes, errors;
	char error[96]; /* the first */
	struct stats *whole, *first, *event, *gap;
	char scratch[READ_SIZE];
} crowd;

static void conn_watch(struct conn *c, int op, uint32_t interest)
{
	struct epoll_event e = { .events = interest, .data.ptr = c };

	if (epoll_ctl(crowd.epoll_fd, op, c->fd, &e) < 0)
		tool_die("epoll_ctl: %s", strerrordesc_np(errno));
}

static void note_error(const char *what, const char *detail)
{
	crowd.errors++;
	if (crowd.error[0] == '\0') {
		snprintf(crowd.error, sizeof(crowd.error), "%s: %s", what,
			 detail);
	}
}

static bool may_ask(void)
{
	const struct load_options *o = crowd.options;

	return o->requests == 0 || crowd.started < o->requests;
}

/* Begin a request; the caller sees to it that the socket is watched for it. */
static void conn_begin(struct conn *c)
{
	crowd.started++;
	c->state = CONN_SENDING;
	c->sent = 0;
	c->start_ns = crowd.now_ns;
	c->last_ns = 0;
	reply_start(&c->reply);
}

static void conn_dial(struct conn *c)
{
	c->fd = tool_connect(&crowd.options->targets[0].address);
	if (c->fd < 0)
		tool_die("connect: %s", strerrordesc_np(-c->fd));
	conn_begin(c);
	conn_watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void conn_fail(struct conn *c, const char *what, const char *detail)
{
	note_error(what, detail);
	close(c->fd);
	c->fd = -1;
	c->state = CONN_IDLE;
	if (crowd.errors < ERRORS_MAX && may_ask())
		conn_dial(c);
}

static void conn_opened(struct conn *c)
{
	if (c->is_open)
		return;
	c->is_open = true;
	crowd.open++;
}

static void on_event(void *arg, int64_t sent_ns)
{
	struct conn *c = arg;

	if (crowd.is_counting) {
		crowd.events++;
		if (sent_ns != 0)
			stats_add(crowd.event, crowd.now_ns - sent_ns);
		if (c->last_ns != 0)
			stats_add(crowd.gap, crowd.now_ns - c->last_ns);
	}
	if (c->last_ns == 0 && crowd.is_counting)
		stats_add(crowd.first, crowd.now_ns - c->start_ns);
	c->last_ns = crowd.now_ns;
	conn_opened(c);
}

static void conn_send(struct conn *c)
{
	struct str rest = str_drop(buf_str(&crowd.request), c->sent);
	ssize_t n = send(c->fd, rest.ptr, rest.len, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN) {
		conn_watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
		return;
	}
	if (n < 0) {
		conn_fail(c, "send", strerrordesc_np(errno));
		return;
	}
	c->sent += (size_t)n;
	if (c->sent < crowd.request.len) {
		conn_watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
		return;
	}
	c->state = CONN_WAITING;
	crowd.sent_all++;
	if (!crowd.options->stream)
		conn_opened(c);
}

static void conn_done(struct conn *c)
{
	char status[16];

	if (!reply_is_good(&c->reply)) {
		snprintf(status, sizeof(status), "%d", c->reply.status);
		conn_fail(c, "status, or no [DONE]", status);
		return;
	}
	crowd.done++;
	if (crowd.is_counting)
		stats_add(crowd.whole, crowd.now_ns - c->start_ns);
	c->state = CONN_IDLE;
	if (crowd.options->once || !may_ask())
		return;
	if (c->reply.must_close) {
		close(c->fd);
		conn_dial(c);
		return;
	}
	conn_begin(c);
	conn_send(c);
}

static void conn_read(struct conn *c)
{
	ssize_t n = recv(c->fd, crowd.scratch, sizeof(crowd.scratch), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_fail(c, "receive",
			  n == 0 ? "closed" : strerrordesc_np(errno));
		return;
	}
	crowd.bytes += n;
	if (c->state != CONN_WAITING ||
	    reply_feed(&c->reply, (struct str){ crowd.scratch, (size_t)n },
		       on_event, c) != n) {
		conn_fail(c, "answer", "not what was asked for");
		return;
	}
	if (reply_is_done(&c->reply))
		conn_done(c);
}

static void on_ready(const struct epoll_event *e)
{
	struct conn *c = e->data.ptr;

	if (c->state == CONN_SENDING && (e->events & EPOLLOUT) != 0) {
		conn_send(c);
		if (c->state == CONN_WAITING)
			conn_watch(c, EPOLL_CTL_MOD, EPOLLIN);
	} else if ((e->events & ~(uint32_t)EPOLLOUT) != 0 && c->fd >= 0) {
		conn_read(c);
	}
}

static void poll_once(int timeout_ms)
{
	static struct epoll_event events[BATCH];
	int n = epoll_wait(crowd.epoll_fd, events, BATCH, timeout_ms);

	if (n < 0 && errno != EINTR)
		tool_die("epoll_wait: %s", strerrordesc_np(errno));
	for (int i = 0; i < n; i++) {
		crowd.now_ns = clock_monotonic();
		on_ready(&events[i]);
	}
	crowd.now_ns = clock_monotonic();
}

static void print_counts(const char *event)
{
	printf("{\"event\":\"%s\",\"target\":\"" STR_FMT "\",\"seconds\":%.3f,"
	       "\"open\":%lld,\"sent\":%lld,\"done\":%lld,\"events\":%lld,"
	       "\"bytes\":%lld,\"errors\":%lld",
	       event, STR_ARG(crowd.options->targets[0].name),
	       (double)(crowd.now_ns - crowd.window_ns) / 1e9,
	       (long long)crowd.open, (long long)crowd.sent_all,
	       (long long)crowd.done, (long long)crowd.events,
	       (long long)crowd.bytes, (long long)crowd.errors);
}

static void print_line(const char *event)
{
	print_counts(event);
	puts("}");
	fflush(stdout);
}

static bool is_over(void)
{
	const struct load_options *o = crowd.options;

	return crowd.errors >= ERRORS_MAX ||
	       (o->requests > 0 && crowd.done + crowd.errors >= o->requests);
}

static void open_all(void)
{
	int64_t want = crowd.options->connections;
	int64_t deadline_ns = crowd.now_ns + OPEN_TIMEOUT_S * CLOCK_S;

	while (crowd.open < want && !is_over()) {
		while (crowd.conn_count < want &&
		       crowd.conn_count - crowd.open < crowd.options->ramp)
			conn_dial(&crowd.conns[crowd.conn_count++]);
		poll_once(100);
		if (crowd.now_ns > deadline_ns)
			break;
	}
}

static void window_open(void)
{
	stats_clear(crowd.whole);
	stats_clear(crowd.first);
	stats_clear(crowd.event);
	stats_clear(crowd.gap);
	crowd.is_counting = true;
	crowd.window_ns = crowd.now_ns;
	crowd.window_cpu_ns = load_cpu_ns(crowd.options);
	crowd.done = 0;
	crowd.events = 0;
	crowd.bytes = 0;
}

/* A stream that has fallen silent shows as a gap up to now. */
static void add_open_gaps(void)
{
	for (int64_t i = 0; i < crowd.conn_count; i++) {
		const struct conn *c = &crowd.conns[i];

		if (c->state == CONN_WAITING && c->last_ns != 0)
			stats_add(crowd.gap, crowd.now_ns - c->last_ns);
	}
}

static void window_close(void)
{
	int64_t cpu_ns = load_cpu_ns(crowd.options) - crowd.window_cpu_ns;

	if (crowd.options->stream)
		add_open_gaps();
	print_counts("end");
	printf(",\"cpu_us\":%.1f,\"error\":\"%s\",", (double)cpu_ns / 1e3,
	       crowd.error);
	stats_print(crowd.whole, "whole_us");
	putchar(',');
	stats_print(crowd.first, "first_us");
	putchar(',');
	stats_print(crowd.event, "event_us");
	putchar(',');
	stats_print(crowd.gap, "gap_us");
	puts("}");
	fflush(stdout);
}

static void run_until(int64_t end_ns, bool has_ticks)
{
	int64_t tick_ns = crowd.now_ns + TICK_S * CLOCK_S;

	while (crowd.now_ns < end_ns && !is_over()) {
		poll_once(10);
		if (!has_ticks || crowd.now_ns < tick_ns)
			continue;
		tick_ns += TICK_S * CLOCK_S;
		print_line("tick");
	}
}

void load_crowd_run(const struct load_options *o)
{
	crowd.options = o;
	buf_init(&crowd.request, LOAD_REQUEST_MAX);
	load_request(o, &crowd.request);
	crowd.conns = xcalloc((size_t)o->connections, sizeof(struct conn));
	crowd.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (crowd.epoll_fd < 0)
		tool_die("epoll: %s", strerrordesc_np(errno));
	crowd.whole = stats_new();
	crowd.first = stats_new();
	crowd.event = stats_new();
	crowd.gap = stats_new();
	crowd.now_ns = clock_monotonic();
	crowd.window_ns = crowd.now_ns;
	/* With a number of requests the opening is part of what is measured. */
	if (o->requests > 0)
		window_open();
	open_all();
	print_line("open");
	if (o->requests == 0) {
		run_until(crowd.now_ns + o->warmup_s * CLOCK_S, false);
		window_open();
	}
	run_until(crowd.now_ns + o->seconds * CLOCK_S, true);
	window_close();
	buf_fini(&crowd.request);
	free(crowd.conns);
}
