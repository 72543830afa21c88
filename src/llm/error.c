#include "llm/error.h"

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum {
	MESSAGE_MAX = 16 * 1024
};

/* A message that passes the limit is cut, never refused. */
static struct str __attribute__((format(printf, 2, 0)))
message_make(struct arena *a, const char *fmt, va_list args)
{
	va_list again;
	char *text;
	size_t size;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	assert(n >= 0);

	size = (size_t)n < MESSAGE_MAX ? (size_t)n + 1 : MESSAGE_MAX;
	text = arena_alloc(a, size);
	n = vsnprintf(text, size, fmt, args);
	assert(n >= 0);
	return (struct str){ text, size - 1 };
}

/* For programs: where no better word is known than what the status says. */
static const char *code_of(int status)
{
	switch (status) {
	case 400:
		return "invalid_value";
	case 500:
		return "internal_error";
	case 501:
		return "not_offered";
	case 503:
		return "overloaded";
	default:
		return NULL;
	}
}

int api_fail(struct api_error *e, struct arena *a, int status, const char *type,
	     const char *param, const char *fmt, ...)
{
	va_list args;
	struct str message;

	assert(status >= 400 && status <= 599);

	va_start(args, fmt);
	message = message_make(a, fmt, args);
	va_end(args);
	*e = (struct api_error){
		.status = status,
		.type = str_of(type != NULL ? type : api_error_type(status)),
		.code = str_of(code_of(status)),
		.param = str_of(param),
		.message = message,
	};
	return API_FAIL;
}

const char *api_error_type(int status)
{
	static const struct {
		int status;
		const char *type;
	} types[] = {
		{ 401, "authentication_error" },
		{ 403, "permission_error" },
		{ 408, "timeout_error" },
		{ 429, "rate_limit_error" },
		{ 502, "upstream_error" },
		{ 503, "service_unavailable_error" },
		{ 504, "timeout_error" },
	};

	for (size_t i = 0; i < countof(types); i++) {
		if (types[i].status == status)
			return types[i].type;
	}
	return status < 500 ? "invalid_request_error" : "server_error";
}
