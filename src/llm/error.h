/*
 * error - what a client is told when a request fails.
 *
 * One struct for all dialects; it is rendered in one place (api/reply).  In
 * OpenAI's dialect: {"error":{"message","type","param","code"}}.
 */
#ifndef LLM_ERROR_H
#define LLM_ERROR_H

#include "base/arena.h"

struct api_error {
	int status;
	struct str type;    /* "invalid_request_error", ... */
	struct str code;    /* "" renders as null */
	struct str param;   /* "messages[2].role"; "" renders as null */
	struct str message; /* what is wrong, where, and what to do */
	bool with_detail;   /* say it once more as "detail", as OGX does here */
};

/* What a function that filled an api_error returns. */
enum {
	API_FAIL = 1
};

/*
 * Fill e and return API_FAIL.  type and param live in the program text or the
 * arena; the message is made in the arena.  code is a general word for the
 * status, if there is one; put a better one in its place.
 */
int api_fail(struct api_error *e, struct arena *a, int status, const char *type,
	     const char *param, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* OpenAI's error type for a status: 401 gives "authentication_error", ... */
const char *api_error_type(int status);

#endif
