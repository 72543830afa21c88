#include "bench/load.h"

#include "bench/reply.h"
#include "bench/stats.h"
#include "bench/tool.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
	READ_SIZE = 64 * 1024,
	TIMEOUT_S = 10,
	/* Not counted: the first requests make connections and warm caches. */
	WARM_REQUESTS = 200,
};

/* One target's connection and what was measured on it. */
struct lane {
	const struct load_target *target;
	int fd;
	struct stats *whole, *first; /* to the last and to the first byte */
	struct reply reply;
};

static void send_request(const struct lane *l, struct str request)
{
	while (request.len > 0) {
		ssize_t n = send(l->fd, request.ptr, request.len, MSG_NOSIGNAL);

		if (n < 0) {
			tool_die(STR_FMT ": send: %s", STR_ARG(l->target->name),
				 strerrordesc_np(errno));
		}
		request = str_drop(request, (size_t)n);
	}
}

static void receive_some(struct lane *l)
{
	static char scratch[READ_SIZE];
	ssize_t n = recv(l->fd, scratch, sizeof(scratch), 0);
	struct str bytes = { scratch, n > 0 ? (size_t)n : 0 };

	if (n <= 0) {
		tool_die(STR_FMT ": no answer: %s", STR_ARG(l->target->name),
			 n == 0 ? "closed" : strerrordesc_np(errno));
	}
	if (reply_feed(&l->reply, bytes, NULL, NULL) != n) {
		tool_die(STR_FMT ": not a proper answer",
			 STR_ARG(l->target->name));
	}
}

static void one_request(struct lane *l, struct str request, bool is_counted)
{
	int64_t start, first, end;

	reply_start(&l->reply);
	start = clock_monotonic();
	send_request(l, request);
	receive_some(l);
	first = clock_monotonic();
	while (!reply_is_done(&l->reply))
		receive_some(l);
	end = clock_monotonic();
	if (!reply_is_good(&l->reply)) {
		tool_die(STR_FMT ": status %d", STR_ARG(l->target->name),
			 l->reply.status);
	}
	if (!is_counted)
		return;
	stats_add(l->first, first - start);
	stats_add(l->whole, end - start);
}

static void run_blocks(struct lane *lanes, const struct load_options *o,
		       struct str request, int64_t requests, bool is_counted)
{
	for (int64_t done = 0; done < requests; done += o->block) {
		for (size_t i = 0; i < o->target_count; i++) {
			for (int64_t n = 0; n < o->block; n++)
				one_request(&lanes[i], request, is_counted);
		}
	}
}

void load_latency_run(const struct load_options *o)
{
	static struct lane lanes[LOAD_TARGETS_MAX];
	struct buf request;

	buf_init(&request, LOAD_REQUEST_MAX);
	load_request(o, &request);
	for (size_t i = 0; i < o->target_count; i++) {
		lanes[i].target = &o->targets[i];
		lanes[i].fd =
			tool_connect_now(&o->targets[i].address, TIMEOUT_S);
		lanes[i].whole = stats_new();
		lanes[i].first = stats_new();
	}
	run_blocks(lanes, o, buf_str(&request), WARM_REQUESTS, false);
	run_blocks(lanes, o, buf_str(&request), o->requests, true);
	for (size_t i = 0; i < o->target_count; i++) {
		printf("{\"event\":\"latency\",\"target\":\"" STR_FMT "\",",
		       STR_ARG(lanes[i].target->name));
		stats_print(lanes[i].whole, "whole_us");
		putchar(',');
		stats_print(lanes[i].first, "first_us");
		puts("}");
		stats_free(lanes[i].whole);
		stats_free(lanes[i].first);
	}
	buf_fini(&request);
}
