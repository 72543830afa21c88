/*
 * world - a loop with a client and a scripted upstream, for one test.
 *
 * Checks inside tasks note the first failure, and world_run() of upstream.h
 * reports it: a failed check must not jump off a task's stack.
 */
#ifndef TESTS_NET_WORLD_H
#define TESTS_NET_WORLD_H

#include "io/io.h"
#include "net/client.h"
#include "tests/unit/table.h"

#include <stdio.h>

#define OK_LENGTH "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
#define GET_HEAD             \
	"GET / HTTP/1.1\r\n" \
	"host: up.test\r\n"  \
	"accept-encoding: gzip\r\n\r\n"

/* The pieces that most scripts are made of. */
#define ASKED                              \
	{                                  \
		EXPECT, STR_INIT(GET_HEAD) \
	}
#define ANSWER(text)                 \
	{                            \
		SEND, STR_INIT(text) \
	}
#define DO(kind)             \
	{                    \
		kind,        \
		{            \
			0, 0 \
		}            \
	}

enum step_kind {
	STEP_END, /* wait until the client closes */
	EXPECT,   /* exactly these bytes come */
	SEND,     /* in pieces of world.step */
	SLEEP,    /* 30 ms */
	EAT,      /* bytes up to and with these */
	TLS,      /* the handshake, with world.tls */
	CLOSE,
	RESET,
};

struct step {
	enum step_kind kind;
	struct str bytes;
};

enum {
	SCRIPTS_MAX = 4,
	EAT_MAX = 64 << 20
};

struct world {
	const struct step *scripts[SCRIPTS_MAX];
	size_t step; /* bytes per write; 0: all */
	struct client_cfg cfg;
	const char *unix_path;
	struct tls_ctx *tls; /* the upstream's */
	void (*run)(struct task *t, struct world *w);
	const void *arg;

	/* Set for run(). */
	struct loop *loop;
	struct client *client;
	struct client_origin origin;
	uint16_t port;
	char host_header[32];
	const char *name;
	struct io *listener;
	size_t accepted;
	size_t resumed;  /* TLS sessions */
	char fault[512]; /* the first failed check */
};

#define world_check(w, cond)                                               \
	do {                                                               \
		if (!(cond) && (w)->fault[0] == '\0')                      \
			(void)snprintf((w)->fault, sizeof((w)->fault),     \
				       "%s: line %d: not %s (last error: " \
				       "%.*s)",                            \
				       (w)->name, __LINE__, #cond,         \
				       STR_ARG(err_text()));               \
	} while (0)

#define world_check_int(w, got, want)                                          \
	do {                                                                   \
		long long got_ = (long long)(got), want_ = (long long)(want);  \
		if (got_ != want_ && (w)->fault[0] == '\0')                    \
			(void)snprintf((w)->fault, sizeof((w)->fault),         \
				       "%s: line %d: %s is %lld, not %lld "    \
				       "(last error: %.*s)",                   \
				       (w)->name, __LINE__, #got, got_, want_, \
				       STR_ARG(err_text()));                   \
	} while (0)

#define world_check_str(w, got, want)                                    \
	do {                                                             \
		struct str s_ = (got), want_ = (want);                   \
		if (!str_eq(s_, want_) && (w)->fault[0] == '\0')         \
			(void)snprintf((w)->fault, sizeof((w)->fault),   \
				       "%s: line %d: got '%.*s', want "  \
				       "'%.*s'",                         \
				       (w)->name, __LINE__, STR_ARG(s_), \
				       STR_ARG(want_));                  \
	} while (0)

static const struct client_cfg plain_cfg = {
	.pool_max = 4,
	.pool_idle_ns = 10 * CLOCK_S,
};

static inline int64_t soon(struct task *t, int ms)
{
	return task_now(t) + ms * CLOCK_MS;
}

static inline struct client_request get(const struct world *w)
{
	return (struct client_request){
		.origin = &w->origin,
		.method = STR("GET"),
		.target = STR("/"),
		.timeouts = { .deadline_ns = CLOCK_NEVER },
	};
}

#endif
