/*
 * err - where a fatal error was born, and who it belongs to.
 *
 *	return err_new(-EPROTO, "sse: line over %zu bytes", max);
 *	...
 *	if (r < 0)
 *		return err_up(r);
 *	...
 *	log_warn("upstream failed: " STR_FMT, STR_ARG(err_text()));
 *
 * A function returns 0 when done, -errno when it failed fatally (passed up
 * unchanged), or a positive outcome that its header documents.  err_new() notes
 * file, line and text; err_up() adds a frame, three are kept.  Errors are
 * logged once, at the top.
 *
 * The notes belong to the running context: one per thread, or one per task,
 * which the task switch installs.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/str.h"

enum {
	ERR_FRAMES = 3,
	ERR_TEXT_MAX = 160,
	REQUEST_ID_MAX = 64
};

struct err_frame {
	const char *file; /* static */
	int line;
	int code;
};

/* What the thread is working on: errors and log lines carry it. */
struct context {
	struct err_frame frames[ERR_FRAMES];
	uint8_t frame_count;
	uint8_t text_len;
	uint8_t request_id_len;
	char text[ERR_TEXT_MAX]; /* of the newest err_new() */
	char request_id[REQUEST_ID_MAX];
};

/* The running context; never NULL. */
struct context *context_get(void);

/* Install c, or the thread's own with NULL.  Returns what was installed. */
struct context *context_set(struct context *c);

void context_set_request_id(struct str id);
struct str context_request_id(void);

#define err_new(code, ...) err_note(__FILE__, __LINE__, code, __VA_ARGS__)
#define err_up(code)       err_frame_add(__FILE__, __LINE__, code)

#ifdef __clang_analyzer__
/* It sees one file at a time, and must know that what comes back is < 0. */
#undef err_new
#undef err_up
#define err_new(code, ...) \
	(err_note(__FILE__, __LINE__, code, __VA_ARGS__), (code))
#define err_up(code) (err_frame_add(__FILE__, __LINE__, code), (code))
#endif

/* Both return code, which is < 0. */
int err_note(const char *file, int line, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int err_frame_add(const char *file, int line, int code);

/* The newest error's text, valid until the next err_new(); may be empty. */
struct str err_text(void);

void err_clear(void);

#endif
