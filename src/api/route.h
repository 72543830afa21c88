/*
 * route - which function answers which request.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "core/worker.h"

struct api_call {
	struct task *task;
	struct request *req;
	struct worker *worker;
	struct catalog *catalog; /* the one this request began with */
	struct str rest;         /* what a pattern's '*' stood for, decoded */
	/* For the log: key=value pairs, "" for none. */
	struct str note;
};

struct route {
	struct str method;
	struct str path; /* a last '*' stands for one byte or more */
	void (*handle)(struct api_call *c);
};

/* Ends with an empty path. */
extern const struct route routes[];

/* For struct server_cfg: request->user is the worker. */
void route_request(struct task *t, struct request *req);
void route_refuse(struct task *t, struct request *req,
		  const struct http_fault *fault);

/* For handlers: a whole JSON answer, and an error. */
void route_reply(struct api_call *c, int status, struct str json);
void route_fail(struct api_call *c, const struct api_error *e);

#endif
