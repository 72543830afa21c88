/*
 * log - lines for the operator.
 *
 *	log_start(&(struct log_cfg){ .level = LOG_INFO, .fd = 2 });
 *	log_warn("upstream %s failed: " STR_FMT, name, STR_ARG(err_text()));
 *	log_stop();
 *
 * A line is formatted by the caller into its thread's own bounded ring (no
 * lock) and written by one thread, so that a slow terminal or disk never holds
 * up a worker.  When a ring is full the line is dropped and counted, and the
 * count is logged once there is room.  Each line carries wall time, level and
 * the context's request id.  Text format:
 *
 *	2026-11-21T03:31:00.123Z info  [req_0123...] text key=value
 *
 * JSON format: one object per line with ts, level, request_id and msg.
 * The writing thread masks what looks like a key (sk-..., Bearer ..., AKIA...,
 * api-key values) and every secret told to log_secret(), whatever the caller
 * wrote.  Before log_start() and after log_stop() lines go straight to fd 2.
 * Control characters are escaped: what a peer says never makes a line.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/arena.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR
};

enum {
	LOG_LINE_MAX = 2048,
	LOG_RING_SIZE = 64 * 1024
};

struct log_cfg {
	enum log_level level;
	bool json;
	bool colour; /* text only */
	int fd;
};

void log_start(const struct log_cfg *cfg);

/*
 * Write what is in the rings and stop the thread.  A descriptor that takes
 * nothing is given up after two seconds: the lines then count as dropped.
 */
void log_stop(void);

/* Change the level, also while running. */
void log_set_level(enum log_level level);

bool log_enabled(enum log_level level);

/* Lines dropped so far, by all threads. */
uint64_t log_dropped(void);

/*
 * Mask s (copied; shorter than 8 bytes is ignored) wherever it would be
 * written.  Of more than 4096 secrets the oldest is forgotten.
 */
void log_secret(struct str s);

/* Copies of all that log_secret() was told, in a.  Returns how many. */
size_t log_secrets(struct arena *a, struct str **out);

/*
 * The same masking for others who show text (config show, task dumps): writes
 * the masked s to out, at most max bytes, and returns the slice of it.
 */
struct str log_mask(struct str s, char *out, size_t max);

void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A line with fields: " key=value key=\"a value\" ...", where the quotes are
 * left out around what has no space.  In the JSON format each is a member of its
 * own, a number or true or false as such.
 */
void log_fields(enum log_level level, struct str text, struct str fields);

#define log_at(level, ...) \
	(log_enabled(level) ? log_line(level, __VA_ARGS__) : (void)0)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)

#endif
