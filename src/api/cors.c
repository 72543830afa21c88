#include "api/cors.h"

#include "base/log.h"
#include "config/cors.h"

static const struct config_cors *cors_of(const struct request *req)
{
	const struct worker *w = req->user;

	return w->catalog->registry->config->cors;
}

void cors_begin(struct request *req)
{
	const struct config_cors *cors = cors_of(req);
	struct arena *a = &req->arena;
	struct str origin;

	if (cors == NULL)
		return;
	origin = http_value(&req->head, HTTP_ORIGIN);
	if (cors_is_open(cors)) {
		req->extra = arena_printf(
			a, "access-control-allow-origin: *\r\n" STR_FMT,
			STR_ARG(cors_lines(cors)));
	} else if (cors_allows_origin(cors, origin)) {
		req->extra =
			arena_printf(a,
				     "access-control-allow-origin: " STR_FMT
				     "\r\nvary: Origin\r\n" STR_FMT,
				     STR_ARG(origin),
				     STR_ARG(cors_lines(cors)));
	} else {
		req->extra = STR("vary: Origin\r\n");
	}
}

static int refuse(struct api_call *c, struct api_error *e, const char *what,
		  struct str name, const char *key)
{
	(void)api_fail(e, &c->req->arena, 400, "invalid_request_error", NULL,
		       "CORS: %s '" STR_FMT "' is not allowed by %s.", what,
		       STR_ARG(str_take(name, 200)), key);
	e->code = STR("cors_not_allowed");
	return API_FAIL;
}

static int check(struct api_call *c, const struct config_cors *cors,
		 struct str method, struct str names, struct api_error *e)
{
	struct str origin = http_value(&c->req->head, HTTP_ORIGIN), name;

	if (!cors_allows_origin(cors, origin)) {
		return refuse(c, e, "the origin", origin,
			      "server.cors.allow_origins");
	}
	if (!cors_allows_method(cors, method)) {
		return refuse(c, e, "the method", method,
			      "server.cors.allow_methods");
	}
	while (names.len > 0) {
		(void)str_cut(names, ',', &name, &names);
		name = str_trim(name);
		if (name.len > 0 && !cors_allows_header(cors, name)) {
			return refuse(c, e, "the header", name,
				      "server.cors.allow_headers");
		}
	}
	return 0;
}

bool cors_preflight(struct api_call *c)
{
	const struct config_cors *cors = cors_of(c->req);
	struct request *req = c->req;
	const struct http_header *method, *names;
	struct str asked = STR_NULL;
	struct api_error e;

	if (cors == NULL || !str_eq(req->head.method, STR("OPTIONS")) ||
	    http_find(&req->head, HTTP_ORIGIN) == NULL)
		return false;
	method = http_find_name(&req->head,
				STR("access-control-request-method"));
	names = http_find_name(&req->head,
			       STR("access-control-request-headers"));
	if (method == NULL)
		return false;
	if (names != NULL)
		asked = names->value;
	if (check(c, cors, method->value, asked, &e) != 0) {
		route_fail(c, &e);
		return true;
	}
	req->extra = arena_join(&req->arena,
				(struct str[]){ req->extra,
						cors_preflight_lines(cors) },
				2);
	request_start(req, 204, STR_NULL);
	request_header(req, STR("x-request-id"), request_id(req));
	if (cors_allows_all_headers(cors) && asked.len > 0)
		request_header(req, STR("access-control-allow-headers"), asked);
	if (request_send(c->task, req, NULL, 0) < 0)
		log_debug("the client is gone");
	return true;
}
