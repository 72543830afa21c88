#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct context own;
static _Thread_local struct context *current;

/* Not inlined: a task's thread-local address must be taken anew each time. */
__attribute__((noinline)) struct context *context_get(void)
{
	return current != NULL ? current : &own;
}

__attribute__((noinline)) struct context *context_set(struct context *c)
{
	struct context *was = current;

	current = c;
	return was;
}

void context_set_request_id(struct str id)
{
	struct context *c = context_get();

	id = str_take(id, sizeof(c->request_id));
	if (id.len > 0)
		memcpy(c->request_id, id.ptr, id.len);
	c->request_id_len = (uint8_t)id.len;
}

struct str context_request_id(void)
{
	const struct context *c = context_get();

	return (struct str){ c->request_id, c->request_id_len };
}

int err_frame_add(const char *file, int line, int code)
{
	struct context *c = context_get();

	assert(code < 0);
	if (c->frame_count < ERR_FRAMES) {
		c->frames[c->frame_count++] =
			(struct err_frame){ file, line, code };
	}
	return code;
}

int err_note(const char *file, int line, int code, const char *fmt, ...)
{
	struct context *c = context_get();
	va_list args;
	int n;

	err_clear();
	va_start(args, fmt);
	n = vsnprintf(c->text, sizeof(c->text), fmt, args);
	va_end(args);
	assert(n >= 0);
	c->text_len =
		(uint8_t)((size_t)n < sizeof(c->text) ? (size_t)n
						      : sizeof(c->text) - 1);
	return err_frame_add(file, line, code);
}

struct str err_text(void)
{
	const struct context *c = context_get();

	return (struct str){ c->text, c->text_len };
}

void err_clear(void)
{
	struct context *c = context_get();

	c->frame_count = 0;
	c->text_len = 0;
}
