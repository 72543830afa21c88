/*
 * load - what the modes of the load generator share.
 *
 * Everything that is measured goes to standard output as one JSON object per
 * line; times are microseconds on the monotonic clock.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "base/buf.h"
#include "base/str.h"

#include <netinet/in.h>

enum {
	LOAD_TARGETS_MAX = 8,
	LOAD_PIDS_MAX = 8,
	LOAD_REQUEST_MAX = 64 << 20,
};

struct load_target {
	struct str name;
	struct sockaddr_in address;
};

struct load_options {
	struct load_target targets[LOAD_TARGETS_MAX];
	size_t target_count;
	int pids[LOAD_PIDS_MAX]; /* whose CPU time to report */
	size_t pid_count;
	const char *model;
	const char *key;  /* of the Authorization header */
	const char *user; /* to the mock: "mock pace=20" */
	int64_t connections;
	int64_t ramp;     /* how many may be opening at once */
	int64_t requests; /* stop after so many; 0: by time */
	int64_t seconds;
	int64_t warmup_s;
	int64_t body_bytes;
	int64_t block; /* latency: requests to one target before the next */
	bool stream;
	bool responses; /* POST /v1/responses */
	bool once; /* a connection is used for one request, then kept idle */
};

/* Append the request, head and body, that all targets are sent. */
void load_request(const struct load_options *o, struct buf *out);

/* CPU time of all of --pid. */
int64_t load_cpu_ns(const struct load_options *o);

/* Many connections at once; load_crowd.c. */
void load_crowd_run(const struct load_options *o);

/* One connection per target, one request at a time; load_latency.c. */
void load_latency_run(const struct load_options *o);

#endif
