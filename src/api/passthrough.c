/*
 * passthrough - requests that go to a provider as they are:
 * /v1/passthrough/{provider_id}/..., and the paths of passthrough.routes.
 */
#include "api/handlers.h"
#include "api/replay.h"
#include "core/forward.h"
#include "core/library.h"
#include "http/url.h"
#include "telemetry/genai.h"

#define PREFIX  STR("/v1/passthrough/")
#define METHODS STR("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")

/* TRACE shows what was sent, the key too; CONNECT is no request of HTTP's. */
static bool is_method(struct str method)
{
	return !str_eq(method, STR("TRACE")) && !str_eq(method, STR("CONNECT"));
}

static int check(struct api_call *c, struct str path, struct api_error *e)
{
	struct arena *a = &c->req->arena;

	/* The route came with a reload, when the body had been read already. */
	if (c->req->body.len > 0) {
		(void)api_fail(e, a, 503, "server_error", NULL,
			       "The configuration was changed while the "
			       "request came in: send it again.");
		e->code = STR("configuration_changed");
		return API_FAIL;
	}
	if (!url_stays_below(path, a)) {
		(void)api_fail(e, a, 400, "invalid_request_error", NULL,
			       "The path behind the provider may not begin "
			       "with //, have . or .. as a segment, encoded or "
			       "not, nor a bad %%-escape.");
		e->code = STR("bad_path");
		return API_FAIL;
	}
	return 0;
}

static int no_provider(struct api_call *c, struct str id,
		       const struct config_route *route, struct api_error *e)
{
	struct arena *a = &c->req->arena;

	if (route != NULL) {
		(void)api_fail(e, a, 500, "server_error", NULL,
			       "passthrough.routes sends this path to "
			       "provider '" STR_FMT
			       "', which is not configured.",
			       STR_ARG(id));
	} else {
		(void)api_fail(e, a, 404, "invalid_request_error", NULL,
			       "Provider '" STR_FMT
			       "' not found; GET /v1/providers lists them.",
			       STR_ARG(str_take(id, 200)));
	}
	e->code = STR("provider_not_found");
	return API_FAIL;
}

/* What is passed through is not recorded: where only recordings play, an error. */
static int check_replay(struct api_call *c, const struct provider_data *data,
			struct api_error *e)
{
	struct edge *edge = NULL;
	int r = c->worker->library != NULL ? replay_read(c, data, &edge, e) : 0;

	if (r != 0 || edge == NULL || edge->mode != EDGE_REPLAY)
		return r;
	(void)api_fail(e, &c->req->arena,
		       (int)c->catalog->registry->config->record_miss_status,
		       "invalid_request_error", NULL,
		       "What is passed through is not recorded, and in mode "
		       "replay no provider is asked.");
	e->code = STR(LIBRARY_MISS);
	return API_FAIL;
}

static void note(struct api_call *c, const struct forward *f)
{
	c->facts.series = METRICS_OTHER;
	c->facts.provider = f->x.upstream->provider.id;
	c->facts.kind =
		genai_provider(str_of(f->x.upstream->provider.type->name));
	c->facts.operation = genai_operation(LLM_RAW);
	c->facts.attempts = f->x.attempts;
	c->facts.upstream_status = f->x.status;
}

static void pass(struct api_call *c, struct str id, struct str path,
		 const struct config_route *route)
{
	const struct config *cfg = c->catalog->registry->config;
	const struct upstream *u = registry_find(c->catalog->registry, id);
	struct forward *f = arena_alloc(&c->req->arena, sizeof(*f));
	struct api_error e;
	int r;

	if (!is_method(c->req->head.method)) {
		route_no_method(c, c->req->path, METHODS);
		return;
	}
	r = check(c, path, &e);
	if (r == 0 && u == NULL)
		r = no_provider(c, id, route, &e);
	if (r == 0)
		r = provider_check_op(&u->provider, LLM_RAW, &c->req->arena,
				      &e);
	if (r == 0) {
		forward_init(f, c->req, c->worker, u);
		r = provider_data_read(&c->req->head, &c->req->arena, &f->data,
				       &e);
	}
	if (r == 0)
		r = check_replay(c, f->data, &e);
	if (r != 0) {
		route_fail(c, &e);
		return;
	}
	f->x.trace = c->trace;
	f->path = path;
	f->query = c->req->query;
	f->body_max = (uint64_t)cfg->passthrough_max;
	f->own_cors = cfg->cors != NULL;
	forward_run(c->task, f);
	note(c, f);
}

void passthrough_any(struct api_call *c)
{
	struct str rest = str_drop(c->req->path, PREFIX.len), id, none;
	struct api_error e;
	size_t len;

	(void)str_cut(rest, '/', &id, &none);
	len = id.len;
	if (url_decode(id, &c->req->arena, &id) < 0) {
		(void)api_fail(&e, &c->req->arena, 400, "invalid_request_error",
			       NULL, "The path has a bad %%-escape.");
		route_fail(c, &e);
		return;
	}
	pass(c, id, str_drop(rest, len), NULL);
}

/* The base URL of a provider ends in /v1 already. */
void passthrough_route(struct api_call *c, const struct config_route *route)
{
	struct str path = c->req->path;

	if (str_starts(path, STR("/v1/")))
		path = str_drop(path, strlen("/v1"));
	pass(c, route->provider_id, path, route);
}

bool passthrough_is_usual(struct str path)
{
	static const struct str names[] = {
		STR_INIT("/v1/assistants"),  STR_INIT("/v1/audio"),
		STR_INIT("/v1/batches"),     STR_INIT("/v1/containers"),
		STR_INIT("/v1/evals"),       STR_INIT("/v1/files"),
		STR_INIT("/v1/fine_tuning"), STR_INIT("/v1/images"),
		STR_INIT("/v1/moderations"), STR_INIT("/v1/threads"),
		STR_INIT("/v1/uploads"),     STR_INIT("/v1/vector_stores"),
		STR_INIT("/v1/videos"),
	};

	for (size_t i = 0; i < countof(names); i++) {
		struct str behind = str_drop(path, names[i].len);

		if (str_starts(path, names[i]) &&
		    (behind.len == 0 || behind.ptr[0] == '/'))
			return true;
	}
	return false;
}
