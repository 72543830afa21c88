#include "api/route.h"

#include "api/access.h"
#include "api/handlers.h"
#include "base/log.h"
#include "core/fail.h"
#include "http/url.h"

#include <assert.h>

const struct route routes[] = {
	{ STR_INIT("POST"), STR_INIT("/v1/chat/completions"), chat_create },
	{ STR_INIT("POST"), STR_INIT("/v1/completions"), completions_create },
	{ STR_INIT("POST"), STR_INIT("/v1/embeddings"), embeddings_create },
	{ STR_INIT("POST"), STR_INIT("/v1/moderations"), moderations_create },
	{ STR_INIT("POST"), STR_INIT("/v1alpha/inference/rerank"),
	  rerank_create },
	{ STR_INIT("GET"), STR_INIT("/v1/models"), models_list },
	{ STR_INIT("GET"), STR_INIT("/v1/models/*"), models_get },
	{ STR_INIT("GET"), STR_INIT("/v1/providers"), providers_list },
	{ STR_INIT("GET"), STR_INIT("/v1/providers/*"), providers_get },
	{ STR_INIT("GET"), STR_INIT("/v1/health"), status_health },
	{ STR_INIT("GET"), STR_INIT("/v1/version"), status_version },
	{ STR_INIT("GET"), STR_INIT("/v1/inspect/routes"), inspect_routes },
	{ STR_INIT("POST"), STR_INIT("/v1alpha/admin/reload"), admin_reload },
	{ STR_INIT("GET"), STR_INIT("/v1alpha/admin/providers"),
	  admin_providers_list },
	{ STR_INIT("GET"), STR_INIT("/v1alpha/admin/providers/*"),
	  admin_providers_get },
	{ STR_INIT("GET"), STR_INIT("/v1alpha/admin/inspect/routes"),
	  admin_routes },
	{ STR_INIT("GET"), STR_INIT("/v1alpha/admin/health"), admin_health },
	{ STR_INIT("GET"), STR_INIT("/v1alpha/admin/version"), admin_version },
	/* Its path is the configuration's. */
	{ STR_INIT("GET"), STR_INIT("/metrics"), scrape_get },
	{ { 0 }, { 0 }, NULL },
};

size_t route_count(void)
{
	return countof(routes) - 1;
}

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

static struct str path_of(const struct api_call *c, const struct route *r)
{
	return r->handle == scrape_get ? scrape_path(c->worker) : r->path;
}

static bool path_matches(const struct api_call *c, const struct route *r,
			 struct str path, struct str *rest)
{
	struct str fixed = path_of(c, r);

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
		if (!path_matches(c, r, path, &rest))
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
		c->route = (size_t)(r - routes);
		r->handle(c);
		return;
	}
	if (allow.len > 0)
		no_method(c, path, allow);
	else
		no_path(c, path);
}

void route_request(struct task *t, struct request *req)
{
	struct worker *w = req->user;
	struct api_call c = {
		.task = t,
		.req = req,
		.worker = w,
		.catalog = catalog_ref(w->catalog),
		.route = route_count(),
		.facts = { .usage = USAGE_NONE },
	};
	struct access access;

	access_begin(&access, &c);
	dispatch(&c);
	access_end(&access, &c);
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
	access_refused(req);
	log_info("refused status=%d %s", fault->status, fault->text);
}
