/*
 * route - which function answers which request.
 */
#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "core/tracing.h"
#include "llm/usage.h"
#include "telemetry/metrics_text.h"

/* What came of a request that a model answers: for log, metrics and traces. */
struct api_facts {
	struct str model;     /* the JSON text that the client sent, or "" */
	struct str series;    /* its id in the catalog, or "other" */
	struct str provider;  /* the last that was asked; "" for none */
	struct str kind;      /* what it is: "azure.ai.openai" */
	struct str operation; /* "chat", ... */
	struct usage usage;
	unsigned attempts;
	int upstream_status;    /* 0: it did not answer */
	int64_t first_token_ns; /* of a stream; 0: none came */
};

struct api_call {
	struct task *task;
	struct request *req;
	struct worker *worker;
	struct catalog *catalog; /* the one this request began with */
	struct str rest;         /* what a pattern's '*' stood for, decoded */
	struct str sub;          /* the same of a second '*' */
	size_t route;            /* of routes; route_count() for none */
	struct str session;      /* of recordings, by the path; or "" */
	struct api_facts facts;
	struct tracing *trace; /* or NULL */
};

struct route {
	struct str method; /* "*": any */
	struct str path;   /* a '*' stands for one byte or more; two at most */
	void (*handle)(struct api_call *c);
	bool raw; /* it reads path and body by itself, as they come */
};

/* Ends with an empty path.  Of several that fit, the first path decides. */
extern const struct route routes[];
size_t route_count(void);

/* Fill out with the methods and paths of all routes. */
void route_names(struct metrics_route_name *out);

/* For struct server_cfg: request->user is the worker. */
bool route_streams(const struct request *req);
void route_request(struct task *t, struct request *req);
void route_refuse(struct task *t, struct request *req,
		  const struct http_fault *fault);

/* For handlers: a whole JSON answer, and an error. */
void route_reply(struct api_call *c, int status, struct str json);
void route_fail(struct api_call *c, const struct api_error *e);

/* 405: the path takes other methods, "GET, POST". */
void route_no_method(struct api_call *c, struct str path, struct str allow)
	__attribute__((noinline));

#endif
