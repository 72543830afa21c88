#include "api/route.h"

#include "api/access.h"
#include "api/cors.h"
#include "api/handlers.h"
#include "api/replay.h"
#include "base/log.h"
#include "config/routes.h"
#include "core/fail.h"
#include "http/url.h"

#include <assert.h>

const struct route routes[] = {
	{ STR_INIT("POST"), STR_INIT("/v1/chat/completions"), chat_create },
	{ STR_INIT("GET"), STR_INIT("/v1/chat/completions"),
	  completions_stored_list },
	{ STR_INIT("GET"), STR_INIT("/v1/chat/completions/*/messages"),
	  completions_stored_messages },
	{ STR_INIT("GET"), STR_INIT("/v1/chat/completions/*"),
	  completions_stored_get },
	{ STR_INIT("POST"), STR_INIT("/v1/chat/completions/*"),
	  completions_stored_update },
	{ STR_INIT("DELETE"), STR_INIT("/v1/chat/completions/*"),
	  completions_stored_delete },
	{ STR_INIT("POST"), STR_INIT("/v1/completions"), completions_create },
	{ STR_INIT("POST"), STR_INIT("/v1/embeddings"), embeddings_create },
	{ STR_INIT("POST"), STR_INIT("/v1/responses"), responses_create },
	{ STR_INIT("GET"), STR_INIT("/v1/responses"), responses_stored_list },
	{ STR_INIT("POST"), STR_INIT("/v1/responses/compact"),
	  responses_compact },
	{ STR_INIT("POST"), STR_INIT("/v1/responses/*/cancel"),
	  responses_cancel },
	{ STR_INIT("GET"), STR_INIT("/v1/responses/*/input_items"),
	  responses_stored_input },
	{ STR_INIT("GET"), STR_INIT("/v1/responses/*"), responses_stored_get },
	{ STR_INIT("DELETE"), STR_INIT("/v1/responses/*"), responses_delete },
	{ STR_INIT("POST"), STR_INIT("/v1/conversations"),
	  conversations_create },
	{ STR_INIT("GET"), STR_INIT("/v1/conversations/*/items/*"),
	  conversations_items_get },
	{ STR_INIT("DELETE"), STR_INIT("/v1/conversations/*/items/*"),
	  conversations_items_delete },
	{ STR_INIT("GET"), STR_INIT("/v1/conversations/*/items"),
	  conversations_items_list },
	{ STR_INIT("POST"), STR_INIT("/v1/conversations/*/items"),
	  conversations_items_create },
	{ STR_INIT("GET"), STR_INIT("/v1/conversations/*"), conversations_get },
	{ STR_INIT("POST"), STR_INIT("/v1/conversations/*"),
	  conversations_update },
	{ STR_INIT("DELETE"), STR_INIT("/v1/conversations/*"),
	  conversations_delete },
	{ STR_INIT("GET"), STR_INIT("/v1/prompts"), prompts_list },
	{ STR_INIT("POST"), STR_INIT("/v1/prompts"), prompts_create },
	{ STR_INIT("GET"), STR_INIT("/v1/prompts/*/versions"),
	  prompts_versions },
	{ STR_INIT("PUT"), STR_INIT("/v1/prompts/*/set-default-version"),
	  prompts_set_default },
	{ STR_INIT("GET"), STR_INIT("/v1/prompts/*"), prompts_get },
	{ STR_INIT("PUT"), STR_INIT("/v1/prompts/*"), prompts_update },
	{ STR_INIT("DELETE"), STR_INIT("/v1/prompts/*"), prompts_delete },
	{ STR_INIT("POST"), STR_INIT("/v1/moderations"), moderations_create },
	{ STR_INIT("POST"), STR_INIT("/v1alpha/inference/rerank"),
	  rerank_create },
	{ STR_INIT("GET"), STR_INIT("/v1/models"), models_list },
	{ STR_INIT("GET"), STR_INIT("/v1/models/*"), models_get },
	{ STR_INIT("GET"), STR_INIT("/v1/providers"), providers_list },
	{ STR_INIT("GET"), STR_INIT("/v1/providers/*"), providers_get },
	{ STR_INIT("GET"), STR_INIT("/v1/health"), status_health },
	{ STR_INIT("GET"), STR_INIT("/v1/ready"), ready_get },
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
	{ STR_INIT("POST"), STR_INIT("/v1alpha/replay/sessions"),
	  sessions_begin },
	{ STR_INIT("GET"), STR_INIT("/v1alpha/replay/sessions/*"),
	  sessions_get },
	{ STR_INIT("DELETE"), STR_INIT("/v1alpha/replay/sessions/*"),
	  sessions_finish },
	{ STR_INIT("POST"), STR_INIT("/v1alpha/replay/sessions/*"),
	  sessions_release },
	{ STR_INIT("*"), STR_INIT("/v1/passthrough/*"), passthrough_any, true },
	/* Its path is the configuration's. */
	{ STR_INIT("GET"), STR_INIT("/metrics"), scrape_get },
	{ { 0 }, { 0 }, NULL, false },
};

size_t route_count(void)
{
	return countof(routes) - 1;
}

void route_names(struct metrics_route_name *out)
{
	for (size_t i = 0; i < route_count(); i++) {
		out[i].method = routes[i].method;
		out[i].path = routes[i].path;
	}
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

static struct str path_of(const struct worker *w, const struct route *r)
{
	return r->handle == scrape_get ? scrape_path(w) : r->path;
}

/* What the '*'s of a pattern stand for. */
struct parts {
	struct str rest, sub;
};

/* Of two '*' the first stands for as little as possible. */
static bool match_two(struct str path, struct str middle, struct parts *out)
{
	size_t at = str_find(path, middle);

	out->rest = str_take(path, at);
	out->sub = str_drop(path, at + middle.len);
	return at > 0 && at + middle.len < path.len;
}

/* A '*' in the pattern stands for one byte or more. */
static bool path_matches(const struct worker *w, const struct route *r,
			 struct str path, struct parts *out)
{
	struct str pattern = path_of(w, r), head, tail;

	*out = (struct parts){ .rest = STR_NULL };
	if (!str_cut(pattern, '*', &head, &tail))
		return str_eq(path, pattern);
	if (!str_starts(path, head))
		return false;
	path = str_drop(path, head.len);
	if (str_ends(tail, STR("*")))
		return match_two(path, str_take(tail, tail.len - 1), out);
	if (path.len <= tail.len || !str_ends(path, tail))
		return false;
	out->rest = str_take(path, path.len - tail.len);
	return true;
}

/* The first row whose path fits decides on the path: NULL for none. */
static const struct route *first_fit(const struct worker *w, struct str path,
				     struct parts *out)
{
	for (const struct route *r = routes; r->path.len > 0; r++) {
		if (path_matches(w, r, path, out))
			return r;
	}
	return NULL;
}

/* HEAD is GET without the body, which the server leaves out. */
static bool method_matches(const struct route *r, struct str method)
{
	return str_eq(r->method, method) || str_eq(r->method, STR("*")) ||
	       (str_eq(method, STR("HEAD")) && str_eq(r->method, STR("GET")));
}

void route_no_method(struct api_call *c, struct str path, struct str allow)
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

static __attribute__((noinline)) void no_path(struct api_call *c,
					      struct str path)
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
	if (passthrough_is_usual(path)) {
		hint = STR(" To pass it on to a provider, configure "
			   "passthrough.routes, or ask for "
			   "/v1/passthrough/PROVIDER_ID/...");
	} else if (near.len > 0) {
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

/* One slash at the end is the client's habit. */
static struct str plain_path(const struct request *req)
{
	size_t cut = req->path.len > 1 && str_ends(req->path, STR("/"));

	return str_take(req->path, req->path.len - cut);
}

/* What serves a request, and what its '*'s stand for. */
struct match {
	const struct route *row;         /* NULL: none */
	const struct route *fit;         /* of other methods, too; NULL: none */
	const struct config_route *pass; /* then; NULL: none either */
	struct parts parts;
};

/* Endpoints come first, then what the configuration passes through. */
static struct match find(const struct worker *w, const struct request *req)
{
	struct str path = plain_path(req);
	struct match m = { 0 };

	m.fit = first_fit(w, path, &m.parts);
	for (const struct route *r = m.fit; r != NULL && r->path.len > 0; r++) {
		if (str_eq(r->path, m.fit->path) &&
		    method_matches(r, req->head.method)) {
			m.row = r;
			return m;
		}
	}
	m.pass = routes_find(w->catalog->registry->config, path);
	return m;
}

bool route_streams(const struct request *req)
{
	struct match m = find(req->user, req);

	return m.row != NULL ? m.row->raw : m.pass != NULL;
}

static size_t index_of(void (*handle)(struct api_call *c))
{
	size_t i = 0;

	while (routes[i].handle != handle)
		i++;
	return i;
}

/* "GET, POST", of all rows that have the path. */
static struct str methods_of(const struct api_call *c, const struct route *fit)
{
	struct str all = STR_NULL;

	for (const struct route *r = fit; r->path.len > 0; r++) {
		if (!str_eq(r->path, fit->path))
			continue;
		all = arena_printf(&c->req->arena, STR_FMT "%s" STR_FMT,
				   STR_ARG(all), all.len > 0 ? ", " : "",
				   STR_ARG(r->method));
	}
	return all;
}

static __attribute__((noinline)) void bad_escape(struct api_call *c)
{
	struct api_error e;

	(void)api_fail(&e, &c->req->arena, 400, "invalid_request_error", NULL,
		       "The path has a bad %%-escape.");
	route_fail(c, &e);
}

static void dispatch(struct api_call *c)
{
	struct match m = find(c->worker, c->req);

	if (m.row != NULL) {
		c->route = (size_t)(m.row - routes);
		int r = url_decode(m.parts.rest, &c->req->arena, &c->rest);

		if (r == 0)
			r = url_decode(m.parts.sub, &c->req->arena, &c->sub);
		if (r < 0 && !m.row->raw) {
			bad_escape(c);
			return;
		}
		m.row->handle(c);
	} else if (m.pass != NULL) {
		c->route = index_of(passthrough_any);
		passthrough_route(c, m.pass);
	} else if (m.fit != NULL) {
		route_no_method(c, plain_path(c->req), methods_of(c, m.fit));
	} else {
		no_path(c, plain_path(c->req));
	}
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

	if (w->library != NULL)
		replay_strip_path(&c);
	access_begin(&access, &c);
	cors_begin(req);
	if (!cors_preflight(&c))
		dispatch(&c);
	access_end(&access, &c);
	catalog_unref(c.catalog);
}

void route_refuse(struct task *t, struct request *req,
		  const struct http_fault *fault)
{
	struct api_error e;

	cors_begin(req);
	(void)api_fail(&e, &req->arena, fault->status,
		       api_error_type(fault->status), NULL, "%s.", fault->text);
	e.code = STR("bad_http_request");
	fail_send(t, req, &e);
	access_refused(req);
	log_info("refused status=%d %s", fault->status, fault->text);
}
