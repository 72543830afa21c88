#include "api/route.h"

#include "api/handlers.h"
#include "base/log.h"
#include "core/fail.h"
#include "http/url.h"

#include <assert.h>

const struct route routes[] = {
	{ STR_INIT("POST"), STR_INIT("/v1/chat/completions"), chat_create },
	{ STR_INIT("POST"), STR_INIT("/v1/completions"), completions_create },
	{ STR_INIT("GET"), STR_INIT("/v1/models"), models_list },
	{ STR_INIT("GET"), STR_INIT("/v1/models/*"), models_get },
	{ STR_INIT("GET"), STR_INIT("/v1/providers"), providers_list },
	{ STR_INIT("GET"), STR_INIT("/v1/providers/*"), providers_get },
	{ STR_INIT("GET"), STR_INIT("/v1/health"), status_health },
	{ STR_INIT("GET"), STR_INIT("/v1/version"), status_version },
	{ { 0 }, { 0 }, NULL },
};

void route_reply(struct api_call *c, int status, struct str json)
{
	if (request_reply(c->task, c->req, status, STR("application/json"),
			  json) < 0)
		log_debug("the client is gone");
}

void route_fail(struct api_call *c, const struct api_error *e)
{
	fail_send(c->task, c->req, e);
}

static bool path_matches(const struct route *r, struct str path,
			 struct str *rest)
{
	struct str fixed = r->path;

	*rest = STR_NULL;
	if (!str_ends(fixed, STR("*")))
		return str_eq(path, fixed);
	fixed.len--;
	*rest = str_drop(path, fixed.len);
	return str_starts(path, fixed) && rest->len > 0;
}

/* HEAD is GET without the body, which the server leaves out. */
static bool method_matches(const struct route *r, struct str method)
{
	return str_eq(r->method, method) ||
	       (str_eq(method, STR("HEAD")) && str_eq(r->method, STR("GET")));
}

static void no_method(struct api_call *c, struct str path, struct str allow)
{
	struct api_error e;
	struct str text;

	(void)api_fail(&e, &c->req->arena, 405, "invalid_request_error", NULL,
		       STR_FMT " takes " STR_FMT ", not " STR_FMT ".",
		       STR_ARG(str_take(path, 200)), STR_ARG(allow),
		       STR_ARG(str_take(c->req->head.method, 20)));
	e.code = STR("method_not_allowed");
	e.with_detail = true;
	text = fail_text(&e, &c->req->arena);
	request_start(c->req, 405, STR("application/json"));
	request_header(c->req, STR("allow"), allow);
	request_header(c->req, STR("x-request-id"), request_id(c->req));
	if (request_send(c->task, c->req, &text, 1) < 0)
		log_debug("the client is gone");
}

static void no_path(struct api_call *c, struct str path)
{
	struct str near = STR_NULL, hint = STR_NULL;
	size_t best = 2 + path.len / 4;
	struct api_error e;

	for (const struct route *r = routes; r->path.len > 0; r++) {
		size_t d = str_distance(r->path, path);

		if (d < best) {
			best = d;
			near = r->path;
		}
	}
	if (near.len > 0) {
		hint = arena_printf(&c->req->arena,
				    " Did you mean " STR_FMT "?",
				    STR_ARG(near));
	} else if (!str_starts(path, STR("/v1"))) {
		hint = STR(" Paths start with /v1: is it missing from the "
			   "client's base URL?");
	}
	(void)api_fail(&e, &c->req->arena, 404, "invalid_request_error", NULL,
		       "There is nothing at " STR_FMT "." STR_FMT,
		       STR_ARG(str_take(path, 200)), STR_ARG(hint));
	e.code = STR("not_found");
	e.with_detail = true;
	route_fail(c, &e);
}

static void dispatch(struct api_call *c)
{
	struct str path = c->req->path, allow = STR_NULL, rest;
	struct api_error e;

	if (path.len > 1 && str_ends(path, STR("/")))
		path.len--;
	for (const struct route *r = routes; r->path.len > 0; r++) {
		if (!path_matches(r, path, &rest))
			continue;
		if (!method_matches(r, c->req->head.method)) {
			allow = r->method;
			continue;
		}
		if (url_decode(rest, &c->req->arena, &c->rest) < 0) {
			(void)api_fail(&e, &c->req->arena, 400,
				       "invalid_request_error", NULL,
				       "The path has a bad %%-escape.");
			route_fail(c, &e);
			return;
		}
		r->handle(c);
		return;
	}
	if (allow.len > 0)
		no_method(c, path, allow);
	else
		no_path(c, path);
}

static int64_t us(int64_t ns)
{
	return ns / CLOCK_US;
}

static void log_access(const struct api_call *c, struct str method,
		       struct str path)
{
	const struct request *req = c->req;
	int64_t now = task_now(c->task);

	if (!c->catalog->registry->config->log_access || !log_enabled(LOG_INFO))
		return;
	log_info(STR_FMT " " STR_FMT
			 " status=%d ms=%lld.%03lld first_ms=%lld.%03lld "
			 "out=%llu%s" STR_FMT,
		 STR_ARG(method), STR_ARG(path), req->status,
		 (long long)us(now - req->start_ns) / 1000,
		 (long long)us(now - req->start_ns) % 1000,
		 (long long)(req->first_byte_ns > 0
				     ? us(req->first_byte_ns - req->start_ns)
				     : 0) /
			 1000,
		 (long long)(req->first_byte_ns > 0
				     ? us(req->first_byte_ns - req->start_ns)
				     : 0) %
			 1000,
		 (unsigned long long)req->bytes_out,
		 req->finished ? "" : " cut=true", STR_ARG(c->note));
}

void route_request(struct task *t, struct request *req)
{
	struct worker *w = req->user;
	struct api_call c = {
		.task = t,
		.req = req,
		.worker = w,
		.catalog = catalog_ref(w->catalog),
	};
	/* The head may be given back before the line is written. */
	struct str method = str_take(req->head.method, 16);
	struct str path = str_take(req->path, 200);

	if (log_enabled(LOG_INFO)) {
		method = arena_str(&req->arena, method);
		path = arena_str(&req->arena, path);
	}
	dispatch(&c);
	w->stats.requests++;
	w->stats.failures += req->status >= 500;
	log_access(&c, method, path);
	catalog_unref(c.catalog);
}

void route_refuse(struct task *t, struct request *req,
		  const struct http_fault *fault)
{
	struct api_error e;

	(void)api_fail(&e, &req->arena, fault->status,
		       api_error_type(fault->status), NULL, "%s.", fault->text);
	e.code = STR("bad_http_request");
	fail_send(t, req, &e);
	log_info("refused status=%d %s", fault->status, fault->text);
}
