/*
 * fail - tell a client that its request failed, in OpenAI's dialect.
 */
#ifndef CORE_FAIL_H
#define CORE_FAIL_H

#include "llm/error.h"
#include "net/reply.h"

/*
 * Before the head has left: a JSON answer with e->status.  After: one event
 * data: {"error":{...}}, then the connection is cut, so that no client takes
 * the stream for complete.
 */
void fail_send(struct task *t, struct request *req, const struct api_error *e);

/* The JSON text of it, in a. */
struct str fail_text(const struct api_error *e, struct arena *a);

#endif
